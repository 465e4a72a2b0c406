//! The health check's answer while the database is unavailable.

use profiles::Contract;

use super::{contract, leak};
use crate::checks::drilled::{UNDER_FAULT, answer, as_exchange, faults, health, under};
use crate::model::check::{Ask, Check, Needs, Reading, Severity, Verdict};
use crate::model::drill::Fault;
use crate::model::exchange::{Exchange, Request};

pub(super) const CONTRACT: Check = Check {
    id: "health.deep.contract-when-down",
    severity: Severity::Medium,
    needs: Needs::Drill,
    rule: "While the database is unavailable, the health check's 503 has the contract's body and names the outage.",
    rationale: "The operator on call reads the body first; a body from another layer, or one that says \
                `connected`, is misleading.",
    remedy: "Write the 503 in the same place as the 200, with `unhealthy` and `disconnected`. FastAPI: \
             `JSONResponse(body, status_code=503)`, not an exception.",
    references: &["https://www.rfc-editor.org/rfc/rfc9110#section-15.6.4"],
    requirements: &["FR-003"],
    ask: |subject| {
        if subject.profile().health.contract == Contract::Status {
            return Ask::skip("the health check promises its status only (health.contract = \"status\")");
        }
        Ask::one(under(subject, Fault::Refuse, health(subject)), "health.contract")
    },
    judge: |subject, exchanges| {
        read(exchanges, |exchange| {
            let checks = [contract::SCHEMA.judge, contract::STATUS_AGREES_WITH_BODY.judge];
            checks
                .into_iter()
                .flat_map(|judge| faults(judge(subject, std::slice::from_ref(exchange))))
                .collect()
        })
    },
    passes: &[
        "under-fault: 503 in 9 ms {\"status\":\"unhealthy\",\"database\":\"disconnected\",\"environment\":\"production\",\"timestamp\":\"2026-01-02T03:04:05Z\"}",
    ],
    fails: &[
        "under-fault: 503 in 9 ms {\"detail\":\"Service Unavailable\"}",
        "under-fault: 503 in 9 ms {\"status\":\"unhealthy\",\"database\":\"connected\",\"environment\":\"production\",\"timestamp\":\"2026-01-02T03:04:05Z\"}",
    ],
};

pub(super) const NO_INTERNALS: Check = Check {
    id: "health.deep.no-internals-when-down",
    severity: Severity::Medium,
    needs: Needs::Drill,
    rule: "While the database is unavailable, the health check names no host, user, query or error text.",
    rationale: "Error texts appear during outages, and the health check is public.",
    remedy: "Log the driver's error, and answer with the contract's words. FastAPI: no `str(error)` in the answer. \
             Express: no `error.message`.",
    references: &["https://cwe.mitre.org/data/definitions/209.html"],
    requirements: &["FR-003", "FR-008", "v5.0.0-16.5.1"],
    ask: |subject| Ask::one(under(subject, Fault::Refuse, health(subject)), "health.path"),
    judge: |subject, exchanges| {
        read(exchanges, |exchange| faults((leak::CHECK.judge)(subject, std::slice::from_ref(exchange))))
    },
    passes: &["under-fault: 503 in 9 ms {\"status\":\"unhealthy\",\"database\":\"disconnected\"}"],
    fails: &["under-fault: 503 in 9 ms {\"error\":\"connection to 127.0.0.1:5432 refused\"}"],
};

/// Reads the answer under the fault as a live check would.
fn read(exchanges: &[Exchange], wrong: impl Fn(&Exchange) -> Vec<String>) -> Verdict {
    Verdict::of_answers(exchanges, |exchange| {
        let response = match answer(exchange, UNDER_FAULT).map(|reply| &reply.answer) {
            Ok(Ok(response)) => response,
            Ok(Err(why)) => return vec![Reading::Unknown(why.to_string())],
            Err(why) => return vec![Reading::Unknown(why)],
        };
        if response.status < 500 {
            let why = format!("with the database unavailable the answer was {}", response.status);
            return vec![Reading::Unknown(why)];
        }
        let live = as_exchange(Request::new("GET", &exchange.request.path), response);
        let broken = |wrong| Reading::Broken(format!("with the database unavailable {wrong}"));
        wrong(&live).into_iter().map(broken).collect()
    })
}

//! The contract of the health check: `specs/004-backend-deployment/contracts/health-check.yaml`.

use profiles::Contract;
use serde_json::Value as Json;

use crate::model::check::{Ask, Check, Needs, Reading, Severity, Subject, Verdict};
use crate::model::exchange::Response;
use crate::model::probe::Probe;

const RFC_9110: &str = "https://www.rfc-editor.org/rfc/rfc9110#section-15.6.4";

pub(super) const STATUS_AND_TYPE: Check = Check {
    id: "health.contract.status-and-type",
    severity: Severity::High,
    needs: Needs::Nothing,
    rule: "The health check answers 200, with JSON where the contract is full.",
    rationale: "Railway makes a deployment live on exactly 200: any other status keeps a healthy release from \
                going live, and a constant 200 lets an unhealthy one go live.",
    remedy: "Find the cause in the body and the logs; answer 200 and `application/json` when the database \
             answers. Express: `res.json(…)`, because `res.send` of a text is HTML.",
    references: &[
        "https://docs.railway.com/deployments/healthchecks",
        "https://www.rfc-editor.org/rfc/rfc9110#section-15.3.1",
        "https://www.rfc-editor.org/rfc/rfc9110#section-8.3",
    ],
    requirements: &["FR-003", "v5.0.0-4.1.1"],
    ask,
    judge: |subject, exchanges| {
        let full = subject.profile().health.contract == Contract::Full;
        Verdict::of_each(exchanges, |exchange, response| {
            let path = &exchange.request.path;
            if response.status != 200 {
                return Reading::Broken(format!("GET {path} answered {}{}", response.status, said(response)));
            }
            let media_type = response.media_type().unwrap_or_else(|| "no content-type".to_owned());
            Reading::expect(!full || media_type == "application/json", || {
                format!("GET {path} answered 200 with {media_type}; the contract says application/json")
            })
        })
    },
    passes: &[HEALTHY],
    fails: &["HTTP/1.1 204 No Content", "HTTP/1.1 200 OK\ncontent-type: text/plain\n\nok", UNHEALTHY],
};

pub(super) const SCHEMA: Check = Check {
    id: "health.contract.schema",
    severity: Severity::High,
    needs: Needs::Nothing,
    rule: "The health check's body has `status`, `database`, `environment` and `timestamp` as the contract defines them.",
    rationale: "Monitors and dashboards read these members; a renamed word or a local time breaks them silently.",
    remedy: "Send `status` ok|unhealthy, `database` connected|disconnected|read-only, `environment`, and \
             `timestamp` as RFC 3339 in UTC. FastAPI: `datetime.now(timezone.utc).isoformat()`. Express: `new \
             Date().toISOString()`.",
    references: &[
        "https://www.rfc-editor.org/rfc/rfc3339#section-5.6",
        "https://www.rfc-editor.org/rfc/rfc8259",
    ],
    requirements: &["FR-003"],
    ask: |subject| where_full(subject, ask),
    judge: |_, exchanges| {
        Verdict::of_each(exchanges, |exchange, response| {
            let Some(body) = response.json() else {
                return Reading::Broken(format!("the body of GET {} is not JSON", exchange.request.path));
            };
            let wrong: Vec<String> = MEMBERS
                .iter()
                .filter_map(|(name, fits, wanted)| mismatch(&body, name, *fits, wanted))
                .collect();
            Reading::expect(wrong.is_empty(), || wrong.join("; "))
        })
    },
    passes: &[HEALTHY, UNHEALTHY],
    fails: &[
        "HTTP/1.1 200 OK\ncontent-type: application/json\n\n{\"status\":\"healthy\",\"database\":\"connected\",\"environment\":\"production\",\"timestamp\":\"2026-01-02T03:04:05Z\"}",
        "HTTP/1.1 200 OK\ncontent-type: application/json\n\n{\"status\":\"ok\",\"database\":\"connected\",\"environment\":\"production\",\"timestamp\":\"2026-01-02 03:04:05\"}",
        "HTTP/1.1 200 OK\ncontent-type: application/json\n\n[]",
        "HTTP/1.1 200 OK\n\nok",
    ],
};

pub(super) const ENVIRONMENT: Check = Check {
    id: "health.contract.environment",
    severity: Severity::High,
    needs: Needs::Nothing,
    rule: "The health check names the profile's environment.",
    rationale: "A production address that answers `development` runs with the wrong configuration, even if it \
                passes every other check.",
    remedy: "Start the service with this profile: check the start command and the environment variables of the \
             deployment. Here: `--profile production`.",
    references: &["https://12factor.net/config"],
    requirements: &["FR-003"],
    ask: |subject| where_full(subject, |subject| Ask::one(Probe::get(subject.health()), "environment")),
    judge: |subject, exchanges| {
        let declared = subject.profile().environment.as_str();
        Verdict::of_each(exchanges, |_, response| {
            let Some(environment) =
                response.json().and_then(|body| body["environment"].as_str().map(str::to_owned))
            else {
                return Reading::Unknown(
                    "the body has no environment; see health.contract.schema".to_owned(),
                );
            };
            Reading::expect(environment == declared, || {
                format!("the deployment says it is `{environment}`; the profile declares `{declared}`")
            })
        })
    },
    passes: &[HEALTHY],
    fails: &["HTTP/1.1 200 OK\n\n{\"environment\":\"development\"}"],
};

pub(super) const STATUS_AGREES_WITH_BODY: Check = Check {
    id: "health.contract.status-agrees-with-body",
    severity: Severity::High,
    needs: Needs::Nothing,
    rule: "200, `ok` and `connected` come together, and so do 503, `unhealthy` and `disconnected` or `read-only`.",
    rationale: "Machines read the status and people the body: if they disagree, one of them is misled.",
    remedy: "Derive the status code and the body from the same result of the same query. FastAPI: `JSONResponse(body, \
             status_code=503)`. Express: `res.status(503).json(body)`.",
    references: &[RFC_9110],
    requirements: &["FR-003"],
    ask: |subject| where_full(subject, ask),
    judge: |_, exchanges| {
        Verdict::of_each(exchanges, |_, response| {
            let Some(body) = response.json() else {
                return Reading::Unknown("the body is not JSON; see health.contract.schema".to_owned());
            };
            let words = [body["status"].as_str(), body["database"].as_str()];
            let agrees = matches!(
                (response.status, words),
                (200, [Some("ok"), Some("connected")])
                    | (503, [Some("unhealthy"), Some("disconnected" | "read-only")])
            );
            let contrary: &[&str] = if response.status == 200 {
                &["unhealthy", "disconnected", "read-only"]
            } else {
                &["ok", "connected"]
            };
            if !agrees && !words.into_iter().flatten().any(|word| contrary.contains(&word)) {
                // A missing word, or one of another contract, contradicts nothing.
                return Reading::Unknown(
                    "the body does not use the contract's words; see health.contract.schema".to_owned(),
                );
            }
            Reading::expect(agrees, || format!("the status is {}{}", response.status, said(response)))
        })
    },
    passes: &[
        HEALTHY,
        UNHEALTHY,
        "HTTP/1.1 503 Service Unavailable\n\n{\"status\":\"unhealthy\",\"database\":\"read-only\"}",
    ],
    fails: &[
        "HTTP/1.1 200 OK\n\n{\"status\":\"ok\",\"database\":\"disconnected\"}",
        "HTTP/1.1 200 OK\n\n{\"status\":\"ok\",\"database\":\"read-only\"}",
        "HTTP/1.1 200 OK\n\n{\"status\":\"unhealthy\"}",
        "HTTP/1.1 503 Service Unavailable\n\n{\"status\":\"ok\",\"database\":\"connected\"}",
    ],
};

pub(super) const HEALTHY: &str = "HTTP/1.1 200 OK\ncontent-type: application/json\ncache-control: no-store\n\n\
     {\"status\":\"ok\",\"database\":\"connected\",\"environment\":\"production\",\"timestamp\":\"{now}\"}";
const UNHEALTHY: &str = "HTTP/1.1 503 Service Unavailable\ncontent-type: application/json\n\n\
     {\"status\":\"unhealthy\",\"database\":\"disconnected\",\"environment\":\"production\",\"timestamp\":\"{now}\"}";

type Fits = fn(&str) -> bool;

const MEMBERS: &[(&str, Fits, &str)] = &[
    ("status", |text| ["ok", "unhealthy"].contains(&text), "`ok` or `unhealthy`"),
    (
        "database",
        |text| ["connected", "disconnected", "read-only"].contains(&text),
        "`connected`, `disconnected` or `read-only`",
    ),
    ("environment", |text| ["production", "development"].contains(&text), "`production` or `development`"),
    ("timestamp", |text| super::fresh::parse_utc(text).is_some(), "a date and time of RFC 3339 in UTC"),
];

fn ask(subject: &Subject<'_>) -> Ask {
    Ask::one(Probe::get(subject.health()), "health.path")
}

/// The questions, if the profile promises more than the status.
pub(super) fn where_full(subject: &Subject<'_>, ask: fn(&Subject<'_>) -> Ask) -> Ask {
    match subject.profile().health.contract {
        Contract::Full => ask(subject),
        Contract::Status => {
            Ask::skip("the profile promises the health check's status only (health.contract = \"status\")")
        }
    }
}

fn mismatch(body: &Json, name: &str, fits: Fits, wanted: &str) -> Option<String> {
    match &body[name] {
        Json::String(text) if fits(text) => None,
        Json::Null => Some(format!("`{name}` is missing; the contract says {wanted}")),
        other => Some(format!("`{name}` is {other}; the contract says {wanted}")),
    }
}

/// The body's `status` and `database`, as the end of a sentence.
fn said(response: &Response) -> String {
    let body = response.json().unwrap_or_default();
    let words = ["status", "database"].map(|name| Some(format!("{name} `{}`", body[name].as_str()?)));
    let words: Vec<String> = words.into_iter().flatten().collect();
    if words.is_empty() { String::new() } else { format!(" with {}", words.join(", ")) }
}

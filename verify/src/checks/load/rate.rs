//! A declared rate limit is kept, announced, and cannot be evaded.

use crate::model::check::{Ask, Check, Needs, Question, Reading, Severity, Subject, Verdict};
use crate::model::exchange::{Answer, Burst, Exchange, Means};
use crate::model::probe::Probe;

pub(super) const CHECK: Check = Check {
    id: "load.rate.429",
    severity: Severity::Medium,
    needs: Needs::Intrusive,
    rule: "Above the declared rate a client is answered 429 with Retry-After, even with a forged X-Forwarded-For; \
           the health path is exempt, and after Retry-After the client is served again.",
    rationale: "A limit that trusts X-Forwarded-For stops only honest clients; one that counts health checks takes the \
                service down; one without Retry-After makes clients try harder.",
    remedy: "Count by the address that the trusted proxy reports, never by the left end of X-Forwarded-For; answer \
             429 with Retry-After; exempt health checks and preflights.",
    references: &[
        "https://www.rfc-editor.org/rfc/rfc6585#section-4",
        "https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3",
        "https://cwe.mitre.org/data/definitions/348.html",
    ],
    requirements: &["FR-018", "v5.0.0-2.4.1", "v5.0.0-15.3.4"],
    ask: |subject| {
        let Some(limit) = subject.profile().load.rate_limit else {
            return Ask::skip("the profile promises no rate limit (load.rate_limit)");
        };
        let control = || Probe::get(Subject::unknown_path());
        // A fifth more: the limiter's window may have moved on meanwhile.
        let flood = control().by(Means::Burst(limit + limit.div_ceil(5))).in_round(FLOOD);
        // Several: a leaky bucket frees a place at any moment, so one of them may be served.
        let renamed = control().with(FORWARDED, "203.0.113.9").by(Means::Burst(limit.div_ceil(10).max(2)));
        let probes = [
            flood,
            Probe::get(subject.health()).in_round(FLOOD + 1),
            renamed.in_round(FLOOD + 1),
            control().by(Means::AfterRetry).in_round(FLOOD + 2),
        ];
        Ask::Questions(probes.into_iter().map(|probe| Question::new(probe, "load.rate_limit")).collect())
    },
    judge: |subject, exchanges| {
        let limited = matches!(
            exchanges.first().map(|exchange| &exchange.answer),
            Some(Answer::Burst(burst)) if burst.statuses.contains_key(&429)
        );
        Verdict::of_answers(exchanges, |exchange| match &exchange.answer {
            Answer::Burst(burst) if exchange.request.header(FORWARDED).is_none() => {
                match (limited, &burst.retry_after) {
                    (false, _) => Reading::Broken(format!(
                        "{} requests at once, and none was answered 429",
                        answered(burst)
                    )),
                    (true, None) => Reading::Broken("429 without Retry-After".to_owned()),
                    (true, Some(_)) => Reading::Holds,
                }
            }
            // Without a limit the other answers prove nothing.
            _ if !limited => Reading::Unknown(unflooded(exchanges)),
            Answer::Burst(burst) => renamed(burst),
            _ => after(subject, exchange),
        })
    },
    passes: &[
        "404 x100, 429 x20 · 20 ms · retry-after 1\n---\nHTTP/1.1 200 OK\n---\n429 x10 · 5 ms · retry-after 1\n---\nHTTP/1.1 404 Not Found",
        "404 x100, 429 x20 · 20 ms · retry-after 1\n---\nHTTP/1.1 200 OK\n---\n404 x1, 429 x9 · 5 ms · retry-after 1\n---\nHTTP/1.1 404 Not Found",
    ],
    fails: &[
        "404 x120 · 20 ms",
        "404 x100, 429 x20 · 20 ms",
        "404 x100, 429 x20 · 20 ms · retry-after 1\n---\nHTTP/1.1 429 Too Many Requests\n---\n429 x10 · 5 ms · retry-after 1\n---\nHTTP/1.1 404 Not Found",
        "404 x100, 429 x20 · 20 ms · retry-after 1\n---\nHTTP/1.1 200 OK\n---\n404 x10 · 5 ms\n---\nHTTP/1.1 404 Not Found",
    ],
};

/// Last of all: later probes would be limited.
const FLOOD: u8 = 6;

/// The header with which a client claims another address.
const FORWARDED: &str = "x-forwarded-for";

fn answered(burst: &Burst) -> u32 {
    burst.statuses.values().sum()
}

fn renamed(burst: &Burst) -> Reading {
    match burst.failures.first() {
        _ if burst.statuses.contains_key(&429) => Reading::Holds,
        Some(failure) if burst.statuses.is_empty() => Reading::Unknown(failure.why.to_string()),
        _ => Reading::Broken(format!(
            "with {FORWARDED}: 203.0.113.9 the limit was gone: {} requests, and none was answered 429",
            answered(burst)
        )),
    }
}

fn unflooded(exchanges: &[Exchange]) -> String {
    let first = exchanges.first().map(|exchange| exchange.answer.response());
    match first {
        Some(Err(why)) => format!("the limit was not reached: {why}"),
        _ => "the limit was not reached".to_owned(),
    }
}

fn after(subject: &Subject<'_>, exchange: &Exchange) -> Reading {
    let response = match exchange.response() {
        Ok(response) => response,
        Err(why) => return Reading::Unknown(why.to_string()),
    };
    let request = &exchange.request;
    let limited = response.status == 429;
    if request.path == subject.health() {
        return Reading::expect(!limited, || {
            format!("GET {} was rate limited with the others", request.path)
        });
    }
    Reading::expect(!limited, || "after Retry-After it was still rate limited".to_owned())
}

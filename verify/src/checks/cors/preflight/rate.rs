//! Rate limits do not count preflights.

use crate::model::check::{Ask, Check, Needs, Question, Reading, Severity, Subject, Verdict, judgeable};
use crate::model::exchange::{Answer, Means, Unanswered};
use crate::model::probe::Probe;

pub(in crate::checks::cors) const CHECK: Check = Check {
    id: "cors.preflight.not-rate-limited",
    severity: Severity::Medium,
    needs: Needs::Intrusive,
    rule: "Preflights are answered in any number, and do not count against a client's rate.",
    rationale: "Browsers send a preflight before nearly every request. Counting it halves a page's rate, and a 429 \
                to it appears in the page as a network error without a reason.",
    remedy: "Put CORS before the rate limiter, and leave OPTIONS out of the count. Express: `app.use(cors())` before the \
             limiter. FastAPI: add CORSMiddleware last, so that it runs first.",
    references: &[
        "https://fetch.spec.whatwg.org/#cors-preflight-fetch",
        "https://www.rfc-editor.org/rfc/rfc6585#section-4",
    ],
    requirements: &["FR-006"],
    ask: |subject| {
        let Some(origin) = subject.declared_origin() else {
            return Ask::skip("the profile declares no origin");
        };
        let many = subject.profile().load.rate_limit.map_or(FEW, |limit| limit + limit.div_ceil(5));
        let preflight = Probe::preflight(subject.health(), origin.as_str(), "GET", &[]);
        Ask::Questions(vec![
            Question::new(preflight.by(Means::Burst(many)).in_round(ROUND), "cors.origins[0]"),
            Question::new(Probe::get(Subject::unknown_path()).in_round(ROUND + 1), "cors.origins[0]"),
        ])
    },
    judge: |_, exchanges| {
        Verdict::of_answers(exchanges, |exchange| match &exchange.answer {
            Answer::Burst(burst) => {
                if let Some(times) = burst.statuses.get(&429) {
                    let asked: u32 = burst.statuses.values().sum();
                    return Reading::Broken(format!("{times} of {asked} preflights were answered 429"));
                }
                match burst.failures.first() {
                    Some(Unanswered { why, connections }) => {
                        Reading::Unknown(format!("{connections} preflights got no answer: {why}"))
                    }
                    None => Reading::Holds,
                }
            }
            Answer::Received(response) if response.status == 429 && flooded(exchanges) => {
                Reading::Broken("after the preflights an ordinary request was answered 429".to_owned())
            }
            _ => judgeable(exchange).map_or_else(Reading::Unknown, |_| Reading::Holds),
        })
    },
    passes: &["204 x50 · 20 ms\n---\nHTTP/1.1 404 Not Found"],
    fails: &[
        "204 x40, 429 x10 · 20 ms\n---\nHTTP/1.1 404 Not Found",
        "204 x50 · 20 ms\n---\nHTTP/1.1 429 Too Many Requests",
    ],
};

/// Where no rate is declared, more than a page sends in a minute.
const FEW: u32 = 50;
/// After the burst of real requests, before the flood that ends the run.
const ROUND: u8 = 4;

fn flooded(exchanges: &[crate::model::exchange::Exchange]) -> bool {
    matches!(exchanges.first().map(|exchange| &exchange.answer), Some(Answer::Burst(_)))
}

//! A cache must not serve the answer to one origin to another.

use crate::cors::oracle::{Credentials, cors_check};
use crate::model::check::{Ask, Check, Needs, Question, Severity, Verdict, judgeable};
use crate::model::probe::Probe;

pub(super) const CHECK: Check = Check {
    id: "cors.actual.cache-not-poisoned",
    severity: Severity::Medium,
    needs: Needs::Nothing,
    rule: "A declared origin can read an answer after a foreign page has requested the same URL.",
    rationale: "A cache that does not separate origins stores the refusal of a foreign origin and serves it to \
                your own page: one request breaks the front end for every visitor.",
    remedy: "Send `Vary: Origin` on every answer, and make the cache respect it: on a CDN that ignores Vary, add \
             Origin to the cache key or exclude the path. FastAPI: CORSMiddleware adds Vary only to answers of \
             allowed origins, so add it to the others. Express: `cors()` with a list does it. Here: every answer \
             has it.",
    references: &[
        "https://fetch.spec.whatwg.org/#cors-protocol-and-http-caches",
        "https://www.rfc-editor.org/rfc/rfc9111#section-4.1",
        "https://portswigger.net/research/exploiting-cors-misconfigurations-for-bitcoins-and-bounties",
        "https://cwe.mitre.org/data/definitions/349.html",
    ],
    requirements: &["FR-006"],
    ask: |subject| {
        let Some((promise, origin)) = subject.declared_origins().next() else {
            return Ask::skip("the profile declares no origin");
        };
        // A separate URL, so that no visitor receives the stored answer.
        let url = format!("{}?plumbline=cache", subject.health());
        Ask::Questions(vec![
            Question::new(Probe::get(subject.health()).origin(origin.as_str()), promise.clone()),
            Question::new(Probe::get(&url).origin("https://plumbline-probe.evil.example"), promise.clone()),
            Question::new(Probe::get(&url).origin(origin.as_str()).in_round(1), promise),
        ])
    },
    judge: |_, exchanges| {
        let [usual, foreign, after] = exchanges else {
            return Verdict::Inconclusive("the URL was not asked twice".to_owned());
        };
        let (usual, answer) = match (judgeable(usual), judgeable(foreign), judgeable(after)) {
            (Ok(usual), Ok(_), Ok(answer)) => (usual, answer),
            (Err(why), _, _) | (_, Err(why), _) | (_, _, Err(why)) => return Verdict::Inconclusive(why),
        };
        let path = &after.request.path;
        let origin = after.request.header("origin").unwrap_or_default();
        let reads = |response| cors_check(origin, Credentials::Omit, response);
        let Err(why) = reads(answer) else {
            return Verdict::Pass;
        };
        let age = answer.header("age");
        // An origin that cannot read other answers either: cors.actual.allows-declared-origin reports it.
        if age.is_none() && reads(usual).is_err() {
            return Verdict::Inconclusive(format!("a page at `{origin}` may not read other answers either"));
        }
        if age.is_none() && answer.status != usual.status {
            return Verdict::Inconclusive(format!(
                "GET {path} answered {}, not as without a query",
                answer.status
            ));
        }
        let age = age.map_or(String::new(), |age| format!(" and age: {age}"));
        Verdict::fail(
            2,
            format!(
                "after a foreign page had asked, GET {path} from `{origin}` was answered with {why}{age}"
            ),
        )
    },
    passes: &[
        "HTTP/1.1 200 OK\naccess-control-allow-origin: {origin}\n---\nHTTP/1.1 200 OK\n---\n\
         HTTP/1.1 200 OK\naccess-control-allow-origin: {origin}",
        "HTTP/1.1 200 OK\naccess-control-allow-origin: *\nage: 3",
    ],
    fails: &[
        "HTTP/1.1 200 OK\naccess-control-allow-origin: {origin}\n---\nHTTP/1.1 200 OK",
        "HTTP/1.1 200 OK\naccess-control-allow-origin: https://plumbline-probe.evil.example\nage: 3",
    ],
};

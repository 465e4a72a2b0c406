//! Only clients that accept an encoding get it, and it changes nothing else.

use std::collections::BTreeSet;

use profiles::Docs;
use serde_json::Value as Json;

use crate::model::check::{Ask, Check, Needs, Question, Reading, Severity, Verdict};
use crate::model::exchange::{Exchange, Response};
use crate::model::probe::Probe;

pub(super) const CHECK: Check = Check {
    id: "headers.encoding",
    severity: Severity::Low,
    needs: Needs::Nothing,
    rule: "An encoded answer decodes, names Accept-Encoding in Vary, and goes only to clients that accept it.",
    rationale: "A client that does not accept gzip cannot read the answer, and a cache without Vary serves it to \
                every client.",
    remedy: "Compress only what Accept-Encoding allows, and add `Vary: Accept-Encoding` to both forms. FastAPI: \
             GZipMiddleware searches for the word `gzip`, so it accepts `gzip;q=0`; compress in the proxy instead. \
             Express: `compression()`. Here: nothing is compressed.",
    references: &[
        "https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3",
        "https://www.rfc-editor.org/rfc/rfc9110#section-8.4",
        "https://www.rfc-editor.org/rfc/rfc9110#section-12.5.5",
    ],
    requirements: &["FR-011"],
    ask: |subject| {
        let profile = subject.profile();
        let mut paths = vec![subject.health()];
        // Most services compress no answer as short as the health check's.
        if profile.server.docs == Docs::Shown {
            paths.extend(profile.verify.docs.iter().map(profiles::Path::as_str));
        }
        let probes = paths.into_iter().flat_map(|path| {
            let encoded = [GZIP, "identity", "gzip;q=0"].map(|value| Probe::get(path).with(ACCEPT, value));
            std::iter::once(Probe::get(path)).chain(encoded)
        });
        Ask::Questions(probes.map(|probe| Question::new(probe, "verify.families")).collect())
    },
    judge: |_, exchanges| {
        Verdict::of_each(exchanges, |exchange, response| {
            let Some(accepted) = exchange.request.header(ACCEPT) else {
                return Reading::Holds;
            };
            match wrong(accepted, response, plain(exchanges, &exchange.request.path)) {
                Some(wrong) => Reading::Broken(format!(
                    "GET {} with {ACCEPT}: {accepted} {wrong}",
                    exchange.request.path
                )),
                None => Reading::Holds,
            }
        })
    },
    passes: &[
        "HTTP/1.1 200 OK\n\n{\"status\":\"ok\"}",
        "HTTP/1.1 200 OK\n\n{\"status\":\"ok\"}\n---\n\
         HTTP/1.1 200 OK\ncontent-encoding: gzip\nvary: origin, Accept-Encoding\n\n{\"status\":\"ok\"}\n---\n\
         HTTP/1.1 200 OK\nvary: origin, Accept-Encoding\n\n{\"status\":\"ok\"}",
    ],
    fails: &[
        "HTTP/1.1 200 OK\ncontent-encoding: gzip\nvary: accept-encoding\n\n{\"status\":\"ok\"}",
        "HTTP/1.1 200 OK\n\n{\"status\":\"ok\"}\n---\nHTTP/1.1 200 OK\ncontent-encoding: gzip\n\n{\"status\":\"ok\"}\n---\nHTTP/1.1 200 OK",
        "HTTP/1.1 200 OK\n\n{\"status\":\"ok\"}\n---\n\
         HTTP/1.1 200 OK\ncontent-encoding: gzip\nvary: accept-encoding\n---\nHTTP/1.1 200 OK",
        "HTTP/1.1 200 OK\n\n{\"status\":\"ok\"}\n---\n\
         HTTP/1.1 200 OK\ncontent-encoding: gzip\nvary: accept-encoding\n\n{\"detail\":\"no\"}\n---\nHTTP/1.1 200 OK",
        "HTTP/1.1 200 OK\n\n{}\n---\nHTTP/1.1 200 OK\ncontent-encoding: br\nvary: accept-encoding\n---\nHTTP/1.1 200 OK",
    ],
};

const ACCEPT: &str = "accept-encoding";
const GZIP: &str = "gzip";

/// The answer on the same path to a request that named no encoding.
fn plain<'e>(exchanges: &'e [Exchange], path: &str) -> Option<&'e Response> {
    let plain = exchanges
        .iter()
        .find(|exchange| exchange.request.path == path && exchange.request.header(ACCEPT).is_none())?;
    plain.response().ok()
}

fn wrong(accepted: &str, response: &Response, plain: Option<&Response>) -> Option<String> {
    let encodings = response.list("content-encoding");
    let encodings: Vec<&str> =
        encodings.iter().map(String::as_str).filter(|name| *name != "identity").collect();
    if encodings.is_empty() {
        return None;
    }
    if accepted != GZIP || encodings != [GZIP] {
        return Some(format!("was answered with content-encoding: {}", encodings.join(", ")));
    }
    if !response.list("vary").iter().any(|name| name == ACCEPT || name == "*") {
        return Some("was answered with gzip, but without vary: accept-encoding".to_owned());
    }
    let plain = plain.filter(|plain| plain.status == response.status && !plain.body.is_empty())?;
    if response.body.is_empty() {
        return Some("was answered with gzip that cannot be decoded".to_owned());
    }
    let (plain, decoded) = (plain.json()?, response.json());
    (decoded.as_ref().map(members) != Some(members(&plain)))
        .then(|| "says something else than without compression".to_owned())
}

/// The members of a JSON object, which stay the same while values such as the time change.
fn members(json: &Json) -> BTreeSet<&str> {
    json.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect()
}

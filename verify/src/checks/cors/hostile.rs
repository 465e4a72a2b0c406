//! Origins that no browser sends: several at once, and bytes made to break a parser.

use crate::model::check::{Ask, Check, Needs, Question, Reading, Severity, Verdict};
use crate::model::exchange::{Exchange, Response};
use crate::model::probe::Probe;

pub(super) const LIST_AND_DUPLICATES: Check = Check {
    id: "cors.reject.list-and-duplicates",
    // No browser sends two: the risk is two layers that read different ones.
    severity: Severity::Low,
    needs: Needs::Intrusive,
    rule: "A request with several origins receives no grant.",
    rationale: "Origin is one value. If a server reads the first and a proxy the last, they decide about different \
                pages, and one of them is an attacker's.",
    remedy: "Compare the whole value of Origin, and refuse a request with two Origin lines. FastAPI: \
             CORSMiddleware reads one line and compares it whole; drop repeated lines in the proxy. Express: Node \
             joins the lines, `cors()` compares them whole. Here: no grant is given.",
    references: &[
        "https://fetch.spec.whatwg.org/#origin-header",
        "https://www.rfc-editor.org/rfc/rfc9110#section-5.3",
        "https://cwe.mitre.org/data/definitions/346.html",
    ],
    requirements: &["FR-006"],
    ask: |subject| {
        let Some((promise, good)) = subject.declared_origins().next() else {
            return Ask::skip("the profile declares no origin");
        };
        let lists = [
            format!("{good},{EVIL}"),
            format!("{good}, {EVIL}"),
            format!("{good} {EVIL}"),
            format!("{EVIL}, {good}"),
            format!("{EVIL} {good}"),
        ];
        let plain = Probe::get(subject.health());
        let lists = lists.iter().map(|list| plain.clone().origin(list)).collect::<Vec<_>>();
        let twice = [[good.as_str(), EVIL], [EVIL, good.as_str()]]
            .map(|[first, second]| plain.clone().origin(first).origin(second));
        let probes = std::iter::once(plain.clone()).chain(lists).chain(twice);
        Ask::Questions(probes.map(|probe| Question::new(probe, promise.clone())).collect())
    },
    judge: |_, exchanges| {
        Verdict::of_each(exchanges, |exchange, response| match grant(exchanges, response) {
            Some(allowed) => Reading::Broken(format!("{} was granted `{allowed}`", sent(exchange))),
            None => Reading::Holds,
        })
    },
    passes: &[
        "HTTP/1.1 200 OK\nvary: origin",
        "HTTP/1.1 200 OK\n---\nHTTP/1.1 400 Bad Request",
        "HTTP/1.1 200 OK\naccess-control-allow-origin: https://app.example.com",
    ],
    fails: &[
        "HTTP/1.1 200 OK\n---\nHTTP/1.1 200 OK\naccess-control-allow-origin: {origin}",
        "HTTP/1.1 200 OK\n---\nHTTP/1.1 200 OK\naccess-control-allow-origin: https://todo.example.com",
    ],
};

pub(super) const HOSTILE_BYTES: Check = Check {
    id: "cors.reject.hostile-bytes",
    severity: Severity::Medium,
    needs: Needs::Intrusive,
    rule: "An overlong, empty or unprintable Origin gets no grant, no echo and no server error.",
    rationale: "Such bytes reach code that expects text: it crashes, or repeats 8 KB of an attacker's text in each \
                answer.",
    remedy: "Compare Origin as bytes with the list before any other use, and repeat only values of the list. \
             FastAPI and Express: no regular expression and no function for the origin. Here: compared byte for byte.",
    references: &[
        "https://fetch.spec.whatwg.org/#origin-header",
        "https://www.rfc-editor.org/rfc/rfc9110#section-5.5",
        "https://www.rfc-editor.org/rfc/rfc6585#section-5",
        "https://cwe.mitre.org/data/definitions/20.html",
        "https://cwe.mitre.org/data/definitions/405.html",
    ],
    requirements: &["FR-006", "FR-015"],
    ask: |subject| {
        let plain = Probe::get(subject.health());
        let patience = subject.profile().verify.timeout;
        let long = "a".repeat(8 * 1024);
        let control = |byte: &str| {
            plain.clone().origin(&format!("https://{MARK}{byte}.evil.example")).verbatim(patience)
        };
        let mut probes = vec![
            plain.clone(),
            plain.clone().origin(&format!("https://{MARK}-{long}.evil.example")),
            plain.clone().origin(&format!("https://{MARK}-\u{e9}\u{ff}.evil.example")),
            plain.clone().origin(""),
            control("\u{1}"),
            control("\u{0}"),
        ];
        if let Some(origin) = subject.declared_origin() {
            let name = format!("x-{MARK}-{long}");
            probes.push(Probe::preflight(subject.health(), origin.as_str(), "GET", &[&name]));
        }
        Ask::Questions(probes.into_iter().map(|probe| Question::new(probe, "cors.origins")).collect())
    },
    judge: |subject, exchanges| {
        Verdict::of_each_answered(exchanges, |exchange, response| {
            if exchange.request.headers.is_empty() {
                return Vec::new();
            }
            let what = sent(exchange);
            // 503 is the health check's own answer.
            let broke = response.status >= 500 && response.status != 503;
            let answered = Reading::expect(!broke, || format!("{what} was answered {}", response.status));
            let place = echo(response);
            let repeated = place
                .map_or(Reading::Holds, |place| Reading::Broken(format!("{what} was repeated in {place}")));
            let declared = exchange.request.header("origin").is_some_and(|origin| subject.declares(origin));
            let granted = match grant(exchanges, response) {
                Some(allowed) if !declared => Reading::Broken(format!("{what} was granted `{allowed}`")),
                _ => Reading::Holds,
            };
            vec![answered, repeated, granted]
        })
    },
    passes: &[
        "HTTP/1.1 200 OK\nvary: origin",
        "HTTP/1.1 200 OK\n---\nHTTP/1.1 431 Request Header Fields Too Large",
        "HTTP/1.1 503 Service Unavailable\n\n{\"status\":\"unhealthy\"}",
    ],
    fails: &[
        "HTTP/1.1 200 OK\n---\nHTTP/1.1 200 OK\naccess-control-allow-origin: null",
        "HTTP/1.1 200 OK\n---\nHTTP/1.1 500 Internal Server Error",
        "HTTP/1.1 200 OK\n---\nHTTP/1.1 204 No Content\naccess-control-allow-headers: x-plumbline-hostile-aaaa",
        "HTTP/1.1 200 OK\n---\nHTTP/1.1 403 Forbidden\n\nx-plumbline-hostile-aaaa is not allowed",
    ],
};

const EVIL: &str = "https://plumbline-probe.evil.example";

/// Part of every value that these probes send, so that an echo is recognised.
const MARK: &str = "plumbline-hostile";

/// The granted origin, unless the first answer, to a request without Origin, grants the same one.
fn grant(exchanges: &[Exchange], response: &Response) -> Option<String> {
    let name = "access-control-allow-origin";
    let constant = exchanges.first().and_then(|first| first.response().ok()?.header(name));
    response.header(name).filter(|allowed| Some(allowed) != constant.as_ref())
}

/// The part of the answer that repeats the probe's text.
fn echo(response: &Response) -> Option<String> {
    let header = response.headers.iter().find(|(_, value)| value.contains(MARK));
    let body = response.body.contains(MARK).then(|| "the body".to_owned());
    header.map(|(name, _)| name.clone()).or(body)
}

/// ``a request with origin `https://a.example, https://b.example` ``, shortened.
fn sent(exchange: &Exchange) -> String {
    let telling = |name: &str| ["origin", "access-control-request-headers"].contains(&name);
    let lines = exchange.request.headers.iter().filter(|(name, _)| telling(name)).map(|(name, value)| {
        let start: String = value.chars().take(60).collect();
        let more = if start.len() < value.len() {
            format!("… ({} bytes)", value.chars().count())
        } else {
            String::new()
        };
        format!("{name} `{start}{more}`")
    });
    format!(
        "{} {} with {}",
        exchange.request.method,
        exchange.request.path,
        lines.collect::<Vec<_>>().join(" and ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::exchange::{Answer, RawReply};

    #[test]
    fn hanging_up_is_a_refusal() {
        let reply = RawReply { responses: Vec::new(), closed: true, taken: 90 };
        let exchange = Exchange {
            request: Probe::get("/health").request,
            answer: Answer::Raw(reply),
            elapsed_ms: 1,
            received_ms: 0,
        };
        let silent = Exchange {
            answer: Answer::Raw(RawReply { responses: Vec::new(), closed: false, taken: 90 }),
            ..exchange.clone()
        };
        let judge = |exchange| Verdict::of_each_answered(&[exchange], |_, _| Reading::Broken(String::new()));
        assert_eq!(judge(exchange), Verdict::Pass);
        assert!(matches!(judge(silent), Verdict::Inconclusive(_)));
    }
}

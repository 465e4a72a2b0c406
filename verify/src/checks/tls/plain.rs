//! Requests without TLS are redirected, refused or not accepted.

use profiles::PlainHttp;

use super::over_tls;
use crate::model::check::{Ask, Check, Needs, Reading, Severity, Subject, Verdict, judgeable};
use crate::model::exchange::{Answer, Exchange, Means, Response};
use crate::model::missing::Missing;
use crate::model::probe::Probe;

pub(super) const POLICY: Check = Check {
    id: "tls.plain-http.policy",
    severity: Severity::Medium,
    needs: Needs::Nothing,
    rule: "A request without TLS is redirected, is refused or finds a closed port, as the profile declares, and \
           gets no cookie.",
    rationale: "Anyone on the network path can read and change an answer over plain HTTP.",
    remedy: "Set it where port 80 ends, at the platform or the proxy, or correct `edge.plain_http`. For an API that \
             only programs call, refusing is better: a redirect hides that the key was sent in the clear.",
    references: &[
        "https://www.rfc-editor.org/rfc/rfc9110#section-4.2.2",
        "https://cwe.mitre.org/data/definitions/319.html",
    ],
    requirements: &["FR-017", "v5.0.0-12.2.1"],
    ask: |subject| {
        over_tls(subject, || Ask::one(Probe::get(subject.health()).by(Means::Plain), "edge.plain_http"))
    },
    judge: |subject, exchanges| {
        let declared = subject.profile().edge.plain_http;
        Verdict::of_answers(exchanges, |exchange| {
            let path = &exchange.request.path;
            let response = match plain(exchange) {
                Plain::Closed => {
                    return vec![Reading::expect(declared == PlainHttp::Closed, || {
                        format!("nothing listens for plain http; the profile declares {}", word(declared))
                    })];
                }
                Plain::Unknown(why) => return vec![Reading::Unknown(why)],
                Plain::Answered(response) => response,
            };
            let cookies = response.all("set-cookie").map(|cookie| {
                Reading::Broken(format!("GET {path} without TLS was given a cookie: {cookie}"))
            });
            let kept = match declared {
                PlainHttp::Redirect => leads_to_tls(subject, path, response),
                PlainHttp::Refuse => (400..500).contains(&response.status),
                PlainHttp::Closed => false,
            };
            let kept = Reading::expect(kept, || {
                let location = response.header("location");
                let location = location.map_or_else(String::new, |to| format!(" to {to}"));
                format!(
                    "GET {path} without TLS answered {}{location}; the profile declares {}",
                    response.status,
                    word(declared)
                )
            });
            cookies.chain([kept]).collect()
        })
    },
    passes: &[
        "HTTP/1.1 301 Moved Permanently\nlocation: https://api.example.com/health",
        "HTTP/1.1 308 Permanent Redirect\nlocation: https://api.example.com:443/health",
    ],
    fails: &[
        "HTTP/1.1 200 OK\n\n{\"status\":\"ok\"}",
        "HTTP/1.1 301 Moved Permanently\nlocation: http://api.example.com/health",
        "HTTP/1.1 301 Moved Permanently\nlocation: https://login.example.net/health",
        "HTTP/1.1 301 Moved Permanently\nlocation: https://api.example.com/health\nset-cookie: sid=1",
    ],
};

pub(super) const METHOD_KEPT: Check = Check {
    id: "tls.plain-http.method-kept",
    severity: Severity::Low,
    needs: Needs::Nothing,
    rule: "A POST without TLS is refused, or redirected so that it stays a POST.",
    rationale: "After a 301 or 302 clients send GET: the write is lost, and the answer to the GET looks like \
                success.",
    remedy: "Redirect with 308 or 307, or refuse. Railway's edge answers 301 to every method; where that cannot be \
             changed, waive this check with that reason.",
    references: &[
        "https://www.rfc-editor.org/rfc/rfc9110#section-15.4.2",
        "https://www.rfc-editor.org/rfc/rfc9110#section-15.4.9",
        "https://docs.railway.com/networking/public-networking/specs-and-limits",
    ],
    requirements: &["FR-017"],
    ask: |subject| {
        over_tls(subject, || {
            Ask::one(Probe::new("POST", subject.health()).by(Means::Plain), "edge.plain_http")
        })
    },
    judge: |_, exchanges| {
        Verdict::of_answers(exchanges, |exchange| match plain(exchange) {
            Plain::Closed => Reading::Holds,
            Plain::Unknown(why) => Reading::Unknown(why),
            Plain::Answered(response) => {
                let right = (400..500).contains(&response.status) || matches!(response.status, 307 | 308);
                Reading::expect(right, || {
                    format!(
                        "POST {} without TLS answered {}, which clients repeat as GET",
                        exchange.request.path, response.status
                    )
                })
            }
        })
    },
    passes: &["HTTP/1.1 308 Permanent Redirect", "HTTP/1.1 403 Forbidden"],
    fails: &["HTTP/1.1 301 Moved Permanently", "HTTP/1.1 302 Found"],
};

enum Plain<'a> {
    Answered(&'a Response),
    Closed,
    Unknown(String),
}

fn plain(exchange: &Exchange) -> Plain<'_> {
    match &exchange.answer {
        Answer::Missing(Missing::Refused { .. }) => Plain::Closed,
        _ => judgeable(exchange).map_or_else(Plain::Unknown, Plain::Answered),
    }
}

/// The same path of the same host over https.
fn leads_to_tls(subject: &Subject<'_>, path: &str, response: &Response) -> bool {
    let location = response.header("location").unwrap_or_default();
    let Ok(location) = url::Url::parse(&location) else { return false };
    let host = subject.target.host().to_string();
    (300..400).contains(&response.status)
        && location.scheme() == "https"
        && location.host_str() == Some(host.as_str())
        && location.path() == path
}

const fn word(declared: PlainHttp) -> &'static str {
    match declared {
        PlainHttp::Redirect => "a redirect to https",
        PlainHttp::Refuse => "a refusal",
        PlainHttp::Closed => "a closed port",
    }
}

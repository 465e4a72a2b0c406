//! The TLS handshake agrees on HTTP/2 as the profile declares, and HTTP/2 works.

use profiles::{Http2, Scheme};

use crate::model::check::{Ask, Check, Needs, Question, Reading, Severity, Verdict, judgeable};
use crate::model::exchange::{Answer, Means, Offer};
use crate::model::probe::Probe;

pub(super) const CHECK: Check = Check {
    id: "http2.as-declared",
    severity: Severity::Medium,
    needs: Needs::Nothing,
    rule: "HTTP/2 is offered and answers, or is not offered, as the profile declares.",
    rationale: "A platform that agrees on h2 and breaks it fails in every browser, since browsers do not fall \
                back; the loss of HTTP/2 slows every page without an error.",
    remedy: "Switch HTTP/2 on or off where TLS ends, at the platform or the proxy, or correct `edge.http2`.",
    references: &[
        "https://www.rfc-editor.org/rfc/rfc9113#section-3.2",
        "https://www.rfc-editor.org/rfc/rfc7301#section-3.2",
    ],
    requirements: &["FR-017"],
    ask: |subject| {
        if subject.target.scheme() == Scheme::Http {
            return Ask::skip("the target is plain http; HTTP/2 is agreed on in TLS");
        }
        let health = Probe::get(subject.health());
        let mut questions =
            vec![Question::new(health.clone().by(Means::Handshake(Offer::Today)), "edge.http2")];
        if subject.profile().edge.http2 == Http2::Offered {
            questions.push(Question::new(health.by(Means::Http2), "edge.http2"));
        }
        Ask::Questions(questions)
    },
    judge: |subject, exchanges| {
        let declared = subject.profile().edge.http2;
        Verdict::of_answers(exchanges, |exchange| match &exchange.answer {
            Answer::Handshake(handshake) if handshake.version.is_some() => {
                let agreed = handshake.protocol.as_deref().unwrap_or("nothing");
                match (declared, agreed) {
                    (Http2::Offered, "h2") => Reading::Holds,
                    (Http2::Offered, other) => Reading::Broken(format!(
                        "offered h2 and http/1.1, the handshake agreed on {other}; the profile declares HTTP/2 offered"
                    )),
                    (Http2::Absent, "h2") => Reading::Broken(
                        "the handshake agreed on h2; the profile declares HTTP/2 absent".to_owned(),
                    ),
                    (Http2::Absent, _) => Reading::Holds,
                }
            }
            Answer::Handshake(handshake) => Reading::Unknown(match &handshake.refused {
                Some(why) => format!("no handshake with {}: {why}", subject.target),
                None => format!("the handshake with {} agreed on an unknown version", subject.target),
            }),
            // Any answer of the service over HTTP/2 shows that it works; 503 is the health check's own answer.
            _ => match judgeable(exchange) {
                Ok(response) => Reading::expect(response.status < 500 || response.status == 503, || {
                    format!("GET {} over HTTP/2 answered {}", exchange.request.path, response.status)
                }),
                Err(why) => Reading::Unknown(why),
            },
        })
    },
    passes: &["TLS 1.3 · h2 · certificate for 60 days\n---\nHTTP/1.1 200 OK"],
    fails: &[
        "TLS 1.3 · http/1.1 · certificate for 60 days\n---\nHTTP/1.1 200 OK",
        "TLS 1.3 · h2 · certificate for 60 days\n---\nHTTP/1.1 502 Bad Gateway",
    ],
};

//! Connection-specific fields are refused over HTTP/2.

use profiles::{Family, Http2, Scheme};

use crate::model::check::{Ask, Check, Needs, Question, Reading, Severity, Verdict};
use crate::model::exchange::{Answer, Means};
use crate::model::probe::Probe;

pub(super) const CHECK: Check = Check {
    id: "http2.connection-fields-refused",
    severity: Severity::Medium,
    needs: Needs::Intrusive,
    rule: "A request over HTTP/2 with a connection-specific field is refused.",
    rationale: "A proxy that copies Transfer-Encoding from HTTP/2 into HTTP/1.1 lets the client decide where the \
                next request begins: request smuggling.",
    remedy: "Use a current HTTP/2 implementation where TLS ends; nginx, Envoy, hyper and Node refuse such requests \
             by themselves.",
    references: &[
        "https://www.rfc-editor.org/rfc/rfc9113#section-8.2.2",
        "https://cwe.mitre.org/data/definitions/444.html",
    ],
    requirements: &["FR-016", "v5.0.0-4.2.3"],
    ask: |subject| {
        if subject.target.scheme() == Scheme::Http || subject.profile().edge.http2 == Http2::Absent {
            return Ask::skip("the target is plain http, or the profile declares HTTP/2 absent");
        }
        let fields = [("connection", "keep-alive"), ("transfer-encoding", "chunked")];
        let probes = fields.map(|(name, value)| {
            Probe::get(subject.health()).with(name, value).by(Means::Frames).in_round(ROUND)
        });
        let promise = subject.family(Family::Http2);
        Ask::Questions(probes.into_iter().map(|probe| Question::new(probe, promise.clone())).collect())
    },
    judge: |_, exchanges| {
        Verdict::of_answers(exchanges, |exchange| {
            let Answer::Raw(reply) = &exchange.answer else {
                return Reading::Unknown(exchange.answer.missing().to_string());
            };
            match reply.responses.first() {
                None => Reading::Holds,
                Some(first) if first.status == 429 => {
                    Reading::Unknown("it was rate limited (429)".to_owned())
                }
                Some(first) => Reading::expect((400..500).contains(&first.status), || {
                    let field = exchange.request.headers.first().map(|(name, _)| name.as_str());
                    format!(
                        "GET {} over HTTP/2 with {} was answered {}",
                        exchange.request.path,
                        field.unwrap_or("a connection-specific field"),
                        first.status
                    )
                }),
            }
        })
    },
    passes: &["(closed)", "HTTP/2 400 Bad Request"],
    fails: &["HTTP/2 200 OK"],
};

/// With the other raw probes.
const ROUND: u8 = 2;

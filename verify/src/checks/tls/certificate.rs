//! Browsers accept the certificate, for at least the declared number of days.

use super::over_tls;
use crate::model::check::{Ask, Check, Needs, Reading, Severity, Verdict};
use crate::model::exchange::{Answer, Means, Offer};
use crate::model::probe::Probe;
use crate::model::tls::TlsFailure;

pub(super) const CHECK: Check = Check {
    id: "tls.cert.valid",
    severity: Severity::High,
    needs: Needs::Nothing,
    rule: "The certificate is valid for the host, its chain is complete, and it lasts the declared number of days.",
    rationale: "An expired certificate stops every client on the same day; a chain without its intermediate works \
                in a browser that has stored it and fails in every other program.",
    remedy: "Renew it, or repair its automatic renewal. Send the whole chain (nginx: the `fullchain.pem` of certbot), and \
             order it for exactly the host that clients ask.",
    references: &[
        "https://www.rfc-editor.org/rfc/rfc9525#section-6",
        "https://www.rfc-editor.org/rfc/rfc5280#section-6.1",
        "https://cwe.mitre.org/data/definitions/295.html",
    ],
    requirements: &["FR-017", "v5.0.0-12.2.2"],
    ask: |subject| {
        over_tls(subject, || {
            Ask::one(Probe::get(subject.health()).by(Means::Handshake(Offer::Today)), "edge.certificate_days")
        })
    },
    judge: |subject, exchanges| {
        let declared = i64::from(subject.profile().edge.certificate_days);
        Verdict::of_answers(exchanges, |exchange| {
            let handshake = match &exchange.answer {
                Answer::Handshake(handshake) => handshake,
                other => return Reading::Unknown(other.missing().to_string()),
            };
            match (&handshake.refused, &handshake.certificate) {
                (Some(TlsFailure::Certificate(fault)), _) => {
                    Reading::Broken(format!("the certificate of {} {fault}", subject.target))
                }
                (Some(why), _) => Reading::Broken(format!("{} refuses today's TLS: {why}", subject.target)),
                (None, None) => Reading::Unknown("the certificate could not be read".to_owned()),
                (None, Some(certificate)) => {
                    let days =
                        certificate.not_after_ms.saturating_sub(exchange.received_ms).div_euclid(DAY_MS);
                    Reading::expect(days >= declared, || {
                        format!(
                            "the certificate of {} ends in {days} days; the profile declares at least {declared}",
                            subject.target
                        )
                    })
                }
            }
        })
    },
    passes: &["TLS 1.3 · h2 · certificate for 60 days"],
    fails: &[
        "TLS 1.3 · h2 · certificate for 5 days",
        "refused: expired",
        "refused: unknown-issuer",
        "refused: alert 40",
    ],
};

const DAY_MS: i64 = 86_400_000;

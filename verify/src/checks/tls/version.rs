//! Broken versions of TLS are refused.

use super::over_tls;
use crate::model::check::{Ask, Check, Needs, Question, Reading, Severity, Verdict};
use crate::model::exchange::{Answer, Means, Offer};
use crate::model::probe::Probe;

pub(super) const CHECK: Check = Check {
    id: "tls.version.legacy-refused",
    severity: Severity::High,
    needs: Needs::Nothing,
    rule: "A handshake that offers nothing newer than TLS 1.0 or 1.1 is refused.",
    rationale: "Both rest on SHA-1 and MD5 and have been forbidden since 2021; where they still work, an attacker \
                on the network path can make old clients use them.",
    remedy: "Allow TLS 1.2 and 1.3 only, where TLS ends. nginx: `ssl_protocols TLSv1.2 TLSv1.3`.",
    references: &[
        "https://www.rfc-editor.org/rfc/rfc8996",
        "https://cwe.mitre.org/data/definitions/326.html",
    ],
    requirements: &["FR-017", "v5.0.0-12.1.1"],
    ask: |subject| {
        over_tls(subject, || {
            let handshakes = [Offer::Tls10, Offer::Tls11]
                .map(|offer| Probe::get(subject.health()).by(Means::Handshake(offer)));
            Ask::Questions(
                handshakes.into_iter().map(|probe| Question::new(probe, "deployment.url")).collect(),
            )
        })
    },
    judge: |_, exchanges| {
        Verdict::of_answers(exchanges, |exchange| match &exchange.answer {
            Answer::Handshake(handshake) => match &handshake.version {
                Some(version) => Reading::Broken(format!("the handshake agreed on {version}")),
                None => Reading::Holds,
            },
            other => Reading::Unknown(other.missing().to_string()),
        })
    },
    passes: &["refused: alert 70", "refused: closed"],
    fails: &["TLS 1.0", "refused: alert 70\n---\nTLS 1.1"],
};

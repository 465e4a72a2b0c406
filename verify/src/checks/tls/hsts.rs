//! Strict-Transport-Security tells browsers to use TLS, and for how long.

use std::time::Duration;

use super::over_tls;
use crate::model::check::{Ask, Check, Needs, Question, Reading, Severity, Subject, Verdict};
use crate::model::exchange::Response;
use crate::model::probe::Probe;

pub(super) const CHECK: Check = Check {
    id: "tls.hsts",
    severity: Severity::Low,
    needs: Needs::Nothing,
    rule: "Every answer over TLS carries one valid Strict-Transport-Security of at least the declared time.",
    rationale: "Without it the first request of every visit may be sent in the clear, and an attacker who \
                intercepts it can keep the visit there. Browsers obey the first line only, and ignore one that \
                they cannot read.",
    remedy: "Here: `edge.hsts = \"365d\"`. Express: `helmet.strictTransportSecurity`. FastAPI: set the header in a \
             middleware. Send it from one layer only.",
    references: &[
        "https://www.rfc-editor.org/rfc/rfc6797#section-6.1",
        "https://www.rfc-editor.org/rfc/rfc6797#section-7.1",
    ],
    requirements: &["FR-017", "v5.0.0-3.4.1"],
    ask: |subject| {
        over_tls(subject, || {
            if subject.profile().edge.hsts.is_none() {
                return Ask::skip("the profile promises no Strict-Transport-Security (edge.hsts)");
            }
            let paths = [subject.health(), Subject::unknown_path()];
            Ask::Questions(
                paths.into_iter().map(|path| Question::new(Probe::get(path), "edge.hsts")).collect(),
            )
        })
    },
    judge: |subject, exchanges| {
        let declared = subject.profile().edge.hsts.map_or(Duration::ZERO, profiles::Duration::get);
        Verdict::of_each(exchanges, |exchange, response| {
            let path = &exchange.request.path;
            match max_age(response) {
                Ok(seconds) => Reading::expect(seconds >= declared.as_secs(), || {
                    format!(
                        "GET {path} promises TLS for {seconds} s; the profile declares {} s",
                        declared.as_secs()
                    )
                }),
                Err(why) => Reading::Broken(format!("GET {path} answered {why}")),
            }
        })
    },
    passes: &[
        "HTTP/1.1 200 OK\nstrict-transport-security: max-age=31536000",
        "HTTP/1.1 200 OK\nstrict-transport-security: includeSubDomains; max-age=\"63072000\"",
    ],
    fails: &[
        "HTTP/1.1 200 OK",
        "HTTP/1.1 200 OK\nstrict-transport-security: max-age=0",
        "HTTP/1.1 200 OK\nstrict-transport-security: 31536000",
        "HTTP/1.1 200 OK\nstrict-transport-security: max-age=31536000\nstrict-transport-security: max-age=31536000",
    ],
};

/// The directive's seconds, as RFC 6797 section 6.1 spells them.
fn max_age(response: &Response) -> Result<u64, String> {
    let mut lines = response.all("strict-transport-security");
    let line = match (lines.next(), lines.next()) {
        (None, _) => return Err("without Strict-Transport-Security".to_owned()),
        (Some(_), Some(_)) => return Err("with two Strict-Transport-Security lines".to_owned()),
        (Some(line), None) => line,
    };
    let value = line.split(';').find_map(|directive| {
        let (name, value) = directive.split_once('=')?;
        name.trim().eq_ignore_ascii_case("max-age").then(|| value.trim().trim_matches('"'))
    });
    value
        .and_then(|seconds| seconds.parse().ok())
        .ok_or_else(|| format!("with strict-transport-security: {line}, which has no max-age in seconds"))
}

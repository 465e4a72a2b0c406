//! A request as a command that anyone can paste.

use std::fmt::Write as _;

use crate::exchange::Request;
use crate::redact;

/// `curl -si 'https://…/health' -H 'origin: null'`.
pub(crate) fn curl(request: &Request, target: &str) -> String {
    let mut command = "curl -si".to_owned();
    match request.method.as_str() {
        "GET" => {}
        "HEAD" => command.push_str(" --head"),
        method => {
            let _ = write!(command, " -X {}", quoted(method));
        }
    }
    let _ = write!(command, " --path-as-is {}", quoted(&format!("{target}{}", request.path)));
    for (name, value) in &request.headers {
        let _ = write!(command, " -H {}", quoted(&format!("{name}: {}", redact::header(name, value))));
    }
    if let Some(body) = &request.body {
        let _ = write!(command, " --data-raw {}", quoted(body));
    }
    command
}

/// In single quotes, unless the word needs none.
fn quoted(word: &str) -> String {
    let plain =
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./:@%+=,".contains(&b));
    if plain { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Probe;

    #[test]
    fn what_was_sent_can_be_pasted() {
        let target = "https://api.example.com";
        let sent = |probe: Probe| curl(&probe.request, target);
        assert_eq!(sent(Probe::get("/health")), "curl -si --path-as-is https://api.example.com/health");
        assert_eq!(
            sent(Probe::get("/health").origin("https://a'b.example")),
            r"curl -si --path-as-is https://api.example.com/health -H 'origin: https://a'\''b.example'"
        );
        assert_eq!(
            sent(Probe::new("HEAD", "/health")),
            "curl -si --head --path-as-is https://api.example.com/health"
        );
        assert_eq!(
            sent(Probe::get("/health").with("authorization", "Bearer s3cr3t")),
            "curl -si --path-as-is https://api.example.com/health -H 'authorization: [redacted]'"
        );
    }
}

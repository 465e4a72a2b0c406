//! A request as a shell command.

use std::fmt::Write as _;

use std::time::Duration;

use crate::model::exchange::{AddressKind, Means, Offer, Piece, Raw, Request};
use crate::model::redact;

/// `curl -si 'https://…/health' -H 'origin: null'`, or another command where curl cannot send the request.
pub(crate) fn command(request: &Request, target: &str) -> String {
    let curl = |more: &str| curl(request, target, more);
    match &request.means {
        Means::Client | Means::AfterRetry => curl(""),
        Means::Http2 | Means::Frames => curl(" --http2"),
        Means::Address(AddressKind::IPv4) => curl(" -4"),
        Means::Address(AddressKind::IPv6) => curl(" -6"),
        Means::Plain => self::curl(request, &format!("http://{}", host(target)), ""),
        Means::Burst(connections) => {
            let each = curl(" -o /dev/null -w '%{http_code} %{time_total}\\n'");
            format!("seq {connections} | xargs -P {connections} -I _ {each}")
        }
        Means::Handshake(offer) => handshake(*offer, target),
        Means::Drill(_) => "verify drill".to_owned(),
        Means::Raw(raw) => format!("({}) | {}", bytes(raw, target), connection(target)),
    }
}

fn curl(request: &Request, target: &str, more: &str) -> String {
    let mut command = format!("curl -si{more}");
    match request.method.as_str() {
        "GET" => {}
        "HEAD" => command.push_str(" --head"),
        method => {
            let _ = write!(command, " -X {}", quoted(method));
        }
    }
    let _ = write!(command, " --path-as-is {}", quoted(&format!("{target}{}", request.path)));
    for (name, value) in &request.headers {
        let value = redact::header(name, value);
        // `name:` tells curl not to send the header.
        let line = if value.is_empty() { format!("{name};") } else { format!("{name}: {value}") };
        let _ = write!(command, " -H {}", quoted(&line));
    }
    if let Some(body) = &request.body {
        let _ = write!(command, " --data-raw {}", quoted(body));
    }
    command
}

fn handshake(offer: Offer, target: &str) -> String {
    let version = match offer {
        // Current OpenSSL speaks it on request only.
        Offer::Tls10 => "-tls1 -cipher DEFAULT@SECLEVEL=0",
        Offer::Tls11 => "-tls1_1 -cipher DEFAULT@SECLEVEL=0",
        Offer::Today => "-alpn h2,http/1.1 -verify_return_error",
    };
    format!(
        "openssl s_client -connect {} -servername {} {version} </dev/null",
        authority(target),
        host(target)
    )
}

/// Commands that write the bytes, piece by piece; the connection stays open for 2 s for the answer.
fn bytes(raw: &Raw, target: &str) -> String {
    let spelled = |text: &str| {
        let text = text.replace("{host}", target.split("://").last().unwrap_or_default());
        let text = text.replace('\\', r"\\").replace('%', "%%").replace('\r', r"\r").replace('\n', r"\n");
        format!("printf {}", quoted(&text))
    };
    let pieces = raw.pieces.iter().map(|piece| match piece {
        Piece::Text(text) => spelled(text),
        Piece::Repeat(text, times) => format!("for _ in $(seq {times}); do {}; done", spelled(text)),
        Piece::Trickle { text, times, pause_ms } => {
            let pause = Duration::from_millis(*pause_ms).as_secs_f32();
            format!("for _ in $(seq {times}); do sleep {pause}; {}; done", spelled(text))
        }
    });
    pieces.chain(["sleep 2".to_owned()]).collect::<Vec<_>>().join("; ")
}

fn connection(target: &str) -> String {
    if target.starts_with("https://") {
        format!("openssl s_client -quiet -connect {} -servername {}", authority(target), host(target))
    } else {
        format!("nc {}", authority(target).replacen(':', " ", 1))
    }
}

/// Host and port, written out.
fn authority(target: &str) -> String {
    let default = if target.starts_with("https://") { 443 } else { 80 };
    let authority = target.split("://").last().unwrap_or_default();
    if authority == host(target) { format!("{authority}:{default}") } else { authority.to_owned() }
}

fn host(target: &str) -> &str {
    let authority = target.split("://").last().unwrap_or_default();
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// In single quotes, unless the word needs none. Control and non-ASCII characters are written as bash escapes, byte
/// by byte.
fn quoted(word: &str) -> String {
    if !word.chars().all(|c| c == ' ' || c.is_ascii_graphic()) {
        let spelled: Vec<String> = word.chars().map(spelled).collect();
        return format!("$'{}'", spelled.concat());
    }
    let plain =
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./:@%+=,".contains(&b));
    if plain { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

fn spelled(c: char) -> String {
    match c {
        '\'' | '\\' => format!("\\{c}"),
        ' '..='~' => c.to_string(),
        // One character is one byte, as in the evidence.
        _ => format!("\\x{:02x}", u32::from(c)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::exchange::Ends;
    use crate::model::probe::Probe;

    #[test]
    fn what_was_sent_can_be_pasted() {
        let target = "https://api.example.com";
        let sent = |probe: Probe| command(&probe.request, target);
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
            sent(Probe::get("/health").origin("a'\u{1}\u{e9}")),
            r"curl -si --path-as-is https://api.example.com/health -H $'origin: a\'\x01\xe9'"
        );
        assert_eq!(
            sent(Probe::get("/health").origin("")),
            "curl -si --path-as-is https://api.example.com/health -H 'origin;'"
        );
        assert_eq!(
            sent(Probe::get("/health").with("authorization", "Bearer s3cr3t")),
            "curl -si --path-as-is https://api.example.com/health -H 'authorization: [redacted]'"
        );
    }

    #[test]
    fn what_curl_would_not_send_can_be_pasted_too() {
        let target = "https://api.example.com";
        let sent = |means| command(&Probe::get("/health").by(means).request, target);
        let pieces = vec![Piece::Text("GET / HTTP/1.1\r\nhost: {host}\r\n\r\n".to_owned())];
        let raw = Raw { what: String::new(), pieces, ends: Ends::WhenClosed, patience_ms: 1 };
        assert_eq!(
            sent(Means::Raw(raw)),
            r"(printf 'GET / HTTP/1.1\r\nhost: api.example.com\r\n\r\n'; sleep 2) | openssl s_client -quiet -connect api.example.com:443 -servername api.example.com"
        );
        assert_eq!(sent(Means::Plain), "curl -si --path-as-is http://api.example.com/health");
        assert_eq!(
            sent(Means::Burst(9)),
            r"seq 9 | xargs -P 9 -I _ curl -si -o /dev/null -w '%{http_code} %{time_total}\n' --path-as-is https://api.example.com/health"
        );
        assert_eq!(
            sent(Means::Handshake(Offer::Tls10)),
            "openssl s_client -connect api.example.com:443 -servername api.example.com -tls1 -cipher DEFAULT@SECLEVEL=0 </dev/null"
        );
    }
}

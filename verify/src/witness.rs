//! The witness of a CORS finding: the page that would do harm, and whether a browser lets it.

use std::fmt::Write as _;

use profiles::Origin;
use url::Url;

use crate::exchange::{Exchange, Request, Response};
use crate::oracle::{Credentials, cors_check, preflight_check};
use crate::redact::{header, shown};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// What to run, and where; `None` where no page can cause such a request.
    pub script: Option<Script>,
    /// What a browser makes of the answer; the browser is its subject.
    pub verdict: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Such as ``on a page at `https://evil.example` ``.
    pub place: String,
    /// Three lines of JavaScript.
    pub code: String,
}

/// What the page asks for, whether it was seen itself or only its preflight.
struct Wanted<'a> {
    method: &'a str,
    headers: Vec<(String, String)>,
    body: Option<&'a str>,
}

impl Witness {
    /// The witness of one exchange, if it was a page's request.
    pub fn of(target: &Origin, exchange: &Exchange) -> Option<Self> {
        let request = &exchange.request;
        let response = exchange.response().ok()?;
        let origin = request.header("origin")?;
        let Some(place) = place(origin) else {
            let verdict = format!(
                "never sends the origin `{}`: the comparison is not byte for byte, and other clients can use that",
                shown(origin)
            );
            return Some(Self { script: None, verdict });
        };
        let preflight =
            request.header("access-control-request-method").filter(|_| request.method == "OPTIONS");
        let wanted = preflight.map_or_else(|| sent(request), |method| asked_for(request, method));
        let (credentials, verdict) = match preflight {
            Some(_) => after_preflight(origin, &wanted, response),
            None => reading(origin, response),
        };
        let code = code(&format!("{target}{}", request.path), &wanted, credentials);
        Some(Self { script: Some(Script { place, code }), verdict })
    }
}

/// Where a page has that origin, as the browser itself would spell it.
fn place(origin: &str) -> Option<String> {
    if origin == "null" {
        return Some("in a sandboxed frame, `<iframe sandbox=\"allow-scripts\">`".to_owned());
    }
    let url = Url::parse(origin).ok()?;
    match url.scheme() {
        "http" | "https" => {
            (url.origin().ascii_serialization() == origin).then(|| format!("on a page at `{origin}`"))
        }
        // Their pages are `null` to a server.
        "file" | "data" | "blob" | "about" | "javascript" => None,
        scheme => {
            let host = url.host_str()?;
            (format!("{scheme}://{host}") == origin).then(|| format!("in the extension or app `{origin}`"))
        }
    }
}

/// The request that would cause this preflight.
fn asked_for<'a>(preflight: &Request, method: &'a str) -> Wanted<'a> {
    let names = preflight
        .headers
        .iter()
        .filter(|(name, _)| name == "access-control-request-headers")
        .flat_map(|(_, value)| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .filter(|name| !name.is_empty());
    let headers = names.map(|name| {
        let value = if name == "content-type" { "application/json" } else { "x" };
        (name, value.to_owned())
    });
    let body = matches!(method, "POST" | "PUT" | "PATCH").then_some("{}");
    Wanted { method, headers: headers.collect(), body }
}

/// The request as it was sent, without what the browser itself adds.
fn sent(request: &Request) -> Wanted<'_> {
    let own = ["origin", "cookie", "host"];
    let headers = request
        .headers
        .iter()
        .filter(|(name, _)| !own.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), header(name, value)));
    Wanted { method: &request.method, headers: headers.collect(), body: request.body.as_deref() }
}

fn reading(origin: &str, response: &Response) -> (Credentials, String) {
    let with = cors_check(origin, Credentials::Include, response);
    let without = cors_check(origin, Credentials::Omit, response);
    match (with, without) {
        (Ok(()), _) => (
            Credentials::Include,
            "lets this page read the body, asked for with the visitor's cookies".to_owned(),
        ),
        (Err(why), Ok(())) => (
            Credentials::Omit,
            format!("lets this page read the body, but only without cookies ({})", shown(&why)),
        ),
        (_, Err(why)) => {
            (Credentials::Include, format!("does not let this page read the body ({})", shown(&why)))
        }
    }
}

fn after_preflight(origin: &str, wanted: &Wanted<'_>, response: &Response) -> (Credentials, String) {
    let method = wanted.method;
    let names: Vec<&str> = wanted.headers.iter().map(|(name, _)| name.as_str()).collect();
    let decide = |credentials| preflight_check(origin, method, &names, credentials, response);
    match (decide(Credentials::Include), decide(Credentials::Omit)) {
        (Ok(()), _) => (
            Credentials::Include,
            format!("sends the {method} after this preflight, with the visitor's cookies"),
        ),
        (Err(why), Ok(())) => (
            Credentials::Omit,
            format!("sends the {method} after this preflight, but only without cookies ({})", shown(&why)),
        ),
        (_, Err(why)) => (
            Credentials::Include,
            format!("does not send the {method} after this preflight ({})", shown(&why)),
        ),
    }
}

fn code(url: &str, wanted: &Wanted<'_>, credentials: Credentials) -> String {
    let credentials = match credentials {
        Credentials::Include => "include",
        Credentials::Omit => "omit",
    };
    let mut options = format!("method: {}, credentials: {}", quoted(wanted.method), quoted(credentials));
    if !wanted.headers.is_empty() {
        let headers: Vec<String> = wanted
            .headers
            .iter()
            .map(|(name, value)| format!("[{}, {}]", quoted(name), quoted(value)))
            .collect();
        let _ = write!(options, ", headers: [{}]", headers.join(", "));
    }
    if let Some(body) = wanted.body {
        let _ = write!(options, ", body: {}", quoted(body));
    }
    format!(
        "const answer = await fetch({}, {{ {options} }});\nconst body = await answer.text();\nconsole.log(answer.status, body);",
        quoted(url)
    )
}

/// A JSON string is a JavaScript string, and `<` in it would end a script element.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::response;
    use crate::exchange::Answer;
    use crate::probe::Probe;

    const EVIL: &str = "https://evil.example";

    fn witness(probe: Probe, answer: &str) -> Option<Witness> {
        let answer = Answer::Received(response(answer));
        let exchange = Exchange { request: probe.request, answer, elapsed_ms: 1, received_ms: 0 };
        Witness::of(&"https://api.example.com".parse().unwrap(), &exchange)
    }

    fn script(probe: Probe, answer: &str) -> (String, String, String) {
        let witness = witness(probe, answer).unwrap();
        let script = witness.script.unwrap();
        (script.place, script.code, witness.verdict)
    }

    #[test]
    fn the_page_reads_what_the_server_granted_it() {
        let granted = "HTTP/1.1 200 OK\naccess-control-allow-origin: https://evil.example";
        let with = format!("{granted}\naccess-control-allow-credentials: true");
        let (place, code, verdict) = script(Probe::get("/health").origin(EVIL), &with);
        assert_eq!(place, "on a page at `https://evil.example`");
        assert_eq!(
            code,
            "const answer = await fetch(\"https://api.example.com/health\", { method: \"GET\", credentials: \"include\" });\n\
             const body = await answer.text();\nconsole.log(answer.status, body);"
        );
        assert_eq!(verdict, "lets this page read the body, asked for with the visitor's cookies");

        let (_, code, verdict) = script(Probe::get("/health").origin(EVIL), granted);
        assert!(code.contains("credentials: \"omit\""), "{code}");
        assert_eq!(
            verdict,
            "lets this page read the body, but only without cookies (no access-control-allow-credentials)"
        );

        let (_, _, verdict) = script(Probe::get("/health").origin(EVIL), "HTTP/1.1 200 OK");
        assert_eq!(verdict, "does not let this page read the body (no access-control-allow-origin)");
    }

    #[test]
    fn a_preflight_is_shown_as_the_request_that_causes_it() {
        let probe = Probe::preflight("/health", EVIL, "PUT", &["Content-Type", "Authorization"]);
        let granted = "HTTP/1.1 204 No Content\naccess-control-allow-origin: https://evil.example\n\
                       access-control-allow-credentials: true\naccess-control-allow-methods: PUT\n\
                       access-control-allow-headers: authorization, content-type";
        let (_, code, verdict) = script(probe.clone(), granted);
        let wanted = "method: \"PUT\", credentials: \"include\", \
                      headers: [[\"authorization\", \"x\"], [\"content-type\", \"application/json\"]], body: \"{}\"";
        assert!(code.contains(wanted), "{code}");
        assert_eq!(verdict, "sends the PUT after this preflight, with the visitor's cookies");
        let (_, _, verdict) = script(probe, "HTTP/1.1 204 No Content");
        assert_eq!(verdict, "does not send the PUT after this preflight (no access-control-allow-origin)");
    }

    #[test]
    fn an_origin_that_no_page_has_is_no_page() {
        for origin in [
            "https://todo.example.com/",
            "https://TODO.example.com",
            "https://todo.example.com:443",
            "https://todo.example.com@evil.example",
            "file://",
            "data:",
            "nonsense",
        ] {
            let witness = witness(Probe::get("/").origin(origin), "HTTP/1.1 200 OK").unwrap();
            assert_eq!(witness.script, None, "{origin}");
            assert!(witness.verdict.starts_with(&format!("never sends the origin `{origin}`")));
        }
        assert_eq!(witness(Probe::get("/"), "HTTP/1.1 200 OK"), None, "no page sent it");
    }

    #[test]
    fn pages_are_where_browsers_have_them() {
        let place = |origin: &str| script(Probe::get("/").origin(origin), "HTTP/1.1 200 OK").0;
        assert_eq!(place("null"), "in a sandboxed frame, `<iframe sandbox=\"allow-scripts\">`");
        assert_eq!(place("http://localhost:3000"), "on a page at `http://localhost:3000`");
        assert_eq!(place("https://todo.example.com."), "on a page at `https://todo.example.com.`");
        assert_eq!(place("capacitor://localhost"), "in the extension or app `capacitor://localhost`");
    }

    #[test]
    fn a_witness_repeats_no_credential_and_ends_no_script() {
        let probe = Probe::new("POST", "/</script>").origin(EVIL).with("authorization", "Bearer s3cr3t");
        let (_, code, _) = script(probe, "HTTP/1.1 200 OK");
        assert!(!code.contains("s3cr3t") && !code.contains('<'), "{code}");
    }
}

//! Refuses requests that change something and come from a page of another site: a browser sends them with the user's
//! cookies and without a preflight (CSRF). `cors` decides about reading.

use http::header::{HOST, ORIGIN};
use http::{HeaderName, HeaderValue, Method};

use crate::request::head::{Field, Head};
use crate::response::refusal::Refusal;

/// Set by browsers; no page can set or change it (Fetch Metadata, Forbidden request-header).
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// `declared`: the request has one Origin, and `cors.origins` lists it.
pub(crate) fn check(head: &Head, declared: bool) -> Result<(), Refusal> {
    if is_safe(head.method()) || is_allowed(head, declared) { Ok(()) } else { Err(Refusal::cross_site()) }
}

/// The safe methods (RFC 9110 section 9.2.1), and QUERY: they change nothing.
fn is_safe(method: &Method) -> bool {
    ["GET", "HEAD", "OPTIONS", "TRACE", "QUERY"].contains(&method.as_str())
}

fn is_allowed(head: &Head, declared: bool) -> bool {
    match (head.field(&SEC_FETCH_SITE), head.field(&ORIGIN)) {
        // Browsers send one line of each; several are ambiguous.
        (Field::Ambiguous, _) | (_, Field::Ambiguous) => false,
        _ if declared => true,
        // `none` is a navigation by the user, such as a bookmark. `same-site` would admit a forgotten subdomain.
        (Field::One(site), _) => site == "same-origin" || site == "none",
        // Not a browser: they send Origin with every method but GET and HEAD (Fetch, #append-a-request-origin-header).
        (Field::Absent, Field::Absent) => true,
        (Field::Absent, Field::One(origin)) => is_own(origin, head),
    }
}

/// Whether the page belongs to this service. The scheme is not compared: a proxy may terminate TLS.
fn is_own(origin: &HeaderValue, head: &Head) -> bool {
    let Field::One(host) = head.field(&HOST) else {
        return false;
    };
    let page =
        [&b"https://"[..], b"http://"].into_iter().find_map(|scheme| origin.as_bytes().strip_prefix(scheme));
    page.is_some_and(|page| page.eq_ignore_ascii_case(host.as_bytes()))
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    const DECLARED: &str = "https://todo.example.com";

    fn allowed(method: &str, lines: &[(&'static str, &'static str)]) -> bool {
        let mut request = Request::builder().method(method).uri("/").header("host", "api.example.com");
        for (name, value) in lines {
            request = request.header(*name, *value);
        }
        let (head, ()) = Head::split(request.body(()).unwrap());
        let declared = matches!(head.field(&ORIGIN), Field::One(origin) if origin == DECLARED);
        check(&head, declared).is_ok()
    }

    #[test]
    fn the_table_of_sites_and_origins() {
        const SITE: &str = "sec-fetch-site";
        const FROM: &str = "origin";
        const EVIL: (&str, &str) = (FROM, "https://evil.example");
        for (expected, lines) in [
            // A browser that sends the page's site.
            (true, &[(SITE, "same-origin"), (FROM, "https://api.example.com")][..]),
            (true, &[(SITE, "same-origin")]),
            (true, &[(SITE, "none")]),
            (true, &[(SITE, "cross-site"), (FROM, DECLARED)]),
            (true, &[(SITE, "same-site"), (FROM, DECLARED)]),
            (false, &[(SITE, "cross-site"), EVIL]),
            (false, &[(SITE, "cross-site"), (FROM, "null")]),
            (false, &[(SITE, "cross-site")]),
            (false, &[(SITE, "same-site"), (FROM, "https://forgotten.example.com")]),
            (false, &[(SITE, "same-site")]),
            (false, &[(SITE, "cross-site"), (FROM, "https://api.example.com")]),
            (false, &[(SITE, "Same-Origin"), EVIL]),
            (false, &[(SITE, "")]),
            (false, &[(SITE, "same-origin, cross-site")]),
            // Browsers that do not send it, as over plain HTTP, and clients that are not browsers.
            (true, &[]),
            (true, &[(FROM, DECLARED)]),
            (true, &[(FROM, "https://api.example.com")]),
            (true, &[(FROM, "http://API.example.com")]),
            (false, &[EVIL]),
            (false, &[(FROM, "null")]),
            (false, &[(FROM, "")]),
            (false, &[(FROM, "https://api.example.com:8443")]),
            (false, &[(FROM, "https://api.example.com.evil.example")]),
            (false, &[(FROM, "https://evil-api.example.com")]),
            (false, &[(FROM, "https://api.example.com/")]),
            (false, &[(FROM, "file://api.example.com")]),
            (false, &[(FROM, "api.example.com")]),
            // Several lines.
            (false, &[(SITE, "same-origin"), (SITE, "cross-site")]),
            (false, &[(SITE, "same-origin"), (SITE, "same-origin"), (FROM, DECLARED)]),
            (false, &[(FROM, DECLARED), EVIL]),
            (false, &[(SITE, "same-origin"), (FROM, DECLARED), (FROM, DECLARED)]),
        ] {
            for method in ["POST", "PUT", "PATCH", "DELETE"] {
                assert_eq!(allowed(method, lines), expected, "{method} {lines:?}");
            }
            for method in ["GET", "HEAD", "OPTIONS", "TRACE", "QUERY"] {
                assert!(allowed(method, lines), "{method} {lines:?}");
            }
        }
    }
}

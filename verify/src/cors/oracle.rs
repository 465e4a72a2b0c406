//! CORS as a browser decides it: the algorithms of the Fetch standard as pure functions.

use crate::model::exchange::Response;

/// Whether a page may send cookies along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credentials {
    Omit,
    Include,
}

impl Credentials {
    pub const fn declared(credentials: bool) -> Self {
        if credentials { Self::Include } else { Self::Omit }
    }
}

/// The CORS check (<https://fetch.spec.whatwg.org/#concept-cors-check>), or why it fails.
pub fn cors_check(origin: &str, credentials: Credentials, response: &Response) -> Result<(), String> {
    let Some(allowed) = response.header("access-control-allow-origin") else {
        return Err("no access-control-allow-origin".to_owned());
    };
    if credentials == Credentials::Omit && allowed == "*" {
        return Ok(());
    }
    if allowed != origin {
        return Err(format!("access-control-allow-origin: {allowed}"));
    }
    if credentials == Credentials::Omit {
        return Ok(());
    }
    match response.header("access-control-allow-credentials") {
        Some(value) if value == "true" => Ok(()),
        Some(value) => Err(format!("access-control-allow-credentials: {value} is not exactly `true`")),
        None => Err("no access-control-allow-credentials".to_owned()),
    }
}

/// The check of a preflight's answer (<https://fetch.spec.whatwg.org/#cors-preflight-fetch>), or why it fails.
pub fn preflight_check(
    origin: &str,
    method: &str,
    headers: &[&str],
    credentials: Credentials,
    response: &Response,
) -> Result<(), String> {
    cors_check(origin, credentials, response)?;
    if !(200..300).contains(&response.status) {
        return Err(format!("status {} is not an ok status", response.status));
    }
    // A method is compared case-sensitively, so the list is read as it stands.
    let methods = response.header("access-control-allow-methods").unwrap_or_default();
    let mut methods = methods.split(',').map(str::trim);
    let wildcard = credentials == Credentials::Omit;
    if !["GET", "HEAD", "POST"].contains(&method) && !methods.any(|m| m == method || (wildcard && m == "*")) {
        return Err(format!("access-control-allow-methods does not allow {method}"));
    }
    let allowed = response.list("access-control-allow-headers");
    for header in headers {
        // "CORS non-wildcard request-header name": `*` never covers Authorization.
        let covered_by_star = wildcard
            && !header.eq_ignore_ascii_case("authorization")
            && allowed.iter().any(|name| name == "*");
        if !covered_by_star && !allowed.iter().any(|name| name.eq_ignore_ascii_case(header)) {
            return Err(format!("access-control-allow-headers does not allow {header}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "https://app.example.com";

    #[test]
    fn a_page_reads_only_what_names_its_origin_byte_for_byte() {
        for (answer, omit, include) in [
            ("HTTP/1.1 200 OK", false, false),
            ("HTTP/1.1 200 OK\naccess-control-allow-origin: *", true, false),
            ("HTTP/1.1 200 OK\naccess-control-allow-origin: https://app.example.com", true, false),
            (
                "HTTP/1.1 200 OK\naccess-control-allow-origin: https://app.example.com\naccess-control-allow-credentials: true",
                true,
                true,
            ),
            (
                "HTTP/1.1 200 OK\naccess-control-allow-origin: https://app.example.com\naccess-control-allow-credentials: True",
                true,
                false,
            ),
            ("HTTP/1.1 200 OK\naccess-control-allow-origin: https://app.example.com/", false, false),
            (
                "HTTP/1.1 200 OK\naccess-control-allow-origin: https://app.example.com\naccess-control-allow-origin: https://app.example.com",
                false,
                false,
            ),
        ] {
            let response: Response = answer.parse().unwrap();
            assert_eq!(cors_check(A, Credentials::Omit, &response).is_ok(), omit, "{answer}");
            assert_eq!(cors_check(A, Credentials::Include, &response).is_ok(), include, "{answer}");
        }
    }

    #[test]
    fn a_preflight_must_name_methods_exactly_and_headers_in_any_case() {
        let granted = |more: &str| {
            let answer = format!(
                "HTTP/1.1 204 No Content\naccess-control-allow-origin: {A}\naccess-control-allow-credentials: true\n{more}"
            );
            answer.parse::<Response>().unwrap()
        };
        let with = |method, headers: &[&str], more: &str| {
            preflight_check(A, method, headers, Credentials::Include, &granted(more)).is_ok()
        };

        assert!(with("GET", &[], "vary: origin"), "safelisted methods need no list");
        assert!(with("PUT", &[], "access-control-allow-methods: GET, PUT"));
        assert!(!with("PUT", &[], "access-control-allow-methods: put"));
        assert!(!with("PUT", &[], "access-control-allow-methods: *"), "with credentials `*` is literal");
        assert!(with("GET", &["authorization"], "access-control-allow-headers: Content-Type, Authorization"));
        assert!(!with("GET", &["authorization"], "access-control-allow-headers: *"));
    }
}

//! A request without its body: the input of the pure decisions.

use http::header::{
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, CONTENT_LENGTH, HOST, ORIGIN,
    TRANSFER_ENCODING,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version};
use profiles::{FieldName, Server};

use crate::request::path;
use crate::response::refusal::Refusal;

/// RFC 9110, PATCH (RFC 5789) and QUERY.
pub(crate) const METHODS: [&str; 9] =
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"];

/// W3C Trace Context, section 3.2.
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

pub struct Head(Parts);

/// The lines of a field that may occur at most once.
#[derive(Clone, Copy, Default)]
pub(crate) enum Field<'h> {
    #[default]
    Absent,
    One(&'h HeaderValue),
    /// Several lines, which are ambiguous.
    Ambiguous,
}

/// The fields that every decision needs, found in one pass over the lines: separate look-ups take longer.
#[derive(Default)]
pub(crate) struct Fields<'h> {
    pub(crate) host: Field<'h>,
    pub(crate) origin: Field<'h>,
    pub(crate) requested_method: Field<'h>,
    pub(crate) requested_headers: Field<'h>,
    pub(crate) content_length: Field<'h>,
    pub(crate) transfer_encoding: Field<'h>,
    pub(crate) traceparent: Field<'h>,
    /// The bytes of all lines as sent, without the whitespace around values, which hyper does not keep.
    length: usize,
}

impl Head {
    #[doc(hidden)]
    pub fn split<B>(request: Request<B>) -> (Self, B) {
        let (parts, body) = request.into_parts();
        (Self(parts), body)
    }

    pub fn method(&self) -> &Method {
        &self.0.method
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.0.uri
    }

    pub fn path(&self) -> &str {
        self.0.uri.path()
    }

    pub fn query(&self) -> Option<&str> {
        self.0.uri.query()
    }

    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    pub(crate) fn field(&self, name: &HeaderName) -> Field<'_> {
        let mut lines = self.0.headers.get_all(name).iter();
        match (lines.next(), lines.next()) {
            (None, _) => Field::Absent,
            (Some(value), None) => Field::One(value),
            (Some(_), Some(_)) => Field::Ambiguous,
        }
    }

    pub(crate) fn fields(&self) -> Fields<'_> {
        let mut fields = Fields::default();
        for (name, value) in self.headers() {
            fields.length += name.as_str().len() + value.len() + ": \r\n".len();
            let field = match name {
                name if *name == HOST => &mut fields.host,
                name if *name == ORIGIN => &mut fields.origin,
                name if *name == CONTENT_LENGTH => &mut fields.content_length,
                name if *name == TRANSFER_ENCODING => &mut fields.transfer_encoding,
                name if *name == ACCESS_CONTROL_REQUEST_METHOD => &mut fields.requested_method,
                name if *name == ACCESS_CONTROL_REQUEST_HEADERS => &mut fields.requested_headers,
                name if *name == TRACEPARENT => &mut fields.traceparent,
                _ => continue,
            };
            *field = match field {
                Field::Absent => Field::One(value),
                Field::One(_) | Field::Ambiguous => Field::Ambiguous,
            };
        }
        fields
    }

    /// Refuses malformed heads that hyper accepts.
    pub(crate) fn check(&self, fields: &Fields<'_>, limits: &Server) -> Result<(), Refusal> {
        let target = length(self.uri());
        if target > limits.uri_limit.get() {
            return Err(Refusal::target_too_long(limits.uri_limit.get()));
        }
        let line = self.method().as_str().len() + "  HTTP/1.1\r\n".len();
        if target + bytes(line + fields.length + "\r\n".len()) > limits.header_limit.get() {
            return Err(Refusal::head_too_large(limits.header_limit.get()));
        }
        self.check_host(fields.host)?;
        self.check_path()?;
        check_coding(fields.transfer_encoding)?;
        match fields.content_length {
            // RFC 9112 section 6.3. Hyper refuses lengths that differ, and merges equal ones.
            Field::Ambiguous => Err(Refusal::bad_request("the request has several `Content-Length` lines")),
            Field::One(length) if number(length).is_some_and(|length| length > limits.body_limit.get()) => {
                Err(Refusal::too_large(limits.body_limit.get()))
            }
            Field::Absent | Field::One(_) => Ok(()),
        }
    }

    fn check_host(&self, host: Field<'_>) -> Result<(), Refusal> {
        match host {
            // RFC 9112 section 3.2 requires a Host from HTTP/1.1 on.
            Field::Absent if self.0.version >= Version::HTTP_11 => {
                Err(Refusal::bad_request("the request has no `Host`"))
            }
            Field::Ambiguous => Err(Refusal::bad_request("the request has several `Host` lines")),
            Field::One(host) if !is_host(host) => {
                Err(Refusal::bad_request("the `Host` is not a host name and an optional port"))
            }
            Field::Absent | Field::One(_) => Ok(()),
        }
    }

    fn check_path(&self) -> Result<(), Refusal> {
        match (self.method(), self.path()) {
            // `OPTIONS *` asks about the whole server, CONNECT names no path (RFC 9112 section 3.2).
            (&Method::OPTIONS, "*") | (&Method::CONNECT, _) => Ok(()),
            (_, path) => path::check(path).map_err(Refusal::bad_request),
        }
    }
}

/// RFC 9112 section 6.1. Hyper requires only that the last coding is `chunked`, and would not decode the others.
fn check_coding(coding: Field<'_>) -> Result<(), Refusal> {
    match coding {
        Field::Absent => Ok(()),
        Field::One(coding) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        Field::One(_) | Field::Ambiguous => Err(Refusal::coding()),
    }
}

/// A name that the profile declares.
pub(crate) fn field_name(name: &FieldName) -> HeaderName {
    HeaderName::from_bytes(name.as_str().as_bytes()).expect("a field name is a token: parsed by `profiles`")
}

/// The request target, in bytes.
fn length(uri: &Uri) -> u64 {
    let scheme = uri.scheme_str().map_or(0, |scheme| scheme.len() + "://".len());
    let authority = uri.authority().map_or(0, |authority| authority.as_str().len());
    let path = uri.path_and_query().map_or(0, |path| path.as_str().len());
    bytes(scheme + authority + path)
}

fn bytes(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// Hyper has already refused a value that is not a number.
fn number(length: &HeaderValue) -> Option<u64> {
    length.to_str().ok()?.trim().parse().ok()
}

/// A name or an address with an optional port (RFC 3986 section 3.2.2), but stricter: a comma is how a proxy joins two
/// Host lines, and real names contain neither a percent sign nor a bracket.
fn is_host(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    // Nearly all are a plain name. Without a branch for each byte the compiler checks eight at a time.
    if bytes.iter().fold(true, |all, byte| all & plain(byte)) {
        return !bytes.is_empty();
    }
    let (host, rest) = match bytes.iter().position(|byte| *byte == b']') {
        Some(end) => bytes.split_at(end + 1),
        None => bytes.split_at(bytes.iter().position(|byte| *byte == b':').unwrap_or(bytes.len())),
    };
    let is_named = match host {
        [b'[', address @ .., b']'] => {
            std::str::from_utf8(address).is_ok_and(|text| text.parse::<std::net::Ipv6Addr>().is_ok())
        }
        name => !name.is_empty() && name.iter().all(plain),
    };
    let is_port = match rest {
        [] => true,
        // A port may be empty.
        [b':', digits @ ..] => digits.is_empty() || is_u16(digits),
        _ => false,
    };
    is_named && is_port
}

fn is_u16(digits: &[u8]) -> bool {
    let text = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    text.is_some_and(|text| text.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Production's limits, but a body of 100 bytes, a target of 50 and a head of 200.
    fn limits() -> Server {
        let today = jiff::civil::date(2026, 1, 1);
        let mut limits = profiles::Declaration::load("production", today).unwrap().profile.server;
        limits.body_limit = "100B".parse().unwrap();
        limits.uri_limit = "50B".parse().unwrap();
        limits.header_limit = "200B".parse().unwrap();
        limits
    }

    fn refused(request: http::request::Builder) -> Option<u16> {
        let (head, ()) = Head::split(request.body(()).unwrap());
        head.check(&head.fields(), &limits()).err().map(|refusal| refusal.status().as_u16())
    }

    fn check(lines: &[(&'static str, &'static str)], version: Version) -> Option<u16> {
        let mut request = Request::builder().uri("/health").version(version);
        for (name, value) in lines {
            request = request.header(*name, *value);
        }
        refused(request)
    }

    fn target(method: &str, target: &str) -> Option<u16> {
        refused(Request::builder().method(method).uri(target).header("host", "a"))
    }

    #[test]
    fn exactly_one_valid_host_is_required() {
        for host in [
            "example.com",
            "example.com:8080",
            "example.com:",
            "127.0.0.1",
            "[::1]:80",
            "healthcheck.railway.app",
        ] {
            assert_eq!(check(&[("host", host)], Version::HTTP_11), None, "{host}");
        }
        for host in [
            "",
            "a b",
            "user@example.com",
            "example.com/",
            "http://example.com",
            "a,b",
            "a:b:c",
            "a:x",
            "a:65536",
        ] {
            assert_eq!(check(&[("host", host)], Version::HTTP_11), Some(400), "{host}");
        }
        assert_eq!(check(&[], Version::HTTP_11), Some(400));
        assert_eq!(check(&[("host", "a"), ("host", "a")], Version::HTTP_11), Some(400));
    }

    #[test]
    fn http_1_0_needs_no_host() {
        assert_eq!(check(&[], Version::HTTP_10), None);
    }

    #[test]
    fn a_body_announced_too_large_is_refused_before_it_is_read() {
        assert_eq!(check(&[("host", "a"), ("content-length", "100")], Version::HTTP_11), None);
        assert_eq!(check(&[("host", "a"), ("content-length", "101")], Version::HTTP_11), Some(413));
    }

    #[test]
    fn a_body_has_one_length() {
        let twice = [("host", "a"), ("content-length", "5"), ("content-length", "5")];
        assert_eq!(check(&twice, Version::HTTP_11), Some(400));
    }

    #[test]
    fn chunked_is_the_one_coding() {
        for coding in ["chunked", "Chunked"] {
            assert_eq!(
                check(&[("host", "a"), ("transfer-encoding", coding)], Version::HTTP_11),
                None,
                "{coding}"
            );
        }
        for coding in ["gzip, chunked", "chunked, chunked", "gzip", ""] {
            let sent = [("host", "a"), ("transfer-encoding", coding)];
            assert_eq!(check(&sent, Version::HTTP_11), Some(501), "{coding}");
        }
        let twice = [("host", "a"), ("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")];
        assert_eq!(check(&twice, Version::HTTP_11), Some(501));
    }

    #[test]
    fn a_path_has_one_reading_in_every_form_of_target() {
        for (method, sent) in [
            ("GET", "/api/things?next=//a/../b%2f"),
            ("GET", "http://a/health"),
            ("GET", "http://a"),
            ("OPTIONS", "*"),
            ("CONNECT", "a:443"),
        ] {
            assert_eq!(target(method, sent), None, "{method} {sent}");
        }
        for (method, sent) in [("GET", "/a/../b"), ("GET", "http://a//b"), ("GET", "*"), ("GET", "a:443")] {
            assert_eq!(target(method, sent), Some(400), "{method} {sent}");
        }
    }

    #[test]
    fn a_target_is_measured_with_its_query_and_its_authority() {
        for start in ["/", "/?q=", "http://a/"] {
            let longest = format!("{start:x<50}");
            assert_eq!(target("GET", &longest), None, "{longest}");
            assert_eq!(target("GET", &(longest + "x")), Some(414), "{start}");
        }
    }

    #[test]
    fn a_head_is_measured_as_it_was_sent() {
        let sent = "GET /health HTTP/1.1\r\nhost: a\r\nx-long: \r\n\r\n";
        let longest = "x".repeat(200 - sent.len());
        let asked = |value: String| {
            refused(Request::builder().uri("/health").header("host", "a").header("x-long", value))
        };
        assert_eq!(asked(longest.clone()), None);
        assert_eq!(asked(longest + "x"), Some(431));
    }
}

//! A request without its body: all that the pure decisions read.

use http::header::{CONTENT_LENGTH, HOST};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version};

use crate::refusal::Refusal;

pub struct Head(Parts);

/// The field lines of one name, of which there must be one at most.
pub(crate) enum Field<'h> {
    Absent,
    One(&'h HeaderValue),
    /// Several lines, so nobody can say which one counts.
    Ambiguous,
}

impl Head {
    pub(crate) fn split<B>(request: Request<B>) -> (Self, B) {
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

    /// What hyper lets through and a strict server refuses before it looks any further.
    pub(crate) fn check(&self, body_limit: u64) -> Result<(), Refusal> {
        match self.field(&HOST) {
            // RFC 9112 section 3.2 asks for a Host from HTTP/1.1 on.
            Field::Absent if self.0.version >= Version::HTTP_11 => {
                return Err(Refusal::bad_request("the request has no `Host`"));
            }
            Field::Ambiguous => return Err(Refusal::bad_request("the request has several `Host` lines")),
            Field::One(host) if !is_host(host) => {
                return Err(Refusal::bad_request("the `Host` is not a host name and an optional port"));
            }
            Field::Absent | Field::One(_) => {}
        }
        if self.content_length().is_some_and(|length| length > body_limit) {
            return Err(Refusal::too_large(body_limit));
        }
        Ok(())
    }

    /// Hyper has parsed it already and refused what is not a number.
    fn content_length(&self) -> Option<u64> {
        self.0.headers.get(CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
    }
}

fn is_host(value: &HeaderValue) -> bool {
    let Ok(authority) = Authority::try_from(value.as_bytes()) else {
        return false;
    };
    // Stricter than RFC 3986: a comma is how a proxy joins two Host lines.
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._[]:".contains(&byte);
    !authority.host().is_empty() && authority.as_str().bytes().all(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &[(&'static str, &'static str)], version: Version) -> Option<u16> {
        let mut request = Request::builder().uri("/health").version(version);
        for (name, value) in lines {
            request = request.header(*name, *value);
        }
        let (head, ()) = Head::split(request.body(()).unwrap());
        head.check(100).err().map(|refusal| refusal.status().as_u16())
    }

    #[test]
    fn exactly_one_valid_host_is_required() {
        for host in ["example.com", "example.com:8080", "127.0.0.1", "[::1]:80", "healthcheck.railway.app"] {
            assert_eq!(check(&[("host", host)], Version::HTTP_11), None, "{host}");
        }
        for host in ["", "a b", "user@example.com", "example.com/", "http://example.com", "a,b", "a:b:c"] {
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
}

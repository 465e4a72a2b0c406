//! An origin exactly as a browser serialises it: the only form that may stand on an allow-list.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Invalid;
use crate::units::text_conversions;

/// Scheme, host and port exactly as a browser writes them in the `Origin` header, such as
/// `"https://app.example.com"`: lower case, no path, no trailing slash, no default port, no wildcard.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("format" = "origin", "examples" = ["https://app.example.com"]))]
pub struct Origin {
    text: String,
    scheme: Scheme,
    host: Host,
    /// `None` where the scheme's default applies.
    port: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    Http,
    Https,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    Name(String),
    V4(Ipv4Addr),
    V6(Ipv6Addr),
}

impl Origin {
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    pub const fn host(&self) -> &Host {
        &self.host
    }

    /// The port as written; `None` where the scheme's default applies.
    pub const fn port(&self) -> Option<u16> {
        self.port
    }

    /// Host and port as they stand in the text.
    pub fn authority(&self) -> &str {
        &self.text[self.scheme.as_str().len() + "://".len()..]
    }
}

impl Scheme {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl Host {
    /// This machine itself: `localhost`, names below it (RFC 6761), and loopback addresses.
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Name(name) => name == "localhost" || name.ends_with(".localhost"),
            Self::V4(address) => address.is_loopback(),
            Self::V6(address) => address.is_loopback(),
        }
    }
}

impl FromStr for Origin {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let refuse = |why: &str| Invalid::new(format!("origin `{text}` {why}"));

        if text == "null" {
            return Err(refuse("can be forged by any page: sandboxed frames and local files send it")
                .instead("the origin of the page itself, such as \"https://app.example.com\""));
        }
        if text.contains('*') {
            return Err(refuse(
                "is a wildcard; on shared hosting such as `*.vercel.app` it matches pages of strangers",
            )
            .instead("each origin, written out in full"));
        }
        if text.len() > LONGEST {
            return Err(Invalid::new(format!(
                "origin of {} bytes; no browser sends more than {LONGEST}",
                text.len()
            )));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(refuse("has no scheme").instead(format!("\"https://{}\"", text.to_ascii_lowercase())));
        };
        let lower = scheme.to_ascii_lowercase();
        let parsed_scheme = match lower.as_str() {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            _ => return Err(refuse("is neither http nor https").instead("an https origin")),
        };
        if let Some(end) = rest.find(['/', '?', '#', '\\']) {
            let what =
                if &rest[end..] == "/" { "ends with a slash" } else { "has a path, query or fragment" };
            return Err(refuse(what).instead(format!("\"{scheme}://{}\"", &rest[..end])));
        }
        if let Some((_, host)) = rest.rsplit_once('@') {
            return Err(refuse("has userinfo").instead(format!("\"{scheme}://{host}\"")));
        }
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(refuse(
                "has upper case; browsers send lower case, and origins are compared byte for byte",
            )
            .instead(format!("\"{}\"", text.to_ascii_lowercase())));
        }
        let (host, port) = split_port(rest).map_err(|why| refuse(&why))?;
        if port == Some(parsed_scheme.default_port()) {
            return Err(refuse("writes out the default port; browsers leave it away")
                .instead(format!("\"{scheme}://{host}\"")));
        }
        let parsed_host = parse_host(host).map_err(|why| refuse(&why))?;
        Ok(Self { text: text.to_owned(), scheme: parsed_scheme, host: parsed_host, port })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::V4(address) => address.fmt(f),
            Self::V6(address) => write!(f, "[{address}]"),
        }
    }
}

text_conversions!(Origin);

/// `https://`, a DNS name of at most 253 bytes, a colon and five digits.
const LONGEST: usize = "https://".len() + 253 + ":65535".len();

fn split_port(rest: &str) -> Result<(&str, Option<u16>), String> {
    let after_host = if rest.starts_with('[') { rest.find(']').map_or(rest.len(), |end| end + 1) } else { 0 };
    let Some(colon) = rest[after_host..].find(':').map(|at| at + after_host) else {
        return Ok((rest, None));
    };
    let digits = &rest[colon + 1..];
    match digits.parse::<u16>() {
        Ok(port) if port != 0 && !digits.starts_with(['0', '+']) => Ok((&rest[..colon], Some(port))),
        _ => Err(format!(
            "has the port `{digits}`, which is not a number from 1 to 65535 without leading zeros"
        )),
    }
}

fn parse_host(host: &str) -> Result<Host, String> {
    if let Some(inner) = host.strip_prefix('[') {
        let address: Ipv6Addr = inner
            .strip_suffix(']')
            .and_then(|inner| inner.parse().ok())
            .ok_or("has brackets around something that is no IPv6 address")?;
        return if host == format!("[{address}]") {
            Ok(Host::V6(address))
        } else {
            Err(format!("is not in canonical form; browsers write `[{address}]`"))
        };
    }
    let last = host.rsplit('.').next().unwrap_or_default();
    if last.starts_with(|c: char| c.is_ascii_digit()) {
        // WHATWG URL: a host whose last label is a number is an IPv4 address or nothing.
        return host
            .parse()
            .map(Host::V4)
            .map_err(|_| "has a numeric host that is no IPv4 address".to_owned());
    }
    if host.is_empty() {
        return Err("has no host".to_owned());
    }
    if !host.is_ascii() {
        return Err(
            "has a host outside ASCII; browsers send the Punycode form, which starts with `xn--`".to_owned()
        );
    }
    if host.ends_with('.') {
        return Err("ends with a dot; to a browser that is a different origin".to_owned());
    }
    if host.len() > 253 || !host.split('.').all(is_label) {
        return Err("has a host that is no DNS name".to_owned());
    }
    Ok(Host::Name(host.to_owned()))
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_browser_sends_is_an_origin() {
        for text in [
            "https://app.example.com",
            "https://app.example.com:8443",
            "http://localhost:3000",
            "http://127.0.0.1:5173",
            "https://[2001:db8::1]",
            "https://xn--bcher-kva.example",
        ] {
            assert_eq!(text.parse::<Origin>().map(|origin| origin.to_string()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "null",
            "*",
            "https://*.example.com",
            "https://app.example.com/",
            "https://app.example.com/x",
            "https://app.example.com?x",
            "https://app.example.com#x",
            "HTTPS://app.example.com",
            "https://App.example.com",
            "https://app.example.com:443",
            "http://app.example.com:80",
            "https://app.example.com:0",
            "https://app.example.com:99999",
            "https://app.example.com:080",
            "https://app.example.com:",
            "https://user@app.example.com",
            "https://app.example.com.",
            "https://",
            "https:// app.example.com",
            "ftp://app.example.com",
            "app.example.com",
            "https://[app.example.com]",
            "https://[2001:db8:0::1]",
            "https://1.2.3",
            "https://256.1.1.1",
            "https://a_b.example",
            "https://-a.example",
            "https://bücher.example",
            "https://a..example",
        ] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_near_miss_is_told_what_to_write() {
        for (wrong, right) in [
            ("https://app.example.com/", "\"https://app.example.com\""),
            ("https://app.example.com:443", "\"https://app.example.com\""),
            ("https://App.Example.com", "\"https://app.example.com\""),
            ("https://me@app.example.com", "\"https://app.example.com\""),
            ("app.example.com", "\"https://app.example.com\""),
        ] {
            assert_eq!(wrong.parse::<Origin>().unwrap_err().instead.as_deref(), Some(right));
        }
    }
}

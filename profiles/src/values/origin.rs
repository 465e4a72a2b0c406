//! An origin exactly as a browser serialises it: the only form that may stand on an allow-list.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Invalid;
use super::invalid::quote;
use super::units::text_conversions;

/// Scheme, host and port exactly as a browser writes them in the `Origin` header, such as
/// `"https://app.example.com"`: lower case, no path, no trailing slash, no default port, no wildcard.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("format" = "origin", "pattern" = "^https?://([a-z0-9.-]+|\\[[0-9a-f:]+\\])(:[1-9][0-9]{0,4})?$", "examples" = ["https://app.example.com"]))]
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
    /// Whether it is this machine: `localhost`, names below it (RFC 6761), and loopback addresses.
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Name(name) => name == "localhost" || name.ends_with(".localhost"),
            // A client that connects to the unspecified address reaches its own machine.
            Self::V4(address) => address.is_loopback() || address.is_unspecified(),
            Self::V6(address) => address.is_loopback() || address.is_unspecified(),
        }
    }
}

impl FromStr for Origin {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        exact(text).map_err(|why| {
            let instead = match nearest(text) {
                Some(origin) => format!("\"{origin}\""),
                None if text.contains('*') => "each origin out in full".to_owned(),
                None => "the page's own origin, such as \"https://app.example.com\"".to_owned(),
            };
            Invalid::new(format!("origin {} {why}", quote(text))).instead(instead)
        })
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

/// Hosts under which anyone can register a name.
const SHARED: &[&str] = &[
    "azurewebsites.net",
    "cloudfront.net",
    "firebaseapp.com",
    "fly.dev",
    "github.io",
    "gitlab.io",
    "herokuapp.com",
    "netlify.app",
    "ngrok-free.app",
    "onrender.com",
    "pages.dev",
    "railway.app",
    "surge.sh",
    "vercel.app",
    "web.app",
    "workers.dev",
];

fn exact(text: &str) -> Result<Origin, String> {
    if text == "null" {
        return Err("can be forged by any page: sandboxed frames and local files send it".to_owned());
    }
    if text.is_empty() {
        return Err("is empty".to_owned());
    }
    if text == "*" {
        return Err("allows every page of the web".to_owned());
    }
    if text.contains('*') {
        return Err(match SHARED.iter().find(|shared| text.ends_with(*shared)) {
            Some(shared) => {
                format!("is a wildcard on `{shared}`, where anyone can register a name: it allows strangers")
            }
            None => "is a wildcard: one hostile or abandoned host that it matches could read every response"
                .to_owned(),
        });
    }
    if text.len() > LONGEST {
        return Err(format!("has {} bytes; no browser sends more than {LONGEST}", text.len()));
    }
    let (written, rest) = text.split_once("://").ok_or("has no scheme")?;
    let scheme = match written.to_ascii_lowercase().as_str() {
        "https" => Scheme::Https,
        "http" => Scheme::Http,
        _ => return Err("is neither http nor https".to_owned()),
    };
    if let Some(end) = rest.find(AFTER_AUTHORITY) {
        return Err(match &rest[end..] {
            "/" => "ends with a slash".to_owned(),
            _ => "has a path, query or fragment".to_owned(),
        });
    }
    if rest.contains('@') {
        return Err("has userinfo".to_owned());
    }
    if text.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(
            "has upper case; browsers send lower case, and origins are compared byte for byte".to_owned()
        );
    }
    let (host, port) = split_port(rest)?;
    if port == Some(scheme.default_port()) {
        return Err("states the default port, which browsers omit".to_owned());
    }
    Ok(Origin { text: text.to_owned(), scheme, host: parse_host(host)?, port })
}

/// The valid origin that the text probably means.
fn nearest(text: &str) -> Option<Origin> {
    let text = text.trim().to_ascii_lowercase();
    let (scheme, rest) = text.split_once("://").unwrap_or(("https", &text));
    let authority = rest.split(AFTER_AUTHORITY).next()?;
    let (_, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let host = match scheme {
        "https" => host.strip_suffix(":443"),
        _ => host.strip_suffix(":80"),
    }
    .unwrap_or(host);
    let origin = exact(&format!("{scheme}://{}", host.trim_end_matches('.'))).ok()?;
    let dotted = matches!(&origin.host, Host::Name(name) if name.contains('.') || name == "localhost");
    (dotted || !matches!(origin.host, Host::Name(_))).then_some(origin)
}

/// What ends scheme, host and port in a URL (WHATWG URL).
const AFTER_AUTHORITY: [char; 4] = ['/', '?', '#', '\\'];

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
            .ok_or("has brackets around a text that is not an IPv6 address")?;
        // Browsers write these in hexadecimal, the standard library with dots. No deployment needs them.
        if let Some(v4) = address.to_ipv4_mapped() {
            return Err(format!("is the IPv4 address `{v4}` in IPv6 form"));
        }
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
    use proptest::prelude::*;

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
            "https://[::ffff:7f00:1]",
            "https://[::ffff:127.0.0.1]",
            "https://[::1",
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
            ("https://app.example.com/", "https://app.example.com"),
            ("https://app.example.com:443", "https://app.example.com"),
            ("HTTPS://App.Example.com/path?query", "https://app.example.com"),
            ("https://me:hunter2@app.example.com", "https://app.example.com"),
            ("app.example.com:8443/", "https://app.example.com:8443"),
            ("http://localhost:80", "http://localhost"),
            ("https://app.example.com.", "https://app.example.com"),
        ] {
            let refused = wrong.parse::<Origin>().unwrap_err();
            assert_eq!(refused.instead.as_deref(), Some(format!("\"{right}\"").as_str()));
            assert!(!refused.why.contains("hunter2"));
        }
    }

    #[test]
    fn a_wildcard_on_shared_hosting_is_refused_with_the_reason() {
        let refused = "https://*.vercel.app".parse::<Origin>().unwrap_err();
        assert!(refused.why.contains("anyone can register a name"), "{refused}");
    }

    proptest! {
        #[test]
        fn only_an_exact_origin_is_accepted(
            text in "https?://[A-Za-z0-9.@:/*\\[\\]é-]{0,30}|\\PC{0,40}|https?://[a-z0-9]{1,5}(\\.[a-z0-9]{1,5}){0,3}(:[0-9]{1,6})?",
        ) {
            if let Ok(origin) = text.parse::<Origin>() {
                let port = origin.port().map(|port| format!(":{port}")).unwrap_or_default();
                prop_assert_eq!(&text, &format!("{}://{}{port}", origin.scheme(), origin.host()));
                prop_assert_eq!(origin.authority(), format!("{}{port}", origin.host()));
                prop_assert_ne!(origin.port(), Some(origin.scheme().default_port()));
            }
        }
    }
}

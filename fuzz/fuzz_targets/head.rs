//! The rules of a request's head: for any bytes, in any portions, a head is accepted exactly if an independent, plain
//! parser of the bytes finds no fault, and its fields equal that parser's.
//!
//! An input is the bytes that a client sends on a new connection.
#![no_main]

use std::net::Ipv6Addr;
use std::sync::LazyLock;

use http::Method;
use libfuzzer_sys::fuzz_target;
use profiles::Server;
use server::fuzz::{Outcome, hear};

/// Small enough for the fuzzer to reach.
const TARGET: usize = 64;
const HEAD: usize = 256;
const BODY: u64 = 100;

static LIMITS: LazyLock<Server> = LazyLock::new(|| {
    let size = |bytes: usize| format!("{bytes}B").parse().expect("a size");
    Server {
        uri_limit: size(TARGET),
        header_limit: size(HEAD),
        body_limit: format!("{BODY}B").parse().expect("a size"),
        ..fuzz::production().server
    }
});

fuzz_target!(|data: &[u8]| {
    let outcome = hear(&[data], &LIMITS);
    match &outcome {
        Outcome::Served(head) => {
            let read = Reading::of(data).expect("hyper found the end of a head, so the plain parser does");
            assert_eq!(read.flaw(), None, "a head is served");
            read.compare(head);
        }
        Outcome::Refused(head, refusal) => {
            let read = Reading::of(data).expect("hyper found the end of a head, so the plain parser does");
            assert!(read.flaw().is_some() || read.may_be_too_long(), "a head is refused: {refusal:?}");
            assert!(refusal.status().is_client_error() || refusal.status() == 501, "{refusal:?}");
            assert_eq!(head.method().as_str().as_bytes(), read.method);
        }
        Outcome::Malformed(None) => {}
        Outcome::Malformed(Some(status)) => assert!(status.is_client_error(), "{status}"),
    }

    let expected = summary(&outcome);
    assert_eq!(summary(&hear(&[data], &LIMITS)), expected, "the same bytes again");
    if data.len() > 1 {
        // A position that depends on every byte.
        let sum = data.iter().fold(0, |sum: usize, byte| (sum * 31 + usize::from(*byte)) % 65_521);
        let place = 1 + sum % (data.len() - 1);
        let (one, other) = data.split_at(place);
        assert_eq!(summary(&hear(&[one, other], &LIMITS)), expected, "the same bytes, cut at {place}");
    }
    let each: Vec<&[u8]> = data.chunks(1).collect();
    assert_eq!(summary(&hear(&each, &LIMITS)), expected, "the same bytes, one by one");
});

/// The outcome that must not depend on the portions. Hyper may not notice a broken head before its end.
fn summary(outcome: &Outcome) -> Option<(u16, String)> {
    match outcome {
        Outcome::Served(head) => {
            Some((200, format!("{} {} {:?}", head.method(), head.path(), head.headers())))
        }
        Outcome::Refused(_, refusal) => Some((refusal.status().as_u16(), format!("{refusal:?}"))),
        Outcome::Malformed(_) => None,
    }
}

/// A head, line by line.
struct Reading<'d> {
    bare_line_feed: bool,
    method: &'d [u8],
    target: &'d [u8],
    version: &'d [u8],
    fields: Vec<(String, &'d [u8])>,
}

impl<'d> Reading<'d> {
    fn of(data: &'d [u8]) -> Option<Self> {
        let mut bare_line_feed = false;
        let mut lines = Vec::new();
        for line in data.split_inclusive(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\n")?;
            bare_line_feed |= !line.ends_with(b"\r");
            match line.strip_suffix(b"\r").unwrap_or(line) {
                [] if lines.is_empty() => {}
                [] => return Self::of_lines(&lines, bare_line_feed),
                line => lines.push(line),
            }
        }
        None
    }

    fn of_lines(lines: &[&'d [u8]], bare_line_feed: bool) -> Option<Self> {
        let words: Vec<&[u8]> = lines[0].split(|byte| *byte == b' ').collect();
        let [method, target, version] = words[..] else { return None };
        let field = |line: &&'d [u8]| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            Some((
                std::str::from_utf8(&line[..colon]).ok()?.to_ascii_lowercase(),
                line[colon + 1..].trim_ascii(),
            ))
        };
        let fields = lines[1..].iter().map(field).collect::<Option<_>>()?;
        Some(Self { bare_line_feed, method, target, version, fields })
    }

    fn lines(&self, name: &str) -> Vec<&'d [u8]> {
        self.fields.iter().filter(|(field, _)| field == name).map(|(_, value)| *value).collect()
    }

    /// Why it must be refused.
    fn flaw(&self) -> Option<&'static str> {
        let hosts = self.lines("host");
        let lengths = self.lines("content-length");
        let codings = self.lines("transfer-encoding");
        let flaws = [
            (self.bare_line_feed, "a line without CR"),
            (self.method.contains(&b'#') || self.target.contains(&b'#'), "a fragment"),
            (self.target.len() > TARGET, "a long target"),
            (self.length() > HEAD, "a long head"),
            (hosts.is_empty() && self.version != b"HTTP/1.0", "no Host"),
            (hosts.len() > 1, "several Hosts"),
            (!hosts.iter().all(|host| is_host(host)), "a Host that is none"),
            (!codings.is_empty() && !lengths.is_empty(), "two lengths"),
            (codings.len() > 1, "several codings"),
            (!codings.iter().all(|coding| coding.eq_ignore_ascii_case(b"chunked")), "another coding"),
            // Equal values count as one, which RFC 9112 section 6.3 permits.
            (lengths.iter().any(|length| number(length).is_none_or(|length| length > BODY)), "a long body"),
            (!self.has_one_path(), "a path of several readings"),
        ];
        flaws.into_iter().find_map(|(is, what)| is.then_some(what))
    }

    /// An upper bound of the measured size: hyper drops the whitespace around values and repeated equal lengths.
    fn length(&self) -> usize {
        let mut seen = false;
        let counts = |name: &str| name != "content-length" || !std::mem::replace(&mut seen, true);
        let fields = self.fields.iter().map(|(name, value)| (name.as_str(), value.len()));
        let mut counts = counts;
        let fields: usize =
            fields.filter(|(name, _)| counts(name)).map(|(name, value)| name.len() + value + 4).sum();
        self.method.len() + self.target.len() + 12 + fields + 2
    }

    /// `http://a` is measured as `http://a/`.
    fn may_be_too_long(&self) -> bool {
        self.target.len() + 1 > TARGET || self.length() + 1 > HEAD
    }

    /// Whether the path in the target (RFC 9112 section 3.2) is unambiguous.
    fn has_one_path(&self) -> bool {
        match (self.method, self.target) {
            (b"CONNECT", _) | (b"OPTIONS", b"*") => true,
            (_, target) => path(target).is_some_and(is_unambiguous),
        }
    }

    fn compare(&self, head: &server::Head) {
        assert_eq!(head.method(), &Method::from_bytes(self.method).expect("hyper took it"));
        if self.method != b"CONNECT" {
            assert_eq!(Some(head.path().as_bytes()), path(self.target).or(Some(b"*")));
        }
        let query = self.target.iter().position(|byte| *byte == b'?').map(|at| &self.target[at + 1..]);
        assert_eq!(head.query().map(str::as_bytes), query);
        for (name, value) in self.fields.iter().filter(|(name, _)| name != "content-length") {
            let kept = head.headers().get_all(name).iter().any(|kept| kept.as_bytes() == *value);
            assert!(kept, "{name} is lost");
        }
        let twice = self.lines("content-length").len().saturating_sub(1);
        assert_eq!(head.headers().len() + twice, self.fields.len(), "no field is made up");
    }
}

fn path(target: &[u8]) -> Option<&[u8]> {
    let target = target.split(|byte| *byte == b'?').next()?;
    if target.starts_with(b"/") {
        return Some(target);
    }
    let authority = target.windows(3).position(|three| three == b"://")? + 3;
    let path = target[authority..].iter().position(|byte| *byte == b'/').map(|at| &target[authority + at..]);
    Some(path.unwrap_or(b"/"))
}

/// Decoded once, it has no empty segment but the last, no dot segments, no encoded slash, and only text.
fn is_unambiguous(path: &[u8]) -> bool {
    let mut decoded = Vec::new();
    let mut rest = path;
    loop {
        rest = match rest {
            [] => break,
            [b'%', high, low, rest @ ..] => {
                let digit =
                    |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                let (Some(high), Some(low)) = (digit(high), digit(low)) else { return false };
                match high * 16 + low {
                    0..0x20 | 0x7f | b'/' => return false,
                    byte => decoded.push(byte),
                }
                rest
            }
            [b'%', ..] => return false,
            [byte @ 0x21..=0x7e, rest @ ..] => {
                decoded.push(*byte);
                rest
            }
            _ => return false,
        }
    }
    let Some(text) = std::str::from_utf8(&decoded).ok().and_then(|text| text.strip_prefix('/')) else {
        return false;
    };
    let (folders, last) = text.rsplit_once('/').map_or((None, text), |(folders, last)| (Some(folders), last));
    let dots = |segment: &str| segment == "." || segment == "..";
    !dots(last)
        && folders.is_none_or(|folders| folders.split('/').all(|name| !name.is_empty() && !dots(name)))
}

/// A name, an IPv4 address or one in brackets, and perhaps a port.
fn is_host(host: &[u8]) -> bool {
    let Ok(host) = std::str::from_utf8(host) else { return false };
    let (name, port) = match host.strip_prefix('[').and_then(|host| host.split_once(']')) {
        Some((address, "")) => return address.parse::<Ipv6Addr>().is_ok(),
        Some((address, rest)) => {
            let Some(port) = rest.strip_prefix(':') else { return false };
            return address.parse::<Ipv6Addr>().is_ok() && is_port(port);
        }
        None => host.split_once(':').map_or((host, ""), |(name, port)| (name, port)),
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    !name.is_empty() && name.bytes().all(plain) && is_port(port)
}

fn is_port(port: &str) -> bool {
    let significant = port.trim_start_matches('0');
    port.bytes().all(|byte| byte.is_ascii_digit())
        && significant.len() <= 5
        && significant.parse::<u32>().unwrap_or(0) < 1 << 16
}

fn number(length: &[u8]) -> Option<u64> {
    std::str::from_utf8(length).ok()?.parse().ok()
}

//! What a request is called: by a proxy that is trusted, else by us.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::{BufMut as _, BytesMut};
use http::{HeaderName, HeaderValue};

use crate::request::client::Client;
use crate::request::head::{Field, Head};

/// Names without a system call each: a random prefix for the process, then a count.
pub(crate) struct RequestIds {
    /// Where a proxy says its own.
    header: Option<HeaderName>,
    /// Eight digits and a dash.
    prefix: [u8; 9],
    next: AtomicU64,
    /// Many ids share one allocation, which is used again when the last of them is forgotten.
    block: Mutex<BytesMut>,
}

const BLOCK: usize = 4096;
/// A prefix of eight digits, a dash, and a number of at most sixteen.
const LONGEST: usize = 25;
/// Long enough for every format in use, and short enough for any log.
const LONGEST_ACCEPTED: usize = 64;

impl RequestIds {
    pub(crate) fn new(header: Option<HeaderName>) -> Self {
        // The standard library's only source of randomness; it asks the system once.
        let random = RandomState::new().hash_one(0);
        let prefix = std::array::from_fn(|at| if at < 8 { digit(random, at) } else { b'-' });
        Self { header, prefix, next: AtomicU64::new(1), block: Mutex::default() }
    }

    /// The request's number in this process.
    pub(crate) fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// The proxy's, where it is one and well formed: anything else could forge lines of a log or answers. Ours has the
    /// number in it.
    pub(crate) fn of(&self, head: &Head, client: &Client, number: u64) -> HeaderValue {
        self.accepted(head, client).unwrap_or_else(|| self.own(number))
    }

    fn accepted(&self, head: &Head, client: &Client) -> Option<HeaderValue> {
        match head.field(self.header.as_ref().filter(|_| client.vouched)?) {
            Field::One(value) if is_well_formed(value.as_bytes()) => Some(value.clone()),
            Field::One(_) | Field::Absent | Field::Ambiguous => None,
        }
    }

    pub(crate) fn own(&self, number: u64) -> HeaderValue {
        let mut block = self.block.lock().unwrap_or_else(PoisonError::into_inner);
        if block.capacity() < LONGEST {
            block.reserve(BLOCK);
        }
        // By hand: `write!` takes much longer.
        let mut id = [0; LONGEST];
        let digits = (number | 1).ilog2() as usize / 4 + 1;
        id[..self.prefix.len()].copy_from_slice(&self.prefix);
        for at in 0..digits {
            id[self.prefix.len() + at] = digit(number, digits - 1 - at);
        }
        block.put_slice(&id[..self.prefix.len() + digits]);
        HeaderValue::from_maybe_shared(block.split().freeze()).expect("hexadecimal digits and a dash")
    }
}

/// The hexadecimal digit at a place, counted from the last.
fn digit(number: u64, at: usize) -> u8 {
    b"0123456789abcdef"[(number >> (at * 4) & 0xf) as usize]
}

fn is_well_formed(id: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    (1..=LONGEST_ACCEPTED).contains(&id.len()) && id.iter().all(plain)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    const NAME: HeaderName = HeaderName::from_static("x-request-id");

    fn of(header: Option<HeaderName>, vouched: bool, lines: &[&str]) -> String {
        let mut request = Request::builder().uri("/");
        for line in lines {
            request = request.header(NAME, *line);
        }
        let (head, ()) = Head::split(request.body(()).unwrap());
        let client = Client { address: "192.0.2.1".parse().unwrap(), vouched };
        RequestIds::new(header).of(&head, &client, 0xabc).to_str().unwrap().to_owned()
    }

    #[test]
    fn a_trusted_proxys_id_is_taken() {
        for id in ["7", "0Zt-5.q_X", "4bf92f35-77b3-4da6-a3ce-929d0e0e4736", &"x".repeat(64)] {
            assert_eq!(of(Some(NAME), true, &[id]), id);
        }
    }

    #[test]
    fn anything_else_is_replaced() {
        let ours = |id: String, why: &str| assert!(id.len() == 12 && id.ends_with("-abc"), "{why}: {id}");
        for id in ["", " ", "a b", "a\tb", "a,b", "a;b", "<b>", "é", "\"", "{}", "a/b", &"x".repeat(65)] {
            ours(of(Some(NAME), true, &[id]), id);
        }
        ours(of(Some(NAME), true, &["one", "two"]), "several");
        ours(of(Some(NAME), true, &[]), "none");
        ours(of(Some(NAME), false, &["mine"]), "from anybody");
        ours(of(None, true, &["mine"]), "in a header that is not declared");
    }

    #[test]
    fn ids_differ_within_and_between_processes() {
        let (one, other) = (RequestIds::new(None), RequestIds::new(None));
        let all: std::collections::HashSet<_> = (0..10_000).map(|_| one.own(one.number())).collect();
        assert_eq!(all.len(), 10_000);
        assert_ne!(one.prefix, other.prefix);
        assert_eq!(one.own(u64::MAX).len(), LONGEST);
    }

    #[test]
    fn an_id_ends_with_the_requests_number() {
        let ids = RequestIds::new(None);
        for number in [0, 1, 15, 16, 0xfedc, u64::MAX] {
            let (prefix, suffix) = (ids.prefix, format!("{number:x}"));
            assert_eq!(ids.own(number).as_bytes(), [&prefix[..], suffix.as_bytes()].concat(), "{number}");
        }
    }
}

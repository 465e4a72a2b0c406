//! The client of a request: the connection's address, or the address that a trusted proxy reports.

use std::net::{IpAddr, Ipv6Addr};

use http::HeaderName;
use profiles::{ClientIp, Network};

use crate::request::head::{Field, Head, field_name};

/// The trusted proxies.
pub(crate) struct Proxies {
    header: HeaderName,
    trusted: Vec<Network>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    pub(crate) address: IpAddr,
    /// Whether a trusted proxy forwarded the request: then its other headers are trusted too.
    pub(crate) vouched: bool,
}

impl Proxies {
    pub(crate) fn new(declared: &ClientIp) -> Self {
        Self { header: field_name(&declared.header), trusted: declared.trusted.clone() }
    }
}

impl Client {
    /// The header counts only from a trusted peer, and only with one address: any client can send it.
    pub(crate) fn of(peer: IpAddr, proxies: Option<&Proxies>, head: &Head) -> Self {
        let peer = peer.to_canonical();
        match proxies {
            Some(proxies) if proxies.trusted.iter().any(|network| network.contains(peer)) => {
                let named = match head.field(&proxies.header) {
                    Field::One(value) => {
                        value.to_str().ok().and_then(|text| text.trim().parse::<IpAddr>().ok())
                    }
                    Field::Absent | Field::Ambiguous => None,
                };
                Self { address: named.map_or(peer, |named| named.to_canonical()), vouched: true }
            }
            _ => Self { address: peer, vouched: false },
        }
    }

    /// The address that counts as one client: for IPv6 its `/64`, the allocation of one subscriber (RFC 6177).
    pub(crate) fn key(&self) -> IpAddr {
        match self.address {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
            address @ IpAddr::V4(_) => address,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn of(peer: &str, lines: &[&'static str]) -> (String, bool) {
        let proxies = Proxies {
            header: HeaderName::from_static("x-real-ip"),
            trusted: vec!["100.64.0.0/10".parse().unwrap()],
        };
        let mut request = Request::builder().uri("/");
        for line in lines {
            request = request.header("x-real-ip", *line);
        }
        let (head, ()) = Head::split(request.body(()).unwrap());
        let client = Client::of(peer.parse().unwrap(), Some(&proxies), &head);
        (client.address.to_string(), client.vouched)
    }

    #[test]
    fn a_trusted_proxy_names_its_client() {
        assert_eq!(of("100.64.0.7", &["203.0.113.9"]), ("203.0.113.9".to_owned(), true));
        assert_eq!(of("::ffff:100.64.0.7", &[" 2001:db8::1 "]), ("2001:db8::1".to_owned(), true));
    }

    #[test]
    fn nobody_else_does() {
        assert_eq!(of("203.0.113.1", &["198.51.100.2"]), ("203.0.113.1".to_owned(), false));
    }

    #[test]
    fn a_proxy_that_names_no_one_or_several_is_the_client_itself() {
        for lines in [&[][..], &["unknown"], &["203.0.113.9, 198.51.100.2"], &["203.0.113.9", "198.51.100.2"]]
        {
            assert_eq!(of("100.64.0.7", lines), ("100.64.0.7".to_owned(), true), "{lines:?}");
        }
    }

    #[test]
    fn an_ipv6_subscriber_is_one_client() {
        let key = |text: &str| Client { address: text.parse().unwrap(), vouched: false }.key();
        assert_eq!(key("2001:db8:1:2:3:4:5:6"), key("2001:db8:1:2::1"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    }
}

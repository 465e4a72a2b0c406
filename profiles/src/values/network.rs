//! Blocks of IP addresses, such as those of a platform's proxies.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Invalid;
use super::invalid::quote;
use super::units::text_conversions;

/// A block of IP addresses in CIDR notation, such as `"100.64.0.0/10"` (RFC 4632 section 3.1, RFC 4291 section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("format" = "network", "pattern" = "^[0-9A-Fa-f:.]+/[0-9]{1,3}$", "examples" = ["100.64.0.0/10"]))]
pub struct Network(IpNet);

impl Network {
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }

    /// The length of the prefix, in bits.
    pub fn prefix(&self) -> u8 {
        self.0.prefix_len()
    }

    pub fn is_ipv4(&self) -> bool {
        matches!(self.0, IpNet::V4(_))
    }
}

impl FromStr for Network {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let network: IpNet = text.parse().map_err(|_| {
            let example = match text.parse::<IpAddr>() {
                Ok(IpAddr::V4(address)) => format!("\"{address}/32\" for this one address"),
                Ok(IpAddr::V6(address)) => format!("\"{address}/128\" for this one address"),
                Err(_) => "an address and the length of its prefix, such as \"100.64.0.0/10\"".to_owned(),
            };
            Invalid::new(format!("{} is not a block of IP addresses", quote(text))).instead(example)
        })?;
        if network != network.trunc() {
            return Err(Invalid::new(format!("{} has bits beyond its prefix", quote(text)))
                .instead(format!("\"{}\"", network.trunc())));
        }
        Ok(Self(network))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

text_conversions!(Network);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_an_address_without_bits_beyond_its_prefix() {
        for text in ["100.64.0.0/10", "10.0.0.0/8", "192.0.2.7/32", "fd12::/16", "::1/128", "0.0.0.0/0"] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), text);
        }
        for text in ["", "100.64.0.0", "100.64.0.1/10", "10.0.0.0/33", "fd12::1/16", "10.0.0/8", "x/8"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }

    #[test]
    fn it_contains_what_shares_its_prefix() {
        let shared: Network = "100.64.0.0/10".parse().unwrap();
        assert!(shared.contains("100.127.255.255".parse().unwrap()));
        assert!(!shared.contains("100.128.0.0".parse().unwrap()));
        assert!(!shared.contains("::ffff:100.64.0.1".parse().unwrap()), "map the address first");
    }
}

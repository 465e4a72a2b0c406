//! The packets of a connection before its first message.

use super::frames::Foreign;

/// PostgreSQL's limit for these packets (`MAX_STARTUP_PACKET_LENGTH`).
const LONGEST_OPENING: u32 = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    Startup,
    Cancel,
    Tls,
    Gss,
}

impl Opening {
    /// A length and a code.
    pub(super) const HEAD: usize = 8;
    /// A request for TLS.
    pub(super) const TLS: [u8; Self::HEAD] = [0, 0, 0, 8, 4, 210, 22, 47];

    /// Its kind, and the number of bytes after its head.
    pub(super) fn parse(head: [u8; Self::HEAD]) -> Result<(Self, usize), Foreign> {
        let [a, b, c, d, code @ ..] = head;
        let length = u32::from_be_bytes([a, b, c, d]);
        let opening = match u32::from_be_bytes(code) {
            80_877_102 => Self::Cancel,
            80_877_103 => Self::Tls,
            80_877_104 => Self::Gss,
            // Version 3 of the protocol, with any minor version.
            version if version >> 16 == 3 => Self::Startup,
            _ => return Err(Foreign),
        };
        let rest = match (opening, length) {
            (Self::Tls | Self::Gss, 8) => 0,
            (Self::Startup | Self::Cancel, 8..=LONGEST_OPENING) => length as usize - Self::HEAD,
            _ => return Err(Foreign),
        };
        Ok((opening, rest))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_connection_begins_in_four_ways() {
        let head = |length: u32, major: u16, minor: u16| {
            let head = [&length.to_be_bytes()[..], &major.to_be_bytes(), &minor.to_be_bytes()].concat();
            Opening::parse(head.try_into().unwrap())
        };
        assert_eq!(head(41, 3, 0), Ok((Opening::Startup, 33)));
        assert_eq!(head(41, 3, 2), Ok((Opening::Startup, 33)));
        assert_eq!(head(16, 1234, 5678), Ok((Opening::Cancel, 8)));
        assert_eq!(head(8, 1234, 5679), Ok((Opening::Tls, 0)));
        assert_eq!(head(8, 1234, 5680), Ok((Opening::Gss, 0)));
        assert_eq!(Opening::parse(Opening::TLS), Ok((Opening::Tls, 0)));
        // Version 2, a length below its own size, a length above PostgreSQL's limit, a TLS request with a tail.
        for foreign in [head(41, 2, 0), head(7, 3, 0), head(1 << 30, 3, 0), head(9, 1234, 5679)] {
            assert_eq!(foreign, Err(Foreign));
        }
        assert_eq!(Opening::parse(*b"GET / HT"), Err(Foreign));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_eight_bytes_open_a_connection_or_do_not(head: [u8; 8]) {
            if let Ok((_, rest)) = Opening::parse(head) {
                prop_assert!(rest <= LONGEST_OPENING as usize);
            }
        }
    }
}

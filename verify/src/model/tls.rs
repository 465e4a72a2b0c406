//! Failures of a TLS handshake, with one text for each, independent of the library.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why there is no TLS connection. Each sentence has the server as its subject.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Error)]
#[serde(rename_all = "kebab-case")]
pub enum TlsFailure {
    /// A certificate that browsers and this client refuse.
    #[error("its certificate {0}")]
    Certificate(CertificateFault),
    #[error("it refused the handshake with {0}")]
    Alert(Alert),
    #[error("it supports no offered version of TLS; allow TLS 1.2 and 1.3")]
    Version,
    #[error("it supports none of the protocols offered in TLS (ALPN)")]
    NoCommonProtocol,
    #[error("it closed the connection during the handshake")]
    Closed,
    #[error("it does not speak TLS on this port; if it is plain HTTP, ask for http")]
    NotTls,
    #[error("its handshake breaks the protocol")]
    Malformed,
}

/// Why a certificate is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Error)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateFault {
    #[error("has expired; renew it, or repair its automatic renewal")]
    Expired,
    #[error("is not valid yet; compare the clocks of this machine and of its issuer")]
    NotYetValid,
    #[error("is for another name; order one for the host that clients ask")]
    WrongName,
    #[error("is signed by itself; order one from an authority, or trust it here with --ca")]
    SelfSigned,
    #[error(
        "leads to no authority that browsers trust; send the whole chain, or trust its authority with --ca"
    )]
    UnknownIssuer,
    #[error("was revoked by its issuer; order another")]
    Revoked,
    #[error("is not made for servers; order one for server authentication")]
    Purpose,
    #[error("is an authority's, not a server's; issue one for the host from it")]
    Authority,
    #[error("has a signature that proves nothing, or that no browser accepts; order another")]
    Signature,
    #[error("cannot be read; order another")]
    Unreadable,
}

/// A TLS alert by its number (RFC 8446 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Alert(pub u8);

impl TlsFailure {
    /// Whether one side decided to refuse the handshake: other failures prove nothing about a policy.
    pub const fn is_refusal(&self) -> bool {
        match self {
            Self::Certificate(_) | Self::Alert(_) | Self::Version | Self::NoCommonProtocol => true,
            Self::Closed | Self::NotTls | Self::Malformed => false,
        }
    }
}

impl From<Alert> for TlsFailure {
    fn from(alert: Alert) -> Self {
        match alert.0 {
            70 => Self::Version,
            120 => Self::NoCommonProtocol,
            _ => Self::Alert(alert),
        }
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            0 => "close_notify",
            10 => "unexpected_message",
            20 => "bad_record_mac",
            22 => "record_overflow",
            40 => "handshake_failure: no cipher suite, key exchange or signature in common",
            42 => "bad_certificate",
            43 => "unsupported_certificate",
            44 => "certificate_revoked",
            45 => "certificate_expired",
            46 => "certificate_unknown",
            47 => "illegal_parameter",
            48 => "unknown_ca",
            49 => "access_denied",
            50 => "decode_error",
            51 => "decrypt_error",
            70 => "protocol_version",
            71 => "insufficient_security",
            80 => "internal_error",
            86 => "inappropriate_fallback",
            90 => "user_canceled",
            109 => "missing_extension",
            110 => "unsupported_extension",
            112 => "unrecognized_name: it serves no host of this name",
            113 => "bad_certificate_status_response",
            115 => "unknown_psk_identity",
            116 => "certificate_required: it wants a certificate of the client",
            120 => "no_application_protocol",
            number => return write!(f, "TLS alert {number}"),
        };
        write!(f, "TLS alert {} ({name})", self.0)
    }
}

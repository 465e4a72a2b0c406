//! Why there is no answer: the only file that reads the errors of the system and of the libraries.

use std::error::Error;
use std::io;
use std::time::Duration;

use rustix::io::Errno;
use rustls::PeerIncompatible;

use crate::model::missing::{Malformed, Missing, NotSent, Phase, Unreachable};
use crate::model::tls::{Alert, CertificateFault, TlsFailure};

/// The place and the time limit of an exchange.
#[derive(Clone, Copy)]
pub(super) struct Peer<'a> {
    pub(super) place: &'a str,
    pub(super) within: Duration,
}

/// The name of a host has no address.
#[derive(Debug, thiserror::Error)]
#[error("the name of {0} leads to no address")]
pub(super) struct Unresolved(pub(super) String);

impl Peer<'_> {
    /// The timeout of this phase.
    pub(super) fn late(self, phase: Phase) -> Missing {
        let within_ms = u64::try_from(self.within.as_millis()).unwrap_or(u64::MAX);
        Missing::Timeout { place: self.place.to_owned(), phase, within_ms }
    }

    pub(super) fn malformed(self, how: Malformed) -> Missing {
        Missing::Malformed { place: self.place.to_owned(), how }
    }

    pub(super) fn tls(self, why: TlsFailure) -> Missing {
        Missing::Tls { place: self.place.to_owned(), why }
    }

    pub(super) fn closed(self, phase: Phase) -> Missing {
        Missing::Closed { place: self.place.to_owned(), phase }
    }

    /// The reason in a client library's error, which wraps all others.
    pub(super) fn asked(self, error: &reqwest::Error, phase: Phase) -> Missing {
        let phase = if error.is_connect() { Phase::Connect } else { phase };
        let known = causes(error).filter_map(|cause| self.cause(cause, phase)).last();
        known.unwrap_or_else(|| match phase {
            // The connector's own deadline; the system reports that of TCP.
            Phase::Connect if error.is_timeout() => self.late(Phase::Tls),
            _ => self.failed(phase, error),
        })
    }

    /// The reason in an error of the system, or in the error that it wraps.
    pub(super) fn io(self, error: &io::Error, phase: Phase) -> Missing {
        let known = causes(error).filter_map(|cause| self.cause(cause, phase)).last();
        known.unwrap_or_else(|| self.failed(phase, error))
    }

    /// The reason in one error of the chain of causes, if it has one.
    fn cause(self, cause: &(dyn Error + 'static), phase: Phase) -> Option<Missing> {
        if let Some(Unresolved(host)) = cause.downcast_ref() {
            return Some(Missing::Unresolved { host: host.clone() });
        }
        if let Some(error) = cause.downcast_ref() {
            return Some(self.tls(tls_failure(error)));
        }
        if let Some(error) = cause.downcast_ref() {
            return self.system(error, phase);
        }
        self.http(cause.downcast_ref()?, phase)
    }

    fn system(self, error: &io::Error, phase: Phase) -> Option<Missing> {
        let place = self.place.to_owned();
        // While a connection is opened, only a TLS handshake can be cut.
        let cut = if phase == Phase::Connect { Phase::Tls } else { phase };
        if let Some(why) = unreachable(error) {
            return Some(Missing::Unreachable { place, why });
        }
        if matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE)) {
            return Some(Missing::NotSent(NotSent::OpenFiles));
        }
        Some(match error.kind() {
            io::ErrorKind::ConnectionRefused => Missing::Refused { place },
            io::ErrorKind::TimedOut => self.late(phase),
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
                if cut == Phase::Tls =>
            {
                self.tls(TlsFailure::Closed)
            }
            io::ErrorKind::UnexpectedEof => self.closed(cut),
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => {
                Missing::Reset { place, phase: cut }
            }
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput if phase == Phase::Body => {
                self.malformed(Malformed::Body)
            }
            _ => return None,
        })
    }

    fn http(self, error: &hyper::Error, phase: Phase) -> Option<Missing> {
        Some(match error {
            // The server closed an idle connection.
            error if error.is_incomplete_message() || error.is_closed() || error.is_canceled() => {
                self.closed(phase)
            }
            error if error.is_parse_too_large() => self.malformed(Malformed::HeadTooLarge),
            error if error.is_parse_status() => self.malformed(Malformed::Status),
            error if error.is_parse_version_h2() => self.malformed(Malformed::Http2Unasked),
            error if error.is_parse() => self.malformed(Malformed::Head),
            _ => return None,
        })
    }

    /// An error without a variant keeps the system's text.
    fn failed(self, phase: Phase, error: &(dyn Error + 'static)) -> Missing {
        let why = causes(error).last().map(|cause| cause.to_string().to_lowercase()).unwrap_or_default();
        Missing::Failed { place: self.place.to_owned(), phase, why }
    }
}

/// An error and what caused it, the innermost last. An `io::Error` hides the error that it carries from `source`.
fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&cause| {
        match cause.downcast_ref::<io::Error>().map(io::Error::get_ref) {
            Some(Some(carried)) => Some(carried),
            _ => cause.source(),
        }
    })
}

fn unreachable(error: &io::Error) -> Option<Unreachable> {
    Some(match Errno::from_io_error(error)? {
        Errno::NETUNREACH | Errno::NETDOWN => Unreachable::Network,
        Errno::HOSTUNREACH | Errno::HOSTDOWN => Unreachable::Host,
        Errno::AFNOSUPPORT | Errno::ADDRNOTAVAIL => Unreachable::Family,
        _ => return None,
    })
}

pub(super) fn tls_failure(error: &rustls::Error) -> TlsFailure {
    match error {
        rustls::Error::InvalidCertificate(rustls::CertificateError::Other(other)) => {
            let fault = other.0.downcast_ref::<CertificateFault>().copied();
            TlsFailure::Certificate(fault.unwrap_or(CertificateFault::Unreadable))
        }
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
            TlsFailure::Certificate(CertificateFault::Unreadable)
        }
        rustls::Error::AlertReceived(alert) => Alert(u8::from(*alert)).into(),
        rustls::Error::NoApplicationProtocol => TlsFailure::NoCommonProtocol,
        rustls::Error::PeerIncompatible(
            PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::ServerDoesNotSupportTls12Or13,
        ) => TlsFailure::Version,
        rustls::Error::InvalidMessage(_) => TlsFailure::NotTls,
        _ => TlsFailure::Malformed,
    }
}

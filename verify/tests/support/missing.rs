//! Every reason why there is no answer, with any words in it.

use proptest::prelude::*;
use proptest::sample::select;
use verify::model::exchange::AddressKind;
use verify::model::missing::{Malformed, Missing, NotSent, Phase, Unreachable};
use verify::model::tls::{Alert, CertificateFault, TlsFailure};

const PHASES: [Phase; 4] = [Phase::Connect, Phase::Tls, Phase::Head, Phase::Body];

/// Each reason, and each kind of it, once. `text` stands where a host, a place or the system's words are.
pub(crate) fn every(text: &str, number: u16) -> Vec<Missing> {
    let place = || text.to_owned();
    let mut all = vec![
        Missing::Unresolved { host: place() },
        Missing::Refused { place: place() },
        Missing::HungUp,
        Missing::Silent,
        Missing::Gateway { status: number, header: place(), health: place() },
        Missing::Unhealthy { status: number },
        Missing::Ended { code: None },
        Missing::Ended { code: Some(i32::from(number)) },
        Missing::NotRecorded,
        Missing::OtherKind,
    ];
    let kinds = [AddressKind::IPv4, AddressKind::IPv6];
    all.extend(kinds.map(|kind| Missing::NoAddress { host: place(), kind }));
    let unreachable = [Unreachable::Network, Unreachable::Host, Unreachable::Family];
    all.extend(unreachable.map(|why| Missing::Unreachable { place: place(), why }));
    for phase in PHASES {
        all.extend([
            Missing::Timeout { place: place(), phase, within_ms: u64::from(number) },
            Missing::Closed { place: place(), phase },
            Missing::Reset { place: place(), phase },
            Missing::Failed { place: place(), phase, why: place() },
        ]);
    }
    all.extend(every_tls_failure(number).into_iter().map(|why| Missing::Tls { place: place(), why }));
    let malformed = [
        Malformed::Head,
        Malformed::Status,
        Malformed::HeadTooLarge,
        Malformed::Body,
        Malformed::Http2Unasked,
        Malformed::Frames,
    ];
    all.extend(malformed.map(|how| Missing::Malformed { place: place(), how }));
    let not_sent = [
        NotSent::TargetSilent,
        NotSent::NoCandidate,
        NotSent::DrillOnly,
        NotSent::NoClient,
        NotSent::OpenFiles,
    ];
    all.extend(not_sent.map(Missing::NotSent));
    all
}

pub(crate) fn every_tls_failure(number: u16) -> Vec<TlsFailure> {
    let mut all = vec![
        TlsFailure::Alert(Alert(number.to_be_bytes()[1])),
        TlsFailure::Version,
        TlsFailure::NoCommonProtocol,
        TlsFailure::Closed,
        TlsFailure::NotTls,
        TlsFailure::Malformed,
    ];
    let faults = [
        CertificateFault::Expired,
        CertificateFault::NotYetValid,
        CertificateFault::WrongName,
        CertificateFault::SelfSigned,
        CertificateFault::UnknownIssuer,
        CertificateFault::Revoked,
        CertificateFault::Purpose,
        CertificateFault::Authority,
        CertificateFault::Signature,
        CertificateFault::Unreadable,
    ];
    all.extend(faults.map(TlsFailure::Certificate));
    all
}

/// Any reason with this text in it.
pub(crate) fn missing(text: impl Strategy<Value = String>) -> impl Strategy<Value = Missing> {
    (text, any::<u16>()).prop_flat_map(|(text, number)| select(every(&text, number)))
}

pub(crate) fn tls_failure() -> impl Strategy<Value = TlsFailure> {
    any::<u16>().prop_flat_map(|number| select(every_tls_failure(number)))
}

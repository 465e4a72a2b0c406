//! What is wrong below HTTP: with how a connection is read, encrypted, or kept open.

use crate::Fault;
use crate::support::edge::Quirk;

pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        name: "parses the bytes behind a head as the next request",
        caught_by: &["http1.framing.ambiguous-length"],
        quirk: Quirk::Smuggles,
    },
    Fault { name: "reads heads of any size", caught_by: &["http1.limit.head"], quirk: Quirk::ReadsAnyHead },
    Fault {
        name: "waits for slow heads",
        caught_by: &["http1.slow.headers-and-body"],
        quirk: Quirk::WaitsForSlowHeads,
    },
    Fault {
        name: "has a certificate that ends in five days",
        caught_by: &["tls.cert.valid"],
        quirk: Quirk::CertificateEndsSoon,
    },
    Fault {
        name: "has a certificate of another host",
        caught_by: &["tls.cert.valid"],
        quirk: Quirk::CertificateOfAnotherHost,
    },
    Fault {
        name: "takes any field over HTTP/2",
        caught_by: &["http2.connection-fields-refused"],
        quirk: Quirk::TakesAnyFrames,
    },
    Fault { name: "lost HTTP/2", caught_by: &["http2.as-declared"], quirk: Quirk::NoHttp2 },
    Fault {
        name: "still speaks TLS 1.0",
        caught_by: &["tls.version.legacy-refused"],
        quirk: Quirk::SpeaksTls10,
    },
];

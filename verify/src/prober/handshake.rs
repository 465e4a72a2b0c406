//! TLS handshakes: the negotiated version and protocol, the certificate, and the refusal of forbidden versions.
#![allow(clippy::disallowed_methods, reason = "probing is I/O and takes time")]

use std::sync::Arc;

use rustls::ProtocolVersion;
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;
use x509_cert::der::Decode as _;

use super::http::with_protocols;
use super::wire::Wire;
use crate::model::exchange::{Certificate, Handshake, Offer};
use crate::model::missing::{Missing, Phase};
use crate::model::tls::{Alert, TlsFailure};

/// One handshake with this offer, on a connection that is then closed.
pub(super) async fn shake(wire: &Wire, offer: Offer) -> Result<Handshake, Missing> {
    match offer {
        Offer::Today => today(wire).await,
        Offer::Tls10 => legacy(wire, [3, 1]).await,
        Offer::Tls11 => legacy(wire, [3, 2]).await,
    }
}

async fn today(wire: &Wire) -> Result<Handshake, Missing> {
    let tcp = wire.tcp().await?;
    let tls = Arc::new(with_protocols(wire.tls(), &[b"h2", b"http/1.1"]));
    let stream = match wire.secured(tcp, tls).await {
        Ok(stream) => stream,
        // Refused by one of the two sides; a service that does not answer is another case.
        Err(Missing::Tls { why, .. }) if why.is_refusal() => return Ok(refused(why)),
        Err(why) => return Err(why),
    };
    let (_, session) = stream.get_ref();
    let version = match session.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => Some("TLS 1.3".to_owned()),
        Some(ProtocolVersion::TLSv1_2) => Some("TLS 1.2".to_owned()),
        _ => None,
    };
    Ok(Handshake {
        version,
        protocol: session.alpn_protocol().map(|protocol| String::from_utf8_lossy(protocol).into_owned()),
        certificate: session.peer_certificates().and_then(certificate),
        refused: None,
    })
}

fn refused(why: TlsFailure) -> Handshake {
    Handshake { version: None, protocol: None, certificate: None, refused: Some(why) }
}

fn certificate(sent: &[CertificateDer<'_>]) -> Option<Certificate> {
    let own = x509_cert::Certificate::from_der(sent.first()?).ok()?;
    let not_after = own.tbs_certificate.validity.not_after.to_unix_duration();
    Some(Certificate { not_after_ms: i64::try_from(not_after.as_millis()).ok()?, sent: sent.len() })
}

/// A handshake that the library cannot begin: the first bytes of the answer show whether it was accepted.
async fn legacy(wire: &Wire, version: [u8; 2]) -> Result<Handshake, Missing> {
    let mut tcp = wire.tcp().await?;
    let hello = client_hello(version, &wire.host());
    tcp.write_all(&hello).await.map_err(|error| wire.peer().io(&error, Phase::Tls))?;
    let mut answer = [0; 11];
    let mut filled = 0;
    let read = async {
        while filled < answer.len() {
            match tcp.read(&mut answer[filled..]).await {
                Ok(0) | Err(_) => break,
                Ok(read) => filled += read,
            }
        }
    };
    if timeout(wire.timeout(), read).await.is_err() {
        return Err(wire.peer().late(Phase::Tls));
    }
    // A record's type, its version and its length; then the message (RFC 5246 sections 6.2.1, 7.2 and 7.4).
    Ok(match answer[..filled] {
        [22, _, _, _, _, 2, _, _, _, major, minor] => Handshake {
            version: Some(match [major, minor] {
                [3, 0] => "SSL 3.0".to_owned(),
                [3, 1] => "TLS 1.0".to_owned(),
                [3, 2] => "TLS 1.1".to_owned(),
                _ => format!("version {major}.{minor}"),
            }),
            protocol: None,
            certificate: None,
            refused: None,
        },
        [21, _, _, _, _, _, alert, ..] => refused(Alert(alert).into()),
        [] => refused(TlsFailure::Closed),
        _ => return Err(wire.peer().tls(TlsFailure::NotTls)),
    })
}

/// A `ClientHello` with the cipher suites that such servers have, for this name (RFC 2246 section 7.4.1.2, RFC 6066).
fn client_hello(version: [u8; 2], host: &str) -> Vec<u8> {
    // ECDHE and RSA with AES-CBC or 3DES: all that TLS 1.0 and 1.1 servers still support.
    const SUITES: [u16; 9] = [0xc014, 0xc013, 0xc00a, 0xc009, 0x0039, 0x0033, 0x0035, 0x002f, 0x000a];
    let mut extensions = Vec::new();
    if host.parse::<std::net::IpAddr>().is_err() {
        let name = [&[0][..], &sized(host.as_bytes())].concat();
        extensions.extend(extension(0, &sized(&name)));
    }
    extensions.extend(extension(10, &sized(&[0, 23, 0, 24, 0, 25]))); // the curves P-256, P-384 and P-521
    extensions.extend(extension(11, &[1, 0])); // uncompressed points

    let mut hello = version.to_vec();
    // The server's answer is read, but not used: this need not be random.
    hello.extend([0x50; 32]);
    hello.push(0); // no session to resume
    let suites: Vec<u8> = SUITES.iter().flat_map(|suite| suite.to_be_bytes()).collect();
    hello.extend(sized(&suites));
    hello.extend([1, 0]); // no compression
    hello.extend(sized(&extensions));

    let mut message = vec![1, 0];
    message.extend(sized(&hello));
    let mut record = vec![22, 3, 1];
    record.extend(sized(&message));
    record
}

fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &sized(content)].concat()
}

/// The content behind its length in two bytes.
fn sized(content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).expect("this ClientHello is far below 64 KiB");
    [&length.to_be_bytes()[..], content].concat()
}

//! Certificate verification: webpki's, and two kinds of certificates that webpki refuses although the database's owner
//! declared them (history/adr/0033).

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme};

use super::certificate::Certificate;

/// A certificate that webpki accepts is accepted. Two kinds that webpki refuses are accepted too:
///
/// - a certificate that is, byte for byte, in the file of `sslrootcert`;
/// - a certificate that webpki refuses only for `CA:TRUE`, and that an authority of that file has signed directly.
///
/// By RFC 5280 section 4.2.1.9 `CA:TRUE` permits a key to sign and forbids nothing. Dates, purpose and host are
/// verified as in webpki, and only the holder of the private key completes the handshake.
#[derive(Debug)]
pub(super) struct Verifier {
    webpki: Arc<WebPkiServerVerifier>,
    declared: Vec<CertificateDer<'static>>,
    algorithms: WebPkiSupportedAlgorithms,
}

/// Reasons for which webpki has no error, or a misleading one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Flaw {
    #[error("it is self-signed and not declared")]
    SelfSigned,
    #[error("it names no host")]
    NoHost,
    #[error("it says `CA:TRUE`, and an intermediate has signed it")]
    Authority,
}

impl Verifier {
    pub(super) fn new(
        roots: RootCertStore,
        declared: Vec<CertificateDer<'static>>,
        provider: Arc<CryptoProvider>,
    ) -> Self {
        let algorithms = provider.signature_verification_algorithms;
        let webpki = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .expect("there are roots, and no revocation lists");
        Self { webpki, declared, algorithms }
    }

    /// Verifies a certificate that webpki has refused.
    fn reconsider(
        &self,
        shown: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
        refusal: CertificateError,
    ) -> Result<(), CertificateError> {
        let (Ok(parsed), Some(certificate)) = (ParsedCertificate::try_from(shown), Certificate::read(shown))
        else {
            return Err(refusal);
        };
        let is_declared = self.declared.contains(shown);
        let is_vouched_for =
            is_declared || is_for_its_authority(&refusal) && self.is_signed_by_an_authority(&certificate);
        if !is_vouched_for {
            return Err(self.explain(&certificate, intermediates, refusal));
        }
        certificate.is_valid_at(now)?;
        if !certificate.is_for_servers() {
            return Err(CertificateError::InvalidPurpose);
        }
        match verify_server_name(&parsed, name) {
            Ok(()) => Ok(()),
            Err(_) if is_declared && is_its_common_name(name, &certificate) => Ok(()),
            Err(_) if certificate.names_no_host() => Err(Flaw::NoHost.into()),
            Err(Error::InvalidCertificate(error)) => Err(error),
            Err(_) => Err(CertificateError::NotValidForName),
        }
    }

    fn is_signed_by_an_authority(&self, certificate: &Certificate) -> bool {
        self.declared().any(|authority| certificate.is_signed_by(&authority, &self.algorithms))
    }

    /// A better reason than webpki's, which stops at `CA:TRUE` and does not distinguish self-signed certificates.
    fn explain(
        &self,
        certificate: &Certificate,
        intermediates: &[CertificateDer<'_>],
        refusal: CertificateError,
    ) -> CertificateError {
        let is_issuer = |issuer: Certificate| certificate.names_its_issuer_as(&issuer);
        let is_for_its_authority = is_for_its_authority(&refusal);
        match refusal {
            CertificateError::NotValidForNameContext { .. } if certificate.names_no_host() => {
                Flaw::NoHost.into()
            }
            refusal if !is_for_its_authority && refusal != CertificateError::UnknownIssuer => refusal,
            _ if certificate.is_self_issued() => Flaw::SelfSigned.into(),
            refusal if !is_for_its_authority => refusal,
            _ if self.declared().any(is_issuer) => CertificateError::BadSignature,
            _ if intermediates.iter().filter_map(Certificate::read).any(is_issuer) => Flaw::Authority.into(),
            _ => CertificateError::UnknownIssuer,
        }
    }

    fn declared(&self) -> impl Iterator<Item = Certificate> {
        self.declared.iter().filter_map(Certificate::read)
    }
}

/// RFC 9525 section 2 does not identify hosts by common name, and no authority vouches for one. For an individually
/// declared certificate its declarer does, as in RFC 6125 section 6.6.2; PostgreSQL's manual creates such certificates.
fn is_its_common_name(name: &ServerName<'_>, certificate: &Certificate) -> bool {
    let ServerName::DnsName(name) = name else {
        return false;
    };
    certificate.names_no_host() && certificate.has_common_name(name.as_ref())
}

/// Whether webpki refused it for `CA:TRUE`.
fn is_for_its_authority(refusal: &CertificateError) -> bool {
    matches!(objection(refusal), Some(webpki::Error::CaUsedAsEndEntity))
}

/// webpki's error, where rustls has no variant for it.
pub(crate) fn objection(refusal: &CertificateError) -> Option<&webpki::Error> {
    let CertificateError::Other(OtherError(error)) = refusal else {
        return None;
    };
    error.downcast_ref()
}

impl From<Flaw> for CertificateError {
    fn from(flaw: Flaw) -> Self {
        Self::Other(OtherError(Arc::new(flaw)))
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.webpki.verify_server_cert(shown, intermediates, name, ocsp_response, now) {
            Err(Error::InvalidCertificate(refusal)) => {
                self.reconsider(shown, intermediates, name, now, refusal)?;
                Ok(ServerCertVerified::assertion())
            }
            answer => answer,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki.verify_tls12_signature(message, shown, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki.verify_tls13_signature(message, shown, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}

#[cfg(test)]
#[path = "verifier_tests.rs"]
mod tests;

//! Which certificates are trusted, and the fault of each other one.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::BasicConstraints;

use super::ClientError;
use crate::model::tls::CertificateFault;

/// Mozilla's roots and the given authority; ring is named because the process default may be another provider.
pub(super) fn client_config(ca: Option<&Path>) -> Result<ClientConfig, ClientError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let mut given = Vec::new();
    if let Some(path) = ca {
        let refuse = |why: String| ClientError::Ca { path: path.display().to_string(), why };
        for certificate in CertificateDer::pem_file_iter(path).map_err(|error| refuse(error.to_string()))? {
            let certificate = certificate.map_err(|error| refuse(error.to_string()))?;
            roots.add(certificate.clone()).map_err(|error| refuse(error.to_string()))?;
            given.push(certificate);
        }
        if given.is_empty() {
            return Err(refuse("it holds no certificate".to_owned()));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let library = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build();
    let library = library.map_err(|error| ClientError::Setup(error.to_string()))?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| ClientError::Setup(error.to_string()))?
        // The danger is a verifier that accepts more: this one asks the library, or compares byte by byte.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier { library, given }))
        .with_no_client_auth();
    Ok(config)
}

/// Trusts the certificates that browsers trust, and names the fault of others: the library does not detect self-signed
/// ones.
#[derive(Debug)]
struct Verifier {
    library: Arc<WebPkiServerVerifier>,
    /// The certificates of `--ca`. A server may show one of these itself, such as one from `openssl req -x509`, which
    /// makes certificates of an authority.
    given: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain = if self.given.iter().any(|given| given == end_entity) {
            verify_itself(end_entity, server_name, now)
        } else {
            self.library.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        };
        chain.map_err(|error| match error {
            Error::InvalidCertificate(error) => {
                let fault = fault(&error, end_entity);
                CertificateError::Other(OtherError(Arc::new(fault))).into()
            }
            error => error,
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.library.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.library.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.library.supported_verify_schemes()
    }
}

/// Verifies the name and the dates of a certificate that is trusted itself.
fn verify_itself(
    certificate: &CertificateDer<'_>,
    name: &ServerName<'_>,
    now: UnixTime,
) -> Result<ServerCertVerified, Error> {
    verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
    let own = x509_cert::Certificate::from_der(certificate).map_err(|_| CertificateError::BadEncoding)?;
    let validity = own.tbs_certificate.validity;
    let now = Duration::from_secs(now.as_secs());
    if now < validity.not_before.to_unix_duration() {
        return Err(CertificateError::NotValidYet.into());
    }
    if now > validity.not_after.to_unix_duration() {
        return Err(CertificateError::Expired.into());
    }
    Ok(ServerCertVerified::assertion())
}

fn fault(error: &CertificateError, sent: &CertificateDer<'_>) -> CertificateFault {
    let own = x509_cert::Certificate::from_der(sent).ok();
    let signs_itself =
        own.as_ref().is_some_and(|own| own.tbs_certificate.issuer == own.tbs_certificate.subject);
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => CertificateFault::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            CertificateFault::NotYetValid
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            CertificateFault::WrongName
        }
        CertificateError::Revoked => CertificateFault::Revoked,
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            CertificateFault::Purpose
        }
        // An authority of the same name with another key makes its signature look wrong.
        CertificateError::UnknownIssuer | CertificateError::BadSignature | CertificateError::Other(_)
            if signs_itself =>
        {
            CertificateFault::SelfSigned
        }
        CertificateError::UnknownIssuer => CertificateFault::UnknownIssuer,
        CertificateError::Other(_) if own.is_some_and(|own| is_authority(&own)) => {
            CertificateFault::Authority
        }
        CertificateError::BadEncoding | CertificateError::Other(_) => CertificateFault::Unreadable,
        _ => CertificateFault::Signature,
    }
}

fn is_authority(certificate: &x509_cert::Certificate) -> bool {
    let constraints = certificate.tbs_certificate.get::<BasicConstraints>().ok().flatten();
    constraints.is_some_and(|(_, constraints)| constraints.ca)
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints as Ca, CertificateParams, IsCa, KeyPair, date_time_ymd};

    use super::*;
    use crate::model::tls::TlsFailure;
    use crate::prober::failure::tls_failure;

    /// 2026-01-02.
    const NOW: u64 = 1_767_312_000;

    fn made(change: impl FnOnce(&mut CertificateParams)) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
        params.not_before = date_time_ymd(2025, 1, 1);
        params.not_after = date_time_ymd(2027, 1, 1);
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        params.self_signed(&key).expect("a certificate").der().clone()
    }

    fn verified(
        sent: &CertificateDer<'_>,
        given: &[CertificateDer<'static>],
        host: &str,
    ) -> Result<(), CertificateFault> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        roots.add_parsable_certificates(given.to_vec());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let library = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
        let verifier = Verifier { library: library.expect("there are roots"), given: given.to_vec() };
        let name = ServerName::try_from(host.to_owned()).expect("a name");
        let now = UnixTime::since_unix_epoch(Duration::from_secs(NOW));
        verifier.verify_server_cert(sent, &[], &name, &[], now).map(drop).map_err(|error| {
            match tls_failure(&error) {
                TlsFailure::Certificate(fault) => fault,
                other => panic!("{other}"),
            }
        })
    }

    #[test]
    fn what_signs_itself_is_named_so_whether_it_is_an_authority_or_not() {
        for authority in [IsCa::NoCa, IsCa::ExplicitNoCa, IsCa::Ca(Ca::Unconstrained)] {
            let sent = made(|params| params.is_ca = authority);
            assert_eq!(verified(&sent, &[], "localhost"), Err(CertificateFault::SelfSigned));
            assert_eq!(verified(&sent, std::slice::from_ref(&sent), "localhost"), Ok(()));
        }
    }

    #[test]
    fn what_is_trusted_as_it_stands_is_still_for_its_name_and_its_time() {
        let sent = made(|params| params.is_ca = IsCa::Ca(Ca::Unconstrained));
        let given = [sent.clone()];
        assert_eq!(verified(&sent, &given, "example.org"), Err(CertificateFault::WrongName));
        let old = made(|params| params.not_after = date_time_ymd(2025, 6, 1));
        assert_eq!(verified(&old, std::slice::from_ref(&old), "localhost"), Err(CertificateFault::Expired));
        let new = made(|params| params.not_before = date_time_ymd(2026, 6, 1));
        assert_eq!(
            verified(&new, std::slice::from_ref(&new), "localhost"),
            Err(CertificateFault::NotYetValid)
        );
        // Another certificate is trusted, not this one.
        assert_eq!(verified(&made(|_| {}), &given, "localhost"), Err(CertificateFault::SelfSigned));
    }
}

//! Certificates that a database may show, good and bad.

use std::io;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use tokio_rustls::TlsAcceptor;

/// What a connection string may call this machine.
const OURS: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// A certificate that a proxy shows, with its key.
#[derive(Clone, Debug)]
pub struct Certificate(Arc<ServerConfig>);

/// A private authority, made for one run. Whoever is given its [`pem`](Self::pem) trusts what it signs.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new() -> io::Result<Self> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Plumbline drill authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().map_err(io::Error::other)?;
        CertifiedIssuer::self_signed(params, key).map(Self).map_err(io::Error::other)
    }

    /// The authority's own certificate, as `sslrootcert` takes it.
    pub fn pem(&self) -> String {
        self.0.pem()
    }
}

impl Certificate {
    /// For the right host, signed by nobody.
    pub fn self_signed() -> io::Result<Self> {
        Self::sign(&OURS, None)
    }

    /// Signed by the authority, for some other host.
    pub fn wrong_host(authority: &Authority) -> io::Result<Self> {
        Self::sign(&["database.example"], Some(authority))
    }

    /// Signed by the authority, for the right host: who refuses this one proves nothing with refusing the others.
    pub fn right_host(authority: &Authority) -> io::Result<Self> {
        Self::sign(&OURS, Some(authority))
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.0))
    }

    fn sign(names: &[&str], authority: Option<&Authority>) -> io::Result<Self> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let mut params = CertificateParams::new(names).map_err(io::Error::other)?;
        params.distinguished_name.push(DnType::CommonName, "Plumbline drill database");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        // Strict verifiers, Python's since 3.13, want to know which key signed.
        params.use_authority_key_identifier_extension = authority.is_some();
        let signed = match authority {
            Some(Authority(issuer)) => params.signed_by(&key, issuer),
            None => params.self_signed(&key),
        };
        let chain: Vec<CertificateDer<'static>> = vec![signed.map_err(io::Error::other)?.into()];
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(chain, key.into())
            .map_err(io::Error::other)?;
        Ok(Self(Arc::new(config)))
    }
}

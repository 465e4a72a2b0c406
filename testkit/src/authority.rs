//! A private certificate authority, and valid and invalid certificates for servers.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SignatureAlgorithm,
};
use rustls::ServerConfig;
use tempfile::TempDir;

use crate::postgres::url;

/// The names of this machine in URLs.
pub const THIS_MACHINE: &[&str] = &["localhost", "127.0.0.1", "::1"];

/// Made for one run. A client with its [`file`](Self::file) trusts the certificates that it signs.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

/// A server's certificate with its key.
#[derive(Clone, Debug)]
pub struct Certificate {
    pem: String,
    key: String,
    tls: Arc<ServerConfig>,
}

impl Authority {
    pub fn new() -> io::Result<Self> {
        Self::signing_with(&rcgen::PKCS_ECDSA_P256_SHA256)
    }

    /// Signs with Ed25519, for which channel binding (RFC 5929) is not defined.
    pub fn with_ed25519() -> io::Result<Self> {
        Self::signing_with(&rcgen::PKCS_ED25519)
    }

    fn signing_with(algorithm: &'static SignatureAlgorithm) -> io::Result<Self> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Plumbline private authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate_for(algorithm).map_err(io::Error::other)?;
        let issuer = CertifiedIssuer::self_signed(params, key).map_err(io::Error::other)?;
        let authority = Self { issuer, folder: TempDir::with_prefix("plumbline-")? };
        std::fs::write(authority.file(), authority.pem())?;
        Ok(authority)
    }

    /// The authority's certificate.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// The file of the authority's certificate, for `sslrootcert` and `--ca`.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The URL with full verification: the server must present this authority's certificate for this host.
    pub fn verified_url(&self, host: &str, port: u16) -> String {
        format!("{}?sslmode=verify-full&sslrootcert={}", url(host, port), self.file().display())
    }

    /// Signs a certificate for these names or addresses.
    pub fn sign(&self, names: &[&str]) -> io::Result<Certificate> {
        Certificate::sign(names, None, Some(self))
    }

    /// Signs a certificate that is valid until this time.
    pub fn sign_until(&self, names: &[&str], end: SystemTime) -> io::Result<Certificate> {
        Certificate::sign(names, Some(end), Some(self))
    }
}

impl Certificate {
    /// A self-signed certificate for these names or addresses.
    pub fn self_signed(names: &[&str]) -> io::Result<Self> {
        Self::sign(names, None, None)
    }

    pub fn pem(&self) -> &str {
        &self.pem
    }

    pub fn key(&self) -> &str {
        &self.key
    }

    /// The configuration of a server in this process.
    pub fn tls(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.tls)
    }

    fn sign(names: &[&str], end: Option<SystemTime>, authority: Option<&Authority>) -> io::Result<Self> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).map_err(io::Error::other)?;
        params.distinguished_name.push(DnType::CommonName, "Plumbline private server");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        // Strict verifiers, such as Python's since 3.13, require the identifier of the signing key.
        params.use_authority_key_identifier_extension = authority.is_some();
        if let Some(end) = end {
            params.not_after = end.into();
        }
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let signed = match authority {
            Some(authority) => params.signed_by(&key, &authority.issuer),
            None => params.self_signed(&key),
        };
        let signed = signed.map_err(io::Error::other)?;
        let (pem, key_pem) = (signed.pem(), key.serialize_pem());
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![signed.into()], key.into())
            .map_err(io::Error::other)?;
        Ok(Self { pem, key: key_pem, tls: Arc::new(config) })
    }
}

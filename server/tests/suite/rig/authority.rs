//! A private certificate authority, and certificates of it, good and bad.

use std::fs;
use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SignatureAlgorithm};
use tempfile::TempDir;

use super::postgres::url;

pub(crate) struct Authority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

/// A server's certificate with its key, in PEM form.
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        Self::signing_with(&rcgen::PKCS_ECDSA_P256_SHA256)
    }

    pub(crate) fn signing_with(algorithm: &'static SignatureAlgorithm) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "A private authority");
        let key = KeyPair::generate_for(algorithm).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        Self { folder, issuer: Issuer::new(params, key) }
    }

    /// What `sslrootcert` names.
    fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The URL of a server on this machine that shows a certificate of this authority.
    pub(crate) fn verified(&self, port: u16) -> String {
        self.verified_as("localhost", port)
    }

    pub(crate) fn verified_as(&self, host: &str, port: u16) -> String {
        format!("{}?sslmode=verify-full&sslrootcert={}", url(host, port), self.file().display())
    }

    pub(crate) fn identity(&self, host: &str) -> Identity {
        self.identity_until(host, 4096)
    }

    pub(crate) fn identity_until(&self, host: &str, year: i32) -> Identity {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2000, 1, 1);
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        Identity { certificate, key: key.serialize_pem() }
    }
}

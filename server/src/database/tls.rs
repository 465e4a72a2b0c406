//! TLS to the database: the certificate's chain and host name are always verified.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Why a private authority cannot be trusted.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    #[error(
        "names the certificate file `{}` (`sslrootcert`), which cannot be read: {error}; \
         a relative path starts in the working directory", file.display()
    )]
    File { file: PathBuf, error: pem::Error },
    #[error(
        "names the certificate file `{}` (`sslrootcert`), which holds no certificate in PEM form; \
         it should begin with `-----BEGIN CERTIFICATE-----`", file.display()
    )]
    Empty { file: PathBuf },
    #[error(
        "names the certificate file `{}` (`sslrootcert`), whose certificate cannot be used: {error}; \
         ask for the authority's own certificate", file.display()
    )]
    Certificate { file: PathBuf, error: rustls::Error },
}

/// Trusts Mozilla's roots, which are compiled in, since a slim image has no certificate files; or, as libpq does
/// it, a private authority alone.
pub(super) fn connector(authority: Option<&Path>) -> Result<MakeRustlsConnect, AuthorityError> {
    Ok(trusting(match authority {
        Some(file) => read(file)?,
        None => RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
    }))
}

fn read(file: &Path) -> Result<RootCertStore, AuthorityError> {
    let file = file.to_owned();
    let unreadable = |error| AuthorityError::File { file: file.clone(), error };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(&file).map_err(unreadable)? {
        let added = roots.add(certificate.map_err(unreadable)?);
        added.map_err(|error| AuthorityError::Certificate { file: file.clone(), error })?;
    }
    if roots.is_empty() { Err(AuthorityError::Empty { file }) } else { Ok(roots) }
}

fn trusting(roots: RootCertStore) -> MakeRustlsConnect {
    // With a second provider somewhere in the build, rustls cannot choose and panics; so it is named.
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring serves TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    // PostgreSQL 17 and `sslnegotiation=direct` ask for it; older servers do not look.
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    MakeRustlsConnect::new(config)
}

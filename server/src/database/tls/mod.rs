//! TLS to the database: the certificate's chain, dates and host name are always verified.

mod authority;
mod certificate;
mod verifier;

use std::path::Path;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

pub(crate) use authority::AuthorityError;
pub(super) use verifier::{Flaw, objection};

use authority::Authority;
use verifier::Verifier;

/// Trusts Mozilla's roots, compiled in because a slim image has no certificate files; or, like libpq, only the
/// certificates of the file in `sslrootcert`.
pub(super) fn connector(file: Option<&Path>) -> Result<MakeRustlsConnect, AuthorityError> {
    let Authority { roots, declared } = match file {
        Some(file) => Authority::read(file)?,
        None => Authority {
            roots: RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
            declared: Vec::new(),
        },
    };
    // The provider is named, since rustls panics when a build has two and none is chosen.
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Verifier::new(roots, declared, Arc::clone(&ring));
    let mut config = ClientConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .expect("ring serves TLS 1.2 and 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    // PostgreSQL 17 requires it for `sslnegotiation=direct`; older servers ignore it.
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(MakeRustlsConnect::new(config))
}

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

/// Trusts Mozilla's roots, which are compiled in, since a slim image has no certificate files; or, as libpq does
/// it, only what the file holds that `sslrootcert` names.
pub(super) fn connector(file: Option<&Path>) -> Result<MakeRustlsConnect, AuthorityError> {
    let Authority { roots, declared } = match file {
        Some(file) => Authority::read(file)?,
        None => Authority {
            roots: RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
            declared: Vec::new(),
        },
    };
    // With a second provider somewhere in the build, rustls cannot choose and panics; so it is named.
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Verifier::new(roots, declared, Arc::clone(&ring));
    let mut config = ClientConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .expect("ring serves TLS 1.2 and 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    // PostgreSQL 17 and `sslnegotiation=direct` ask for it; older servers do not look.
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(MakeRustlsConnect::new(config))
}

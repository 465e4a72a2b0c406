//! TLS to the database: the certificate's chain and host name are always verified.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Mozilla's roots are compiled in: a slim image has no certificate files.
pub(super) fn connector() -> MakeRustlsConnect {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
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

//! TLS to the database: the certificate's chain and host name are always verified.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Mozilla's roots are compiled in: a slim image has no certificate files.
pub(super) fn connector() -> MakeRustlsConnect {
    trusting(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() })
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;
    use std::process::Command;

    use pgtemp::PgTempDB;
    use profiles::Declaration;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    use rustls::pki_types::CertificateDer;
    use tokio_postgres::Client;

    use super::*;
    use crate::database::url::Address;

    #[tokio::test]
    async fn a_certificate_of_a_trusted_authority_for_this_host_is_accepted_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let authority = certificate("localhost", folder.path());
        let database = postgres(folder.path());
        let mut trusted = RootCertStore::empty();
        trusted.add(authority).unwrap();

        let client = connect(&database, "localhost", trusting(trusted.clone())).await.unwrap();
        let rows = client
            .query_typed("select ssl from pg_stat_ssl where pid = pg_backend_pid()", &[])
            .await
            .unwrap();
        assert!(rows[0].get::<_, bool>(0), "the session is encrypted");

        let wrong_host = connect(&database, "127.0.0.1", trusting(trusted)).await.err().unwrap();
        assert_eq!(crate::database::DatabaseError::from(wrong_host).class(), "tls");
        let unknown_authority = connect(&database, "localhost", connector()).await.err().unwrap();
        assert_eq!(crate::database::DatabaseError::from(unknown_authority).class(), "tls");
    }

    async fn connect(
        database: &PgTempDB,
        host: &str,
        tls: MakeRustlsConnect,
    ) -> Result<Client, tokio_postgres::Error> {
        let policy = Declaration::load("production", jiff::civil::date(2026, 1, 1)).unwrap().profile.database;
        let url = format!("postgresql://app:n7Jq0Zt5@{host}:{}/app?sslmode=verify-full", database.db_port());
        let (client, connection) = Address::parse(&url, &policy).unwrap().config().connect(tls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// A private authority, and a certificate of it with its key as PostgreSQL wants them.
    fn certificate(host: &str, folder: &Path) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_key = KeyPair::generate().unwrap();
        let authority = params.self_signed(&authority_key).unwrap().der().clone();
        let key = KeyPair::generate().unwrap();
        let issuer = Issuer::new(params, authority_key);
        let leaf = CertificateParams::new(vec![host.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        fs::write(folder.join("server.crt"), leaf.pem()).unwrap();
        fs::write(folder.join("server.key"), key.serialize_pem()).unwrap();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(folder.join("server.key"), fs::Permissions::from_mode(0o600)).unwrap();
        // PostgreSQL wants to own its key; as root, pgtemp runs it as `postgres`. For anyone else this fails, rightly.
        let _ = Command::new("chown")
            .arg("postgres")
            .arg(folder.join("server.key"))
            .stderr(std::process::Stdio::null())
            .status();
        authority
    }

    #[expect(clippy::disallowed_methods, reason = "the test runs what is on PATH")]
    fn postgres(folder: &Path) -> PgTempDB {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let initdb =
            std::env::split_paths(&path).map(|folder| folder.join("initdb")).find(|program| program.exists());
        let programs = initdb.expect("initdb is on PATH: scripts/test sees to it").canonicalize().unwrap();
        let builder = PgTempDB::builder()
            .with_bin_path(programs.parent().unwrap())
            .with_username("app")
            .with_password("n7Jq0Zt5")
            .with_dbname("app")
            .with_config_param("ssl", "on")
            .with_config_param("ssl_cert_file", folder.join("server.crt").to_str().unwrap())
            .with_config_param("ssl_key_file", folder.join("server.key").to_str().unwrap());
        builder.start()
    }
}

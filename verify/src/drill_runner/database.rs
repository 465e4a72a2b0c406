//! The database behind the fault proxy: the one that the environment names, else a private PostgreSQL.

use std::sync::Arc;

use percent_encoding::percent_decode_str;
use rustls::{ClientConfig, RootCertStore};
use testkit::{Postgres, StartError, Upstream};
use url::Url;

/// A shorter value occurs in other texts by chance.
const SHORTEST: usize = 8;

/// Ends with its owner.
pub(super) struct Database {
    /// Its address, with user, password and name.
    url: Url,
    _private: Option<Postgres>,
}

#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    #[error("{variable} is not a URL of a PostgreSQL database, such as postgresql://user:password@host/name")]
    Url { variable: String },
    #[error(
        "a drill needs a database: set {variable}, or install PostgreSQL's server programs (Debian: `apt-get install \
         postgresql`; they are looked for on PATH and in /usr/lib/postgresql) and a private one is started for the run"
    )]
    Programs { variable: String },
    #[error("could not set up TLS to the database: {0}")]
    Tls(String),
    #[error("could not start a private PostgreSQL: {0}")]
    Start(StartError),
}

impl Database {
    /// The given one, or a private one whose password is the canary.
    pub(super) async fn find(
        variable: &str,
        given: Option<&str>,
        canary: &str,
    ) -> Result<Self, DatabaseError> {
        let wrong = || DatabaseError::Url { variable: variable.to_owned() };
        if let Some(given) = given {
            let url = Url::parse(given).map_err(|_| wrong())?;
            if url.host_str().is_none_or(str::is_empty) || !url.scheme().starts_with("postgres") {
                return Err(wrong());
            }
            return Ok(Self { url, _private: None });
        }
        let private = private(variable, canary).await?;
        let url = Url::parse(&private.url()).map_err(|_| wrong())?;
        Ok(Self { url, _private: Some(private) })
    }

    /// Its address for the proxy: with TLS, and a certificate of a public authority, unless it is on this machine.
    pub(super) fn upstream(&self) -> Result<Upstream, DatabaseError> {
        let host = self.url.host_str().unwrap_or("localhost").to_owned();
        let tls = if is_loopback(&host) { None } else { Some(Arc::new(trusting_mozilla()?)) };
        Ok(Upstream { host, port: self.url.port().unwrap_or(5432), tls })
    }

    /// The password as the URL encodes it, and decoded. A short one, or one that is also another part of the URL, is
    /// left out: it would be found in harmless texts.
    pub(super) fn passwords(&self) -> Vec<String> {
        let elsewhere = [self.url.scheme(), self.url.username(), self.url.path().trim_start_matches('/')];
        let spelled = self.url.password().unwrap_or_default();
        let decoded = percent_decode_str(spelled).decode_utf8_lossy().into_owned();
        let mut passwords = vec![spelled.to_owned(), decoded];
        passwords.dedup();
        let is_secret = |password: &String| {
            password.len() >= SHORTEST && !elsewhere.iter().any(|word| word.contains(password.as_str()))
        };
        passwords.into_iter().filter(is_secret).collect()
    }

    /// The URL of the database through the proxy, for a candidate.
    pub(super) fn through(&self, host: &str, port: u16, parameters: &[(&str, &str)]) -> String {
        let mut url = self.url.clone();
        let _ = url.set_host(Some(host));
        let _ = url.set_port(Some(port));
        // Parameters for TLS concern the database, not the proxy on this machine.
        let kept: Vec<(String, String)> = url
            .query_pairs()
            .filter(|(name, _)| !name.starts_with("ssl") && name != "channel_binding")
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        url.set_query(None);
        if !kept.is_empty() || !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(kept).extend_pairs(parameters);
        }
        url.into()
    }
}

/// Started off the runtime's thread: it blocks.
async fn private(variable: &str, password: &str) -> Result<Postgres, DatabaseError> {
    let password = password.to_owned();
    let started = tokio::task::spawn_blocking(move || Postgres::with_password(&password)).await;
    started.expect("starting returns its errors").map_err(|error| match error {
        StartError::Missing { .. } => DatabaseError::Programs { variable: variable.to_owned() },
        error => DatabaseError::Start(error),
    })
}

fn trusting_mozilla() -> Result<ClientConfig, DatabaseError> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|error| DatabaseError::Tls(error.to_string()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

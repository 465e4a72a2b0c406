//! The database behind the fault proxy: the one that the environment names, else a private PostgreSQL.
#![allow(clippy::disallowed_methods, reason = "a database is processes and files")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use percent_encoding::percent_decode_str;
use pgtemp::PgTempDB;
use rustls::{ClientConfig, RootCertStore};
use tokio::process::Command;
use tokio::time::sleep;
use url::Url;

use super::proxy::Upstream;
use crate::port::Port;

/// What is shorter stands in any text by chance.
const SHORTEST: usize = 8;
/// How long PostgreSQL may take until it answers.
const LONGEST_START: Duration = Duration::from_secs(30);

/// Ends with its owner.
pub(super) struct Database {
    /// Where it is, with user, password and name.
    url: Url,
    private: Option<PgTempDB>,
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
    #[error(
        "PostgreSQL refuses to run as root, and `sudo` is missing to start it as another user; install sudo"
    )]
    Root,
    #[error("could not set up TLS to the database: {0}")]
    Tls(String),
    #[error("a private PostgreSQL could not be started; `initdb` and `postgres` in {0} say why")]
    Start(String),
}

impl Database {
    /// The given one, or a private one whose password is the canary.
    pub(super) async fn find(
        variable: &str,
        given: Option<&str>,
        path: Option<&str>,
        canary: &str,
    ) -> Result<Self, DatabaseError> {
        let wrong = || DatabaseError::Url { variable: variable.to_owned() };
        if let Some(given) = given {
            let url = Url::parse(given).map_err(|_| wrong())?;
            if url.host_str().is_none_or(str::is_empty) || !url.scheme().starts_with("postgres") {
                return Err(wrong());
            }
            return Ok(Self { url, private: None });
        }
        let programs =
            programs(path).ok_or_else(|| DatabaseError::Programs { variable: variable.to_owned() })?;
        if rustix::process::getuid().is_root() && !on_path(path, "sudo") {
            return Err(DatabaseError::Root);
        }
        let private = private(&programs, canary).await?;
        let url = Url::parse(&private.connection_uri()).map_err(|_| wrong())?;
        Ok(Self { url, private: Some(private) })
    }

    /// Where the proxy finds it: with TLS, and a certificate that everybody trusts, outside of this machine.
    pub(super) fn upstream(&self) -> Result<Upstream, DatabaseError> {
        let host = self.url.host_str().unwrap_or("localhost").to_owned();
        let tls = if is_loopback(&host) { None } else { Some(Arc::new(trusting_mozilla()?)) };
        Ok(Upstream { host, port: self.url.port().unwrap_or(5432), tls })
    }

    /// The password as the URL spells it, and as it is. One that is short, or a word that stands elsewhere in the
    /// URL, would be found everywhere, and is no secret.
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

    /// The URL by which a candidate reaches it through the proxy.
    pub(super) fn through(&self, host: &str, port: u16, parameters: &[(&str, &str)]) -> String {
        let mut url = self.url.clone();
        let _ = url.set_host(Some(host));
        let _ = url.set_port(Some(port));
        // What asks for TLS is meant for the database, not for the proxy on this machine.
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

impl Drop for Database {
    fn drop(&mut self) {
        // Stopping blocks; what is left to do on this thread can wait for it.
        drop(self.private.take());
    }
}

async fn private(programs: &Path, password: &str) -> Result<PgTempDB, DatabaseError> {
    let failed = || DatabaseError::Start(programs.display().to_string());
    // pgtemp's own choice of a port may be another's as well, and then both work on one database. Held to the end.
    let port = Port::take().map_err(|_| failed())?;
    let number = port.number();
    let (folder, password) = (programs.to_owned(), password.to_owned());
    let start = move || {
        let builder = PgTempDB::builder().with_username("candidate").with_password(&password);
        // For any other name pgtemp would wait for PostgreSQL, and panic on a machine that is busy for a second.
        builder.with_dbname("postgres").with_bin_path(folder).with_port(number).start()
    };
    let database = tokio::task::spawn_blocking(start).await.map_err(|_| failed())?;
    let mut ready = Command::new(programs.join("pg_isready"));
    ready.args(["--quiet", "--host", "127.0.0.1", "--port", &number.to_string()]);
    let deadline = Instant::now() + LONGEST_START;
    while !ready.status().await.is_ok_and(|status| status.success()) {
        if Instant::now() > deadline {
            return Err(failed());
        }
        sleep(Duration::from_millis(20)).await;
    }
    Ok(database)
}

/// The folder of initdb and postgres: on PATH, or where Debian keeps it off PATH.
fn programs(path: Option<&str>) -> Option<PathBuf> {
    let found = std::env::split_paths(path.unwrap_or_default()).find(|folder| folder.join("initdb").exists());
    let debian = || {
        let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let mut folders: Vec<PathBuf> = versions
            .map(|version| version.path().join("bin"))
            .filter(|bin| bin.join("initdb").exists())
            .collect();
        folders.sort_by_key(|bin| {
            let version =
                bin.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
            version.and_then(|version| version.parse::<u32>().ok())
        });
        folders.pop()
    };
    // A link on PATH leads to the folder that has the others too.
    let real = |folder: PathBuf| folder.join("initdb").canonicalize().ok()?.parent().map(Path::to_path_buf);
    found.or_else(debian).and_then(real)
}

fn on_path(path: Option<&str>, program: &str) -> bool {
    std::env::split_paths(path.unwrap_or_default()).any(|folder| folder.join(program).exists())
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

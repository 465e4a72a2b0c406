//! How the database is reached: its URL once understood, and whose certificates are believed.

use tokio_postgres::Config;
use tokio_postgres::config::Host;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::tls::{self, AuthorityError};
use super::url::Address;

#[derive(Clone)]
pub(crate) struct Access {
    config: Config,
    tls: MakeRustlsConnect,
}

impl Access {
    /// Reads the file of the private authority, where the URL names one.
    pub(crate) fn to(address: Address) -> Result<Self, AuthorityError> {
        let tls = tls::connector(address.authority.as_deref())?;
        Ok(Self { config: address.config, tls })
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn tls(&self) -> &MakeRustlsConnect {
        &self.tls
    }

    /// Host and port of each server, for the log.
    pub(super) fn place(&self) -> String {
        let ports = self.config.get_ports();
        let port = |index| ports.get(index).or(ports.first()).copied().unwrap_or(5432);
        let names = self.config.get_hosts().iter().map(|host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(folder) => folder.display().to_string(),
        });
        let addresses = self.config.get_hostaddrs().iter().map(ToString::to_string);
        let names: Vec<_> =
            if self.config.get_hosts().is_empty() { addresses.collect() } else { names.collect() };
        let places: Vec<_> =
            names.iter().enumerate().map(|(index, name)| format!("{name}:{}", port(index))).collect();
        places.join(",")
    }
}

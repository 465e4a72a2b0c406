//! Access to the database: its parsed URL, and the trusted certificates.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, SslNegotiation};

use super::tls::{self, AuthorityError};
use super::transport::Transport;
use super::url::Address;

#[derive(Clone)]
pub(crate) struct DatabaseAccess {
    config: Config,
    transport: Transport,
}

impl DatabaseAccess {
    /// Reads the file of the private authority, if the URL names one.
    pub(crate) fn to(address: Address) -> Result<Self, AuthorityError> {
        let Address { mut config, authority } = address;
        let transport = if config.get_ssl_mode() == SslMode::Disable {
            connect_at_once(&mut config);
            Transport::Plain
        } else {
            Transport::Tls(tls::connector(authority.as_deref())?)
        };
        Ok(Self { config, transport })
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn transport(&self) -> &Transport {
        &self.transport
    }

    /// The servers of the URL.
    pub(super) fn servers(&self) -> impl Iterator<Item = Server<'_>> {
        let (hosts, addresses) = (self.config.get_hosts(), self.config.get_hostaddrs());
        let ports = self.config.get_ports();
        (0..hosts.len().max(addresses.len())).map(move |index| Server {
            host: hosts.get(index),
            address: addresses.get(index).copied(),
            port: ports.get(index).or(ports.first()).copied().unwrap_or(5432),
        })
    }

    /// Host and port of each server, for the log.
    pub(super) fn place(&self) -> String {
        self.servers().map(|server| server.to_string()).collect::<Vec<_>>().join(",")
    }
}

/// Direct negotiation: without TLS, as with TLS from the start, the driver passes the stream to the connector at once.
/// The driver keeps the stream of a Unix socket.
fn connect_at_once(config: &mut Config) {
    if config.get_hosts().iter().any(|host| matches!(host, Host::Unix(_))) {
        return;
    }
    if config.get_hosts().is_empty() {
        for address in config.get_hostaddrs().to_vec() {
            config.host(address.to_string());
        }
    }
    config.ssl_mode(SslMode::Require).ssl_negotiation(SslNegotiation::Direct);
}

/// A server by its name, its address, or both: with both, the name is verified and the address dialled.
pub(super) struct Server<'c> {
    pub(super) host: Option<&'c Host>,
    pub(super) address: Option<IpAddr>,
    pub(super) port: u16,
}

impl fmt::Display for Server<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.host, self.address) {
            (Some(Host::Tcp(name)), _) => write!(f, "{name}:{}", self.port),
            (Some(Host::Unix(folder)), _) => write!(f, "{}:{}", folder.display(), self.port),
            (None, Some(address)) => write!(f, "{}", SocketAddr::new(address, self.port)),
            (None, None) => Ok(()),
        }
    }
}

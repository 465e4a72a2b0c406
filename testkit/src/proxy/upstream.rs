//! The database behind the proxy.

use std::io;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::opening::Opening;
use super::relay::Stream;

pub struct Upstream {
    pub host: String,
    pub port: u16,
    /// Which authorities to trust, if it must be reached with TLS.
    pub tls: Option<Arc<ClientConfig>>,
}

impl Upstream {
    pub(super) async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        let mut server = TcpStream::connect((self.host.as_str(), self.port)).await?;
        server.set_nodelay(true)?;
        let Some(config) = &self.tls else { return Ok(Box::new(server)) };
        server.write_all(&Opening::TLS).await?;
        if server.read_u8().await? != b'S' {
            return Err(io::Error::other("the database does not offer TLS"));
        }
        let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
        Ok(Box::new(TlsConnector::from(Arc::clone(config)).connect(name, server).await?))
    }
}

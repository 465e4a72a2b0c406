//! Asking the server to stop a statement, and waiting until it has heard.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::TryFutureExt as _;
use futures_util::future::MapOk;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_postgres::config::Host;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_postgres::{CancelToken, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Sends the request over a connection of its own, as the protocol wants it, to every server that the URL names:
/// those that did not run the statement do not know the key, and ignore it.
///
/// It is without effect when it fails, and the caller gives up the connection either way.
pub(super) async fn cancel(statement: &CancelToken, config: &Config, tls: &MakeRustlsConnect) {
    for index in 0..config.get_hosts().len().max(config.get_hostaddrs().len()) {
        // The next host may be the one.
        let _ = cancel_at(index, statement, config, tls).await;
    }
}

async fn cancel_at(
    index: usize,
    statement: &CancelToken,
    config: &Config,
    tls: &MakeRustlsConnect,
) -> Result<(), Error> {
    let ports = config.get_ports();
    let port = ports.get(index).or(ports.first()).copied().unwrap_or(5432);
    let host = config.get_hosts().get(index);
    let name = match host {
        Some(Host::Unix(folder)) => {
            return ask(
                UnixStream::connect(folder.join(format!(".s.PGSQL.{port}"))).await?,
                "",
                statement,
                tls,
            )
            .await;
        }
        Some(Host::Tcp(name)) => name.as_str(),
        None => "",
    };
    let stream = match config.get_hostaddrs().get(index) {
        Some(address) => TcpStream::connect((*address, port)).await?,
        None => TcpStream::connect((name, port)).await?,
    };
    ask(stream, name, statement, tls).await
}

async fn ask<S>(stream: S, name: &str, statement: &CancelToken, tls: &MakeRustlsConnect) -> Result<(), Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connect = MakeTlsConnect::<Patient<S>>::make_tls_connect(&mut tls.clone(), name)?;
    Ok(statement.cancel_query_raw(Patient(stream), PatientTls(connect)).await?)
}

type Error = Box<dyn std::error::Error + Send + Sync>;

/// A stream that is shut down only after the other side has closed it.
///
/// A server closes when it has acted on the request. PgBouncer passes it on and drops it when its sender leaves
/// earlier (seen with 1.18): libpq waits, and the driver does not.
struct Patient<S>(S);

struct PatientTls<T>(T);

impl<S, T: TlsConnect<S>> TlsConnect<S> for PatientTls<T> {
    type Stream = Patient<T::Stream>;
    type Error = T::Error;
    type Future = MapOk<T::Future, fn(T::Stream) -> Patient<T::Stream>>;

    fn connect(self, stream: S) -> Self::Future {
        self.0.connect(stream).map_ok(Patient)
    }
}

impl<S: TlsStream + Unpin> TlsStream for Patient<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.0.channel_binding()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut bytes = [0; 64];
            let mut buffer = ReadBuf::new(&mut bytes);
            match ready!(Pin::new(&mut self.0).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                // Closed, in good order or not.
                _ => return Pin::new(&mut self.0).poll_shutdown(context),
            }
        }
    }
}

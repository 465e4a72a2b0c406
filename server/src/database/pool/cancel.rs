//! Cancels a statement, and waits until the server has received the request.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::TryFutureExt as _;
use futures_util::future::{MapOk, join_all};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio_postgres::CancelToken;
use tokio_postgres::config::Host;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};

use crate::database::access::{DatabaseAccess, Server};
use crate::database::transport::Transport;

/// Sends the request, over a connection of its own as the protocol requires, to every address of every server of the
/// URL at once: servers that did not run the statement do not know the key and ignore it.
///
/// A failure has no effect: the caller discards the connection either way.
pub(super) async fn cancel(statement: &CancelToken, access: &DatabaseAccess) {
    let transport = access.transport();
    join_all(access.servers().map(async |Server { host, address, port }| {
        if let Some(Host::Unix(folder)) = host {
            let socket = UnixStream::connect(folder.join(format!(".s.PGSQL.{port}"))).await;
            // An unreachable server has no statement to cancel.
            let _ = ask(socket, "", statement, transport).await;
            return;
        }
        let name = if let Some(Host::Tcp(name)) = host { name } else { "" };
        let addresses = match address {
            Some(address) => vec![SocketAddr::new(address, port)],
            None => lookup_host((name, port)).await.into_iter().flatten().collect(),
        };
        join_all(addresses.into_iter().map(async |address| {
            let _ = ask(TcpStream::connect(address).await, name, statement, transport).await;
        }))
        .await;
    }))
    .await;
}

async fn ask<S>(
    stream: io::Result<S>,
    name: &str,
    statement: &CancelToken,
    transport: &Transport,
) -> Result<(), Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connect = MakeTlsConnect::<Patient<S>>::make_tls_connect(&mut transport.clone(), name)?;
    Ok(statement.cancel_query_raw(Patient(stream?), PatientTls(connect)).await?)
}

type Error = Box<dyn std::error::Error + Send + Sync>;

/// A stream that is shut down only after the server has closed it.
///
/// A server closes when it has acted on the request. PgBouncer drops a request whose sender closes earlier (seen with
/// 1.18): libpq waits, the driver does not.
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
                // Closed, cleanly or not.
                _ => return Pin::new(&mut self.0).poll_shutdown(context),
            }
        }
    }
}

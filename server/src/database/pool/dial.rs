//! Opens connections: a few at once, with pauses between attempts, within `pool.create_timeout`.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use deadpool_postgres::Connect;
use futures_util::future::BoxFuture;
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::tls::TlsStream;
use tokio_postgres::{Client, Config, Connection, Error, Socket};

use super::jitter::Jitter;
use super::metrics::Counters;
use crate::database::DatabaseError;
use crate::database::transport::Transport;

/// The first pause; each further one doubles, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// The limit where the connection is refused or the name unknown: waiting does not help, so the caller learns it soon.
const REFUSALS: u32 = 4;
/// How long a closed connection may take to send its termination message.
const FAREWELL: Duration = Duration::from_millis(200);

/// Opens connections for one pool.
#[derive(Clone)]
pub(super) struct Dialer {
    transport: Transport,
    /// Limits simultaneous attempts, so that the pool does not overload a waking database.
    turns: Arc<Semaphore>,
    limit: Duration,
    jitter: Jitter,
    failure: Arc<Mutex<Option<(Instant, DatabaseError)>>>,
    open: watch::Sender<usize>,
    counters: Arc<Counters>,
}

impl Dialer {
    pub(super) fn new(transport: Transport, at_once: u32, limit: Duration, counters: Arc<Counters>) -> Self {
        let at_once = usize::try_from(at_once).unwrap_or(Semaphore::MAX_PERMITS);
        Self {
            transport,
            turns: Arc::new(Semaphore::new(at_once)),
            limit,
            jitter: Jitter::default(),
            failure: Arc::default(),
            open: watch::Sender::new(0),
            counters,
        }
    }

    /// Why an attempt has failed since then: an attempt cut by a deadline has no error of its own.
    pub(super) fn failure_since(&self, then: Instant) -> Option<DatabaseError> {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.as_ref().filter(|(at, _)| *at >= then).map(|(_, failure)| failure.clone())
    }

    /// The number of open connections.
    pub(super) fn open(&self) -> watch::Receiver<usize> {
        self.open.subscribe()
    }

    /// Waits until the last connection has been closed.
    pub(super) async fn all_closed(&self) {
        // This cannot fail: `self` holds the sender.
        let _ = self.open().wait_for(|open| *open == 0).await;
    }

    async fn dial(&self, mut config: Config) -> Result<(Client, JoinHandle<()>), Error> {
        // A name may have several addresses, and a URL several hosts: leave time for the next one.
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(self.limit / 8);
        }
        let deadline = Instant::now() + self.limit;
        let (mut pause, mut refusals) = (FIRST_PAUSE, 0);
        loop {
            let (failure, error) = match self.attempt(&config).await {
                Some(Ok(opened)) => return Ok(opened),
                Some(Err(error)) => (DatabaseError::from(&error), Some(error)),
                None => (DatabaseError::Timeout, None),
            };
            refusals += u32::from(matches!(failure, DatabaseError::Refused | DatabaseError::Unresolved));
            let again = failure.passes() && refusals < REFUSALS && Instant::now() + pause < deadline;
            self.note(failure);
            if let Some(error) = error.filter(|_| !again) {
                return Err(error);
            }
            // An unanswered attempt ends with the pool's own deadline for opening a connection.
            sleep(self.jitter.shortened(pause)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// At most half of the limit, so that packets lost in the first handshake do not use up all of it.
    async fn attempt(&self, config: &Config) -> Option<Result<(Client, JoinHandle<()>), Error>> {
        let _turn = self.turns.acquire().await.expect("the semaphore is never closed");
        let connect = timeout(self.limit / 2, config.connect(self.transport.clone()));
        Some(connect.await.ok()?.map(|(client, connection)| (client, self.keep(connection))))
    }

    fn note(&self, failure: DatabaseError) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), failure));
    }

    /// Runs the connection until its client is dropped. The pool aborts the returned task at the same time; that task
    /// is only a handle, so that the connection has a moment to send its termination message.
    fn keep<T: TlsStream + Unpin + Send + 'static>(
        &self,
        connection: Connection<Socket, T>,
    ) -> JoinHandle<()> {
        let (in_use, dropped) = oneshot::channel::<()>();
        let open = Open::count(self.open.clone());
        self.counters.created.add(1);
        tokio::spawn(async move {
            let _open = open;
            let mut connection = pin!(connection);
            let ended = tokio::select! {
                ended = &mut connection => ended,
                _ = dropped => timeout(FAREWELL, connection).await.unwrap_or(Ok(())),
            };
            if let Err(error) = ended {
                let error = DatabaseError::from(&error);
                if error == DatabaseError::Oversized {
                    // The statement's own error says only that the connection is closed.
                    tracing::warn!(
                        class = error.class(),
                        "a connection to the database was given up: {error}"
                    );
                } else {
                    tracing::debug!(class = error.class(), "a connection to the database ended: {error}");
                }
            }
        });
        tokio::spawn(async move {
            let _in_use = in_use;
            std::future::pending::<()>().await;
        })
    }
}

impl Connect for Dialer {
    fn connect(&self, config: &Config) -> BoxFuture<'_, Result<(Client, JoinHandle<()>), Error>> {
        Box::pin(self.dial(config.clone()))
    }
}

/// Counts one open connection.
struct Open(watch::Sender<usize>);

impl Open {
    fn count(open: watch::Sender<usize>) -> Self {
        open.send_modify(|open| *open += 1);
        Self(open)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open -= 1);
    }
}

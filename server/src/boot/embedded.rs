//! The development database: a PostgreSQL inside the process, for `cargo dev` with nothing set.

use std::fs::{self, File, TryLockError};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use pglite_oxide::PgliteProxy;
use profiles::Declaration;
use tokio::time::Instant;

use crate::boot::settings::Environment;

/// The folder of the data, ignored by git. Delete it for a new database.
const FOLDER: &str = ".plumbline/database";
/// A statement still running after this is aborted; PostgreSQL recovers at the next start.
const LONGEST_END: Duration = Duration::from_secs(2);

/// The database before its start: only its address is known.
///
/// It serves one client connection at a time, so the pool must be 1 + 0: the development profile's.
pub struct Embedded {
    listener: TcpListener,
    environment: Environment,
}

/// The running database. Its drop waits for the last session to end, within a limit.
pub struct Serving {
    address: SocketAddr,
    stopped: Arc<AtomicBool>,
    end: mpsc::Receiver<()>,
    _lock: File,
}

#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    #[error(
        "another server uses the database in {0}; stop it, or set `DATABASE_URL` to a database of your own"
    )]
    Taken(PathBuf),
    #[error("could not open the database in {0}: {1}; delete the folder to begin anew")]
    Folder(PathBuf, io::Error),
    #[error("could not listen on a loopback address for the embedded database: {0}")]
    Listen(#[from] io::Error),
    #[error("the database in {0} does not start: {1}; delete the folder to begin anew")]
    Start(PathBuf, tokio_postgres::Error),
}

impl Embedded {
    /// `Some` only in development, and only when no other database is named.
    pub fn reserve(
        declaration: &Declaration,
        environment: &Environment,
    ) -> Result<Option<Self>, EmbeddedError> {
        let variable = declaration.profile.database.url_variable.as_str();
        let development = declaration.profile.environment == profiles::Environment::Development;
        if !development || environment.get(variable).is_some() {
            return Ok(None);
        }
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("postgresql://postgres@{}/postgres?sslmode=disable", listener.local_addr()?);
        Ok(Some(Self { listener, environment: environment.clone().with(variable, url) }))
    }

    /// Adds the variable that names this database to the environment.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Returns once PostgreSQL has answered: before the service listens, so that its first health check is true.
    pub async fn start(self) -> Result<Serving, EmbeddedError> {
        let folder = Path::new(FOLDER);
        let lock = lock(folder)?;
        let address = self.listener.local_addr()?;
        let stopped = Arc::new(AtomicBool::new(false));
        let (ended, end) = mpsc::channel();
        thread::spawn({
            let stopped = Arc::clone(&stopped);
            move || {
                serve(&PgliteProxy::new(folder), &self.listener, &stopped);
                // The receiver may be gone.
                let _ = ended.send(());
            }
        });
        let serving = Serving { address, stopped, end, _lock: lock };
        let started = Instant::now();
        tracing::info!(folder = FOLDER, "starting the embedded PostgreSQL");
        first_answer(address).await.map_err(|error| EmbeddedError::Start(folder.to_owned(), error))?;
        tracing::info!(took_ms = started.elapsed().as_millis(), "the embedded PostgreSQL answers");
        Ok(serving)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // The thread blocks in `accept`: one more connection wakes it.
        let _ = TcpStream::connect(self.address);
        let _ = self.end.recv_timeout(LONGEST_END);
    }
}

async fn first_answer(address: SocketAddr) -> Result<(), tokio_postgres::Error> {
    let mut config = tokio_postgres::Config::new();
    config.host(address.ip().to_string()).port(address.port()).user("postgres").dbname("postgres");
    let (client, connection) = config.connect(tokio_postgres::NoTls).await?;
    let session = tokio::spawn(connection);
    client.simple_query("select 1").await?;
    drop(client);
    // The database accepts no other session until this one is closed.
    let _ = session.await;
    Ok(())
}

/// Serves one client. The library's own server ends for good when a client disconnects.
fn serve(proxy: &PgliteProxy, listener: &TcpListener, stopped: &AtomicBool) {
    while !stopped.load(Ordering::SeqCst) {
        if let Err(error) = proxy.accept_tcp_once(listener) {
            tracing::warn!("a session of the embedded database ended early: {error:#}");
        }
    }
}

/// Held while the process runs; the system releases it even when the process is killed.
fn lock(folder: &Path) -> Result<File, EmbeddedError> {
    let refuse = |error| EmbeddedError::Folder(folder.to_owned(), error);
    fs::create_dir_all(folder).map_err(refuse)?;
    let file = File::create(folder.join("plumbline.lock")).map_err(refuse)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(EmbeddedError::Taken(folder.to_owned())),
        Err(TryLockError::Error(error)) => Err(refuse(error)),
    }
}

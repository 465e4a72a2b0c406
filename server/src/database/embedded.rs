//! The development database: a PostgreSQL inside the process, for `cargo dev` with nothing set.

use std::fs::{self, File, TryLockError};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use pglite_oxide::PgliteProxy;
use profiles::Declaration;

use crate::Environment;

/// Git ignores it; delete it for a new database.
const FOLDER: &str = ".plumbline/database";

/// Serves one client connection at a time, so the pool must be 1 + 0: the development profile's.
pub struct Embedded {
    address: SocketAddr,
    stopped: Arc<AtomicBool>,
    serving: JoinHandle<()>,
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
    Listen(io::Error),
}

impl Embedded {
    /// Only in development, and only when nothing else is named.
    pub fn is_wanted(declaration: &Declaration, environment: &Environment) -> bool {
        let variable = declaration.profile.database.url_variable.as_str();
        declaration.profile.environment == profiles::Environment::Development
            && environment.get(variable).is_none()
    }

    /// Listens at once; the first connection waits until PostgreSQL has started.
    pub fn start() -> Result<Self, EmbeddedError> {
        Self::start_in(Path::new(FOLDER))
    }

    pub fn start_in(folder: &Path) -> Result<Self, EmbeddedError> {
        let lock = lock(folder)?;
        let listener = TcpListener::bind("127.0.0.1:0").map_err(EmbeddedError::Listen)?;
        let address = listener.local_addr().map_err(EmbeddedError::Listen)?;
        let stopped = Arc::new(AtomicBool::new(false));
        let proxy = PgliteProxy::new(folder);
        let serving = thread::spawn({
            let stopped = Arc::clone(&stopped);
            move || serve(&proxy, &listener, &stopped)
        });
        tracing::info!(folder = %folder.display(), "an embedded PostgreSQL keeps the data");
        Ok(Self { address, stopped, serving, _lock: lock })
    }

    pub fn url(&self) -> String {
        format!("postgresql://postgres@{}/postgres?sslmode=disable", self.address)
    }

    /// Waits until the last client's session is closed and on disk. Close the clients first.
    pub fn stop(self) {
        self.stopped.store(true, Ordering::SeqCst);
        // The thread waits in `accept`: one more connection wakes it.
        let _ = TcpStream::connect(self.address);
        let _ = self.serving.join();
    }
}

/// The library's own server ends for good when one client breaks off; so each client is served on its own.
fn serve(proxy: &PgliteProxy, listener: &TcpListener, stopped: &AtomicBool) {
    while !stopped.load(Ordering::SeqCst) {
        if let Err(error) = proxy.accept_tcp_once(listener) {
            tracing::warn!("a session of the embedded database ended early: {error:#}");
        }
    }
}

/// Held for as long as the process runs, and let go by the system even when it is killed.
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

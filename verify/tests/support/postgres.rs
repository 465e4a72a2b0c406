//! A PostgreSQL of a test's own.

use std::path::{Path, PathBuf};

use pgtemp::PgTempDB;
use verify::port::Port;

/// PostgreSQL is started and stopped off the runtime's thread: both block.
pub(crate) async fn database() -> PgTempDB {
    let start = || {
        let port = Port::take().expect("a port is free");
        let builder = PgTempDB::builder().with_dbname("app").with_password("n7Jq0Zt5wX");
        builder.with_bin_path(programs()).with_port(port.number()).start()
    };
    // pgtemp panics when PostgreSQL takes longer than a second or two, as it may on a busy machine.
    match tokio::task::spawn_blocking(start).await {
        Ok(database) => database,
        Err(_) => tokio::task::spawn_blocking(start).await.expect("PostgreSQL starts"),
    }
}

/// Where PostgreSQL's programs are: sudo, which pgtemp uses as root, has a search path of its own.
fn programs() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let initdb =
        std::env::split_paths(&path).map(|folder| folder.join("initdb")).find(|program| program.exists());
    // A link on PATH leads to the folder that has the others too.
    let initdb = initdb.and_then(|program| program.canonicalize().ok());
    let folder = initdb.as_deref().and_then(Path::parent);
    folder.expect("initdb is on PATH: scripts/test sees to it").to_owned()
}

pub(crate) async fn stop(database: PgTempDB) {
    tokio::task::spawn_blocking(|| database.shutdown()).await.expect("PostgreSQL stops");
}

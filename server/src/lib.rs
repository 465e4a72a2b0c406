//! Enforces a profile: a hand-rolled hyper service that keeps what the profile promises.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let today = jiff::civil::date(2026, 1, 1);
//! let declaration = profiles::Declaration::load("production", today)?;
//! let environment = server::Environment::new([("DATABASE_URL", "postgresql://app:n7Jq0Zt5@localhost/app")]);
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let running = server::start(&declaration, &environment, listener)?;
//! println!("http://{}/health", running.local_addr());
//! running.stop().await;
//! # Ok(())
//! # }
//! ```

mod app;
pub mod arguments;
pub mod boot;
mod client;
mod connection;
mod context;
mod cors;
mod cross_site;
mod current;
pub mod database;
mod decisions;
mod drain;
mod framing;
#[doc(hidden)]
pub mod fuzz;
mod head;
mod limits;
pub mod listener;
mod metrics;
mod path;
mod rate;
mod record;
mod refusal;
mod reply;
mod request_id;
mod router;
mod routes;
mod running;
mod secret;
mod socket;
mod stamp;
pub mod telemetry;
mod timestamp;
mod trace;

pub use boot::{Environment, Refused};
pub use context::{Context, Glance};
#[doc(hidden)]
pub use decisions::Decisions;
pub use drain::Signals;
pub use head::Head;
pub use refusal::Refusal;
pub use reply::Reply;
pub use router::Conflict;
pub use routes::{Handler, Kind, ROUTES, Route, Served};
pub use running::{Drained, Running, StartError};
pub use secret::Secret;
pub use trace::Trace;

use profiles::Declaration;
use tokio::net::TcpListener;

/// Serves the profile on a listener of the caller's; `PORT` is not asked for.
pub fn start(
    declaration: &Declaration,
    environment: &Environment,
    listener: TcpListener,
) -> Result<Running, Error> {
    start_with(declaration, environment, listener, ROUTES)
}

/// Like [`start`], with routes of the caller's: how a test brings a handler that is slow or panics.
pub fn start_with(
    declaration: &Declaration,
    environment: &Environment,
    listener: TcpListener,
    routes: &'static [&'static Route],
) -> Result<Running, Error> {
    let settings = boot::Settings::gather(declaration, environment)?;
    Ok(Running::start(settings, routes, listener)?)
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(transparent)]
    Start(#[from] StartError),
}

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
pub mod boot;
mod connection;
pub mod database;
#[doc(hidden)]
pub mod fuzz;
mod observe;
mod policy;
mod request;
mod response;
mod routes;
mod service;

pub use boot::secret::Secret;
pub use boot::{Environment, Refused};
pub use connection::listener;
pub use connection::serve::{Drained, Running, StartError};
pub use observe::log;
pub use observe::route_label::RouteKind;
#[doc(hidden)]
pub use policy::Policy;
pub use request::head::Head;
pub use request::trace::Trace;
pub use response::refusal::Refusal;
pub use response::reply::Reply;
pub use routes::ROUTES;
pub use routes::context::Context;
pub use routes::health::ROUTE as HEALTH;
pub use routes::livez::ROUTE as LIVEZ;
pub use routes::route::{Handler, Route, Served};
pub use routes::router::Conflict;
pub use service::Service;
pub use service::drain::Signals;

use profiles::Declaration;
use tokio::net::TcpListener;

/// Serves the profile on the caller's listener; `PORT` is not read.
pub fn start(
    declaration: &Declaration,
    environment: &Environment,
    listener: TcpListener,
) -> Result<Running, Error> {
    start_with(declaration, environment, listener, ROUTES)
}

/// Like [`start`], with routes of the caller: for tests with a handler that is slow or panics.
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

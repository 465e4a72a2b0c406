//! Declares how a deployment must behave: one TOML file per environment, typed, linted and documented.
//!
//! Pure: no async, no network, no environment. The one effect is [`Declaration::load`], which reads the
//! profile file that it is given.

mod credentials;
mod declaration;
mod grammar;
mod invalid;
mod network;
mod origin;
mod problem;
mod profile;
mod read;
pub mod reference;
mod rule;
mod rules;
mod schema;
mod source;
mod text;
mod units;

pub use credentials::{hide as hide_credentials, unmistakable_credential};
pub use declaration::{Declaration, EMBEDDED, LoadError, Refused};
pub use invalid::Invalid;
pub use network::Network;
pub use origin::{Host, Origin, Scheme};
pub use problem::{Level, Place, Problem};
pub use profile::{
    ClientIp, Contract, Cors, Database, Deployment, Docs, Drill, Edge, Environment, ErrorFormat, Family,
    Health, Http2, Launch, Load, Metrics, PlainHttp, Platform, Pool, PoolMode, Profile, Secrets, Server,
    TlsPolicy, Verify, Waiver,
};
pub use rule::{RULES, Rule};
pub use source::{Location, Source};
pub use text::{CheckId, FieldName, Method, Path, Variable};
pub use units::{Duration, Size};

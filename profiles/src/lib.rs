//! Declares how a deployment must behave: one TOML file per environment, typed, linted and documented.
//!
//! Pure: no async, no network, no environment. The one effect is [`Declaration::load`], which reads the
//! profile file that it is given.

mod credentials;
mod declaration;
mod profile;
mod reader;
pub mod reference;
mod rule;
mod rules;
mod values;

pub use credentials::{hide as hide_credentials, unmistakable_credential};
pub use declaration::{Declaration, EMBEDDED, LoadError, Refused};
pub use profile::{
    ClientIp, Contract, Cors, Database, Deployment, Docs, Drill, Edge, Environment, ErrorFormat, Family,
    Health, Http2, Launch, Load, Metrics, PlainHttp, Platform, Pool, PoolMode, Profile, Secrets, Server,
    TlsPolicy, Verify, Waiver,
};
pub use reader::{Level, Location, Place, Problem, Source};
pub use rule::Rule;
pub use rules::RULES;
pub use values::{
    CheckId, Duration, FieldName, Host, Invalid, Method, Network, Origin, Path, Scheme, Size, Variable,
};

//! Declares how a deployment must behave: one TOML file per environment, typed, linted and documented.
//!
//! Pure: no async, no network, no environment. The one effect is reading a file that the user names: [`Declaration::load`]
//! and [`read_file`].

mod credentials;
mod declaration;
mod file;
mod profile;
mod reader;
pub mod reference;
mod rule;
mod rules;
mod values;

pub use credentials::{hide as hide_credentials, unmistakable_credential};
pub use declaration::{Declaration, EMBEDDED, LoadError, Refused};
pub use file::read_file;
pub use profile::{
    ClientIp, Contract, Cors, Database, Deployment, Docs, Drill, Edge, Environment, ErrorFormat, Family,
    Health, Http2, Launch, Limits, Load, Metrics, PlainHttp, Platform, Pool, PoolMode, Profile, Secrets,
    Server, TlsPolicy, Verify, Waiver,
};
pub use reader::{Level, Location, Place, Problem, Source};
pub use rule::Rule;
pub use rules::RULES;
pub use values::{
    CheckId, Delay, Duration, FieldName, Host, Invalid, Method, Network, Origin, Path, Scheme, Size, Variable,
};

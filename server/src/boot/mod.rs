//! From arguments, environment and secrets to settings, or every mistake at once.

pub mod arguments;
#[cfg_attr(not(feature = "embedded-postgres"), path = "not_embedded.rs")]
pub mod embedded;
pub(crate) mod secret;
pub(crate) mod settings;

pub use settings::{DeclarationError, Environment, Mistake, Refused, Settings, declaration};

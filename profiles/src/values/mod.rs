//! Values with a grammar of their own: parsed once, the type is the proof.

pub(crate) mod invalid;
mod network;
mod origin;
mod text;
mod units;

pub use invalid::Invalid;
pub use network::Network;
pub use origin::{Host, Origin, Scheme};
pub use text::{CheckId, FieldName, Method, Path, Variable};
pub use units::{Delay, Duration, Size};

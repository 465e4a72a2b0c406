//! From a declaration to questions, and from evidence to verdicts.

pub mod plan;
pub mod responder;
mod verdicts;

pub use verdicts::{Judgement, judge, obstacle};

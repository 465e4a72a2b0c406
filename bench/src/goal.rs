//! The goals of the service: some absolute, most relative to a peer.

use std::fmt;

use crate::contender::Contender;
use crate::table::Measured;

pub(crate) struct Goal {
    pub(crate) column: usize,
    /// The goal is then for the ratio.
    pub(crate) against: Option<Contender>,
    bound: Bound,
}

enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Goal {
    pub(crate) const fn at_most(column: usize, most: f64) -> Self {
        Self { column, against: None, bound: Bound::AtMost(most) }
    }

    pub(crate) const fn at_least(column: usize, least: f64) -> Self {
        Self { column, against: None, bound: Bound::AtLeast(least) }
    }

    pub(crate) const fn times(self, peer: Contender) -> Self {
        Self { against: Some(peer), ..self }
    }

    /// Compared by the median.
    pub(crate) fn judge(&self, what: &'static str, measured: &Measured) -> Line {
        let column = &measured.columns[self.column];
        let (figure, digits) = match self.against {
            Some(against) => (measured.ratio_title(self.column, against), 2),
            None => (column.title.to_owned(), column.digits),
        };
        let seen = measured.spread(self.column, Contender::Ours, self.against);
        let (goal, is_reached) = match self.bound {
            Bound::AtMost(most) => (format!("≤ {most}"), seen.median() <= most),
            Bound::AtLeast(least) => (format!("≥ {least}"), seen.median() >= least),
        };
        Line { what, figure, seen: seen.text(digits), goal, is_reached }
    }
}

/// A goal and the measured figure.
pub(crate) struct Line {
    what: &'static str,
    figure: String,
    seen: String,
    goal: String,
    is_reached: bool,
}

impl Line {
    pub(crate) fn is_reached(&self) -> bool {
        self.is_reached
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, figure, seen, goal, is_reached } = self;
        let outcome = if *is_reached { "reached" } else { "missed" };
        write!(f, "| `{what}` | {figure} | {seen} | {goal} | {outcome} |")
    }
}

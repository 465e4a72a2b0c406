//! The name of a route in the log and the metrics.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RouteLabel {
    /// Its index in the table of routes.
    pub(crate) index: usize,
    pub(crate) kind: RouteKind,
}

/// The kind of the route's clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteKind {
    Api,
    /// Machines, every few seconds: a success is not logged.
    Probe,
}

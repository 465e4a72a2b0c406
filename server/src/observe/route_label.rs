//! A route as the log and the metrics name it.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RouteLabel {
    /// Its place in the table of routes.
    pub(crate) index: usize,
    pub(crate) kind: RouteKind,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteKind {
    Api,
    /// Machines, every few seconds: a success is not worth a line in the log.
    Probe,
}

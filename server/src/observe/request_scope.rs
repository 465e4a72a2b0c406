//! The request that is being answered, for every line that is logged meanwhile.

use std::cell::Cell;

use http::HeaderValue;
use tokio::task_local;

use crate::request::trace::{Parent, TraceId};

task_local! {
    static CURRENT: Current;
}

/// What tells a request's lines from those of others.
pub(crate) struct Current {
    id: HeaderValue,
    trace: Cell<Option<TraceId>>,
}

impl Current {
    pub(crate) fn new(id: HeaderValue, parent: Option<Parent>) -> Self {
        Self { id, trace: Cell::new(parent.map(|parent| parent.id())) }
    }

    /// While the future runs, and while it is dropped, lines are this request's.
    pub(crate) fn scope<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(self, work)
    }

    /// The same for what needs no future.
    pub(crate) fn within<T>(self, work: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self, work)
    }

    /// Another service has been told of the trace, so its lines and ours are found by it.
    pub(crate) fn joins(trace: TraceId) {
        // A task that a handler has spawned is no longer the request's.
        let _ = CURRENT.try_with(|current| current.trace.set(Some(trace)));
    }

    /// The request id, and the trace where there is one.
    pub(crate) fn read() -> Option<(String, Option<TraceId>)> {
        let id = |current: &Self| current.id.to_str().unwrap_or_default().to_owned();
        CURRENT.try_with(|current| (id(current), current.trace.get())).ok()
    }
}

//! The request that is being answered, for every line that is logged meanwhile.

use std::cell::Cell;

use http::HeaderValue;
use tokio::task_local;

use crate::request::trace::{Parent, TraceId};

task_local! {
    static REQUEST: RequestScope;
}

/// What tells a request's lines from those of others.
pub(crate) struct RequestScope {
    id: HeaderValue,
    trace: Cell<Option<TraceId>>,
}

impl RequestScope {
    pub(crate) fn new(id: HeaderValue, parent: Option<Parent>) -> Self {
        Self { id, trace: Cell::new(parent.map(|parent| parent.id())) }
    }

    /// While the future runs, and while it is dropped, lines are this request's.
    pub(crate) fn run<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        REQUEST.scope(self, work)
    }

    /// The same for what needs no future.
    pub(crate) fn run_sync<T>(self, work: impl FnOnce() -> T) -> T {
        REQUEST.sync_scope(self, work)
    }

    /// Another service has been told of the trace, so its lines and ours are found by it.
    pub(crate) fn joins(trace: TraceId) {
        // A task that a handler has spawned is no longer the request's.
        let _ = REQUEST.try_with(|scope| scope.trace.set(Some(trace)));
    }

    /// The request id, and the trace where there is one.
    pub(crate) fn read() -> Option<(String, Option<TraceId>)> {
        let id = |scope: &Self| scope.id.to_str().unwrap_or_default().to_owned();
        REQUEST.try_with(|scope| (id(scope), scope.trace.get())).ok()
    }
}

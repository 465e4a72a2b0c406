//! The current request, for the lines that are logged while it is answered.

use std::cell::Cell;

use http::HeaderValue;
use tokio::task_local;

use crate::request::trace::{Parent, TraceId};

task_local! {
    static REQUEST: RequestScope;
}

/// The ids that identify a request's lines.
pub(crate) struct RequestScope {
    id: HeaderValue,
    trace: Cell<Option<TraceId>>,
}

impl RequestScope {
    pub(crate) fn new(id: HeaderValue, parent: Option<Parent>) -> Self {
        Self { id, trace: Cell::new(parent.map(|parent| parent.id())) }
    }

    /// Lines belong to this request while the future runs or is dropped.
    pub(crate) fn run<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        REQUEST.scope(self, work)
    }

    /// The same for a function.
    pub(crate) fn run_sync<T>(self, work: impl FnOnce() -> T) -> T {
        REQUEST.sync_scope(self, work)
    }

    /// Adds the trace once it has been sent to another service, so that both services' lines are found by it.
    pub(crate) fn joins(trace: TraceId) {
        // A task that a handler spawned is outside the request's scope.
        let _ = REQUEST.try_with(|scope| scope.trace.set(Some(trace)));
    }

    /// The request id, and the trace if there is one.
    pub(crate) fn read() -> Option<(String, Option<TraceId>)> {
        let id = |scope: &Self| scope.id.to_str().unwrap_or_default().to_owned();
        REQUEST.try_with(|scope| (id(scope), scope.trace.get())).ok()
    }
}

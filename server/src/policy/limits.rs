//! How many requests are handled at once: what is beyond that is refused at once, for a queue only makes all of
//! them late.

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::response::refusal::Refusal;

pub(crate) struct Limits {
    requests: Semaphore,
}

/// A place among the requests that are handled. Dropped, however the request ends, it is free again.
pub(crate) type Permit<'l> = SemaphorePermit<'l>;

impl Limits {
    pub(crate) fn new(max_requests: u32) -> Self {
        let most = usize::try_from(max_requests).unwrap_or(Semaphore::MAX_PERMITS);
        Self { requests: Semaphore::new(most) }
    }

    /// Held for as long as a body is read and its handler works. Nobody waits for a place.
    pub(crate) fn enter(&self) -> Result<Permit<'_>, Refusal> {
        self.requests.try_acquire().map_err(|_| Refusal::overloaded())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_request_ends() {
        let limits = Limits::new(2);
        let (one, other) = (limits.enter().unwrap(), limits.enter().unwrap());
        assert_eq!(limits.enter().map(drop).unwrap_err().status(), 503);
        drop(one);
        let again = limits.enter().unwrap();
        assert!(limits.enter().is_err());
        drop((other, again));
    }
}

//! How many requests are handled at once. Excess requests are refused immediately: a queue would make all of them late.

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::response::refusal::Refusal;

pub(crate) struct Limits {
    requests: Semaphore,
}

/// A permit to handle one request. Its drop releases it, whether the request completes, fails or is cancelled.
pub(crate) type Permit<'l> = SemaphorePermit<'l>;

impl Limits {
    pub(crate) fn new(max_requests: u32) -> Self {
        let most = usize::try_from(max_requests).unwrap_or(Semaphore::MAX_PERMITS);
        Self { requests: Semaphore::new(most) }
    }

    /// Held while the body is read and the handler runs. There is no queue for permits.
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

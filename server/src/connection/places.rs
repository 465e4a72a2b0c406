//! Places for connections: a permit each, and the connection that is closed when none is free.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::boot::settings::RESERVE;

/// The longest that a connection of the reserve may take to begin its request, and to send its head. A platform's
/// health check sends it at once; a slow client would keep others out.
pub(crate) const RESERVE_HEAD: Duration = Duration::from_secs(1);

/// All places, and the connections that are idle.
pub(crate) struct Places {
    regular: Arc<Semaphore>,
    reserve: Arc<Semaphore>,
    /// Idle connections by the start of their idle time, as last seen. One that has served a request since then is
    /// re-sorted only when its turn comes, so that a request costs no search.
    waiting: Mutex<BTreeMap<Key, Arc<Seat>>>,
    numbers: AtomicU64,
}

type Key = (Instant, u64);

/// A connection's state that others see.
struct Seat {
    number: u64,
    state: Mutex<State>,
    told: Notify,
}

#[derive(Default)]
struct State {
    waits_since: Option<Instant>,
    /// Its position among the idle ones.
    key: Option<Key>,
    is_told: bool,
}

/// A connection's place; its drop frees it.
pub(crate) struct Place {
    places: Arc<Places>,
    seat: Arc<Seat>,
    /// A place of the reserve, for one request.
    is_extra: bool,
    _permit: OwnedSemaphorePermit,
}

impl Places {
    pub(crate) fn new(max_connections: u32) -> Arc<Self> {
        let semaphore = |most: u32| {
            let most = usize::try_from(most).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
            Arc::new(Semaphore::new(most))
        };
        Arc::new(Self {
            regular: semaphore(max_connections),
            reserve: semaphore(RESERVE),
            waiting: Mutex::default(),
            numbers: AtomicU64::default(),
        })
    }

    /// Acquires a place of the reserve before a connection is accepted: excess connections wait in the kernel backlog.
    pub(crate) async fn reserve(&self) -> OwnedSemaphorePermit {
        Arc::clone(&self.reserve).acquire_owned().await.expect("the semaphore is never closed")
    }

    /// A regular place for the new connection, or else the reserved one; then the connection that is idle longest is
    /// closed, if there is one (RFC 9112 section 9.5).
    pub(crate) fn take(self: &Arc<Self>, reserved: OwnedSemaphorePermit) -> Place {
        if let Ok(permit) = Arc::clone(&self.regular).try_acquire_owned() {
            return self.place(permit, false);
        }
        self.end_longest();
        self.place(reserved, true)
    }

    /// Waits for a regular place.
    pub(crate) async fn regular(self: &Arc<Self>) -> Place {
        let permit = Arc::clone(&self.regular).acquire_owned().await.expect("the semaphore is never closed");
        self.place(permit, false)
    }

    fn place(self: &Arc<Self>, permit: OwnedSemaphorePermit, is_extra: bool) -> Place {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let seat = Arc::new(Seat { number, state: Mutex::default(), told: Notify::new() });
        Place { places: Arc::clone(self), seat, is_extra, _permit: permit }
    }

    fn end_longest(&self) {
        let mut waiting = lock(&self.waiting);
        while let Some(((filed, number), seat)) = waiting.pop_first() {
            let mut state = lock(&seat.state);
            state.key = None;
            match state.waits_since {
                // It serves a request, and is re-inserted when it is idle again.
                None => {}
                Some(since) if since > filed => {
                    state.key = Some((since, number));
                    drop(state);
                    waiting.insert((since, number), seat);
                }
                Some(_) => {
                    state.is_told = true;
                    seat.told.notify_one();
                    return;
                }
            }
        }
    }
}

impl Place {
    /// Marks the connection as idle until its client sends bytes.
    pub(crate) fn waits(&self) {
        let since = Instant::now();
        let is_filed = {
            let mut state = lock(&self.seat.state);
            state.waits_since = Some(since);
            state.key.is_some() || state.is_told
        };
        if self.is_extra || is_filed {
            return;
        }
        let mut waiting = lock(&self.places.waiting);
        lock(&self.seat.state).key = Some((since, self.seat.number));
        waiting.insert((since, self.seat.number), Arc::clone(&self.seat));
    }

    /// Marks the connection as active: its client has sent bytes.
    pub(crate) fn works(&self) {
        lock(&self.seat.state).waits_since = None;
    }

    pub(crate) const fn is_extra(&self) -> bool {
        self.is_extra
    }

    /// A regular place for a request of the reserve until it is answered, if one is free by now.
    pub(crate) fn regular(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places.regular).try_acquire_owned().ok()
    }

    /// Whether another connection needs this place: this one is closed or, if a request has arrived meanwhile, ends
    /// after its answer.
    pub(crate) fn is_wanted(&self) -> bool {
        lock(&self.seat.state).is_told
    }

    /// Waits until another connection needs this place.
    pub(crate) async fn wanted(&self) {
        self.seat.told.notified().await;
    }

    /// Whether the next answer is the last.
    pub(crate) fn ends(&self) -> bool {
        self.is_extra || self.is_wanted()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut waiting = lock(&self.places.waiting);
        let key = lock(&self.seat.state).key.take();
        if let Some(key) = key {
            waiting.remove(&key);
        }
    }
}

/// Ignores poisoning: a panic cannot leave the data behind these locks inconsistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

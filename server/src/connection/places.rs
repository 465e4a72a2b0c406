//! Places for connections, and which connection gives its place up when there are none left.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::boot::settings::RESERVE;

/// The longest that a connection of the reserve may take to begin its request, and to send its head. A health check of
/// a platform sends it at once; a client that does not keeps others out.
pub(crate) const RESERVE_HEAD: Duration = Duration::from_secs(1);

/// All places, and who waits in them for the client.
pub(crate) struct Places {
    regular: Arc<Semaphore>,
    reserve: Arc<Semaphore>,
    /// By the time since which they have waited, when they were last looked at. What has worked since then is found
    /// when its turn comes, and put where it belongs: a request costs no search.
    waiting: Mutex<BTreeMap<Key, Arc<Seat>>>,
    numbers: AtomicU64,
}

type Key = (Instant, u64);

/// A connection, as the others see it.
struct Seat {
    number: u64,
    state: Mutex<State>,
    told: Notify,
}

#[derive(Default)]
struct State {
    waits_since: Option<Instant>,
    /// Where it stands among the waiting ones.
    key: Option<Key>,
    is_told: bool,
}

/// A connection's place; dropped, it is free again.
pub(crate) struct Place {
    places: Arc<Places>,
    seat: Arc<Seat>,
    /// In the reserve: for one request.
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

    /// One place in the reserve, to be held while a connection is accepted: excess connections wait in the kernel.
    pub(crate) async fn reserve(&self) -> OwnedSemaphorePermit {
        Arc::clone(&self.reserve).acquire_owned().await.expect("the semaphore is never closed")
    }

    /// A regular place for the connection that has come, or the one in the reserve; then the connection that has waited
    /// longest is closed, if one waits (RFC 9112 section 9.5).
    pub(crate) fn take(self: &Arc<Self>, reserved: OwnedSemaphorePermit) -> Place {
        if let Ok(permit) = Arc::clone(&self.regular).try_acquire_owned() {
            return self.place(permit, false);
        }
        self.end_longest();
        self.place(reserved, true)
    }

    /// A regular place, as soon as one is free.
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
                // It works, and is filed when it waits again.
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
    /// The connection has nothing to do until its client is heard.
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

    /// Its client has been heard.
    pub(crate) fn works(&self) {
        lock(&self.seat.state).waits_since = None;
    }

    pub(crate) const fn is_extra(&self) -> bool {
        self.is_extra
    }

    /// For a request of the reserve: a regular place until it is answered, if one is free by now.
    pub(crate) fn regular(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places.regular).try_acquire_owned().ok()
    }

    /// Whether this place is wanted by another: the connection is closed or, where a request has come meanwhile, ends
    /// with its answer.
    pub(crate) fn is_wanted(&self) -> bool {
        lock(&self.seat.state).is_told
    }

    /// Returns when this place is wanted.
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

/// No panic leaves what is behind these locks half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

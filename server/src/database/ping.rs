//! Whether the database answers: one query for all concurrent callers, with an answer within the budget.

use std::mem;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, Sleep, sleep, sleep_until, timeout, timeout_at};
use tokio_postgres::error::SqlState;

use super::pool::connections::Connections;
use super::{Database, DatabaseError};

/// Whether a real query was answered within the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PingResult {
    Connected,
    /// It was answered, but the database is read-only and the profile promises writes.
    ReadOnly,
    Disconnected,
}

/// The question to the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// Whether it answers.
    Answers,
    /// Whether it answers and accepts writes.
    TakesWrites,
}

/// From this many callers on, an answer is also given to callers that arrive within this time after it: simultaneous
/// requests are read off their sockets one by one. A single caller always starts a new query.
const CROWD: usize = 32;
const LINGER: Duration = Duration::from_millis(50);
/// The longest wait for one connection before a fresh one is asked: recovery is noticed within this time, also if the
/// previous connection never answers.
const PATIENCE: Duration = Duration::from_millis(600);

/// Queries in a task of its own, so that a cancelled caller cannot cancel the query or leave a stale result.
pub(crate) struct Ping {
    queue: Arc<Queue>,
    counts: Arc<PingCounts>,
    asking: JoinHandle<()>,
}

/// Shared by the callers and the task that queries.
#[derive(Default)]
struct Queue {
    callers: Mutex<Callers>,
    wanted: Notify,
}

#[derive(Default)]
struct Callers {
    /// Callers that wait for the current or the next query.
    waiting: Vec<oneshot::Sender<PingResult>>,
    /// The last answer to a crowd, and its time.
    crowds: Option<(PingResult, Instant)>,
}

/// How often each was the result of a query; the counts only grow.
#[derive(Default)]
pub(crate) struct PingCounts {
    connected: AtomicU64,
    read_only: AtomicU64,
    disconnected: AtomicU64,
}

/// Makes the statement's own transaction writable: this changes nothing if it is writable already, and PostgreSQL
/// refuses it otherwise ("SET TRANSACTION": not after the first query, and never on a standby). So no row need be read.
const ASK_TO_WRITE: &str = "select set_config('transaction_read_only', 'off', true)";
const REFUSALS: [SqlState; 2] = [SqlState::ACTIVE_SQL_TRANSACTION, SqlState::FEATURE_NOT_SUPPORTED];

impl Question {
    pub(crate) fn of(health: &profiles::Health) -> Self {
        if health.writes == Some(true) { Self::TakesWrites } else { Self::Answers }
    }

    fn sql(self) -> &'static str {
        match self {
            Self::Answers => "select 1",
            Self::TakesWrites => ASK_TO_WRITE,
        }
    }

    /// Whether the answer says that the session is read-only.
    fn is_refused(self, error: &tokio_postgres::Error) -> bool {
        self == Self::TakesWrites && error.code().is_some_and(|code| REFUSALS.contains(code))
    }
}

impl Ping {
    pub(crate) fn new(database: Arc<Database>, question: Question, budget: Duration) -> Self {
        let (queue, counts) = (Arc::<Queue>::default(), Arc::<PingCounts>::default());
        let asking = tokio::spawn(serve(database, question, budget, Arc::clone(&queue), Arc::clone(&counts)));
        Self { queue, counts, asking }
    }

    pub(crate) async fn ask(&self) -> PingResult {
        let answer = {
            let mut callers = self.queue.callers();
            if let Some((result, since)) = callers.crowds {
                if since.elapsed() < LINGER {
                    return result;
                }
                callers.crowds = None;
            }
            let (caller, answer) = oneshot::channel();
            callers.waiting.push(caller);
            if callers.waiting.len() == 1 {
                self.queue.wanted.notify_one();
            }
            answer
        };
        // The task has ended with the service, so the state of the database is unknown.
        answer.await.unwrap_or(PingResult::Disconnected)
    }

    pub(crate) fn counts(&self) -> &PingCounts {
        &self.counts
    }
}

impl Drop for Ping {
    fn drop(&mut self) {
        self.asking.abort();
    }
}

impl Queue {
    fn callers(&self) -> MutexGuard<'_, Callers> {
        self.callers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers all waiting callers: until then they share the current query.
    fn answer(&self, result: PingResult, told: &mut Vec<oneshot::Sender<PingResult>>) {
        {
            let mut callers = self.callers();
            mem::swap(&mut callers.waiting, told);
            callers.crowds = (told.len() >= CROWD).then(|| (result, Instant::now()));
        }
        for caller in told.drain(..) {
            // A cancelled caller needs no answer.
            let _ = caller.send(result);
        }
    }
}

impl PingCounts {
    fn count(&self, result: PingResult) {
        let count = match result {
            PingResult::Connected => &self.connected,
            PingResult::ReadOnly => &self.read_only,
            PingResult::Disconnected => &self.disconnected,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn connected(&self) -> u64 {
        self.connected.load(Ordering::Relaxed)
    }

    pub(crate) fn read_only(&self) -> u64 {
        self.read_only.load(Ordering::Relaxed)
    }

    pub(crate) fn disconnected(&self) -> u64 {
        self.disconnected.load(Ordering::Relaxed)
    }
}

/// Queries one after the other, as long as callers wait.
async fn serve(
    database: Arc<Database>,
    question: Question,
    budget: Duration,
    queue: Arc<Queue>,
    counts: Arc<PingCounts>,
) {
    let (mut alarm, mut told) = (Alarm::default(), Vec::new());
    loop {
        queue.wanted.notified().await;
        // Pinned in place: moving a future of this size copies it.
        let asked = pin!(ask(&database, question, budget, &mut alarm));
        let result = match AssertUnwindSafe(asked).catch_unwind().await {
            Ok(Ok(())) => PingResult::Connected,
            Ok(Err(error)) => {
                tracing::warn!(
                    sum_by = error.class(),
                    class = error.class(),
                    database = database.place(),
                    "no healthy database: {error}"
                );
                if error == DatabaseError::ReadOnly { PingResult::ReadOnly } else { PingResult::Disconnected }
            }
            // The panic hook has logged it.
            Err(_panic) => PingResult::Disconnected,
        };
        counts.count(result);
        queue.answer(result, &mut told);
    }
}

/// A timer for many waits of which most end early. Setting a timer that is due before all others costs a system call,
/// so this one keeps its time until it is due, and only then is set to the current wait's.
struct Alarm(Pin<Box<Sleep>>);

impl Default for Alarm {
    fn default() -> Self {
        Self(Box::pin(sleep(Duration::ZERO)))
    }
}

impl Alarm {
    async fn until(&mut self, when: Instant) {
        loop {
            if self.0.is_elapsed() || self.0.deadline() > when {
                self.0.as_mut().reset(when);
            }
            self.0.as_mut().await;
            if self.0.deadline() == when {
                return;
            }
        }
    }
}

/// Queries through the pool, as a request would. If that takes long, because every connection is in use or the queried
/// one is silent, the reserve is queried too; the first answer counts.
async fn ask(
    database: &Database,
    question: Question,
    budget: Duration,
    alarm: &mut Alarm,
) -> Result<(), DatabaseError> {
    let asked = Instant::now();
    let end = asked + budget;
    // Read before this query takes a place itself.
    let busy = database.requests.is_full();
    let pool = through(&database.requests, question, end);
    let reserve = async {
        if !busy {
            alarm.until(asked + PATIENCE.min(budget)).await;
        }
        // Boxed, as it is seldom needed: otherwise every query would carry its size.
        let answers = Box::pin(until_it_answers(&database.reserve, question, end));
        timeout_at(end, answers).await.unwrap_or(Err(DatabaseError::Timeout))
    };
    tokio::pin!(reserve);
    // No wait here exceeds `end`, so no timer is needed.
    let answer = tokio::select! {
        biased;
        // Busy, which says nothing about the database: the reserve decides.
        answer = pool => if answer == Err(DatabaseError::Exhausted) { reserve.await } else { answer },
        answer = &mut reserve => answer,
    };
    let connections = if busy { &database.reserve } else { &database.requests };
    answer.map_err(|error| connections.explain(error, asked))
}

/// One query, repeated while it meets a pooled connection that has died since its last use or that predates a change of
/// the database's state: such a connection says nothing about the database.
async fn through(connections: &Connections, question: Question, end: Instant) -> Result<(), DatabaseError> {
    loop {
        let lease = connections.checkout(end).await?;
        let used = lease.is_used();
        // No timer: the caller has its own deadline, and a dropped lease is settled.
        let answer = match lease.client().batch_execute(question.sql()).await {
            Err(error) if question.is_refused(&error) => lease.evict(),
            answer => lease.settle(Ok(answer)),
        };
        match answer {
            Err(DatabaseError::Lost(_) | DatabaseError::Ended | DatabaseError::ReadOnly) if used => {}
            answer => return answer,
        }
    }
}

/// Repeats the query, each time over a fresh connection and without waiting for the previous one.
async fn until_it_answers(
    connections: &Connections,
    question: Question,
    end: Instant,
) -> Result<(), DatabaseError> {
    loop {
        let next = Instant::now() + PATIENCE;
        if let Ok(answer @ (Ok(()) | Err(DatabaseError::ReadOnly))) =
            timeout(PATIENCE, through(connections, question, end)).await
        {
            return answer;
        }
        sleep_until(next).await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;
    use tokio::net::TcpListener;
    use tokio::time::sleep;

    use super::*;
    use crate::database::access::DatabaseAccess;
    use crate::database::url::Address;

    const BUDGET: Duration = Duration::from_millis(300);

    /// A database that accepts connections and never answers.
    async fn silent(size: u32) -> (TcpListener, Arc<Database>) {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("postgresql://app@{}/app", silent.local_addr().unwrap());
        let profile =
            variants::production().with("pool.size", size).with("pool.overflow", 0).declaration().profile;
        let access = DatabaseAccess::to(Address::parse(&url, &profile.database).unwrap()).unwrap();
        (silent, Arc::new(Database::new(&profile, &access)))
    }

    #[tokio::test]
    async fn a_thousand_callers_share_one_flight() {
        let (silent, database) = silent(10).await;
        let ping = Ping::new(database, Question::TakesWrites, BUDGET);
        assert_eq!(join_all((0..1_000).map(|_| ping.ask())).await, [PingResult::Disconnected; 1_000]);
        silent.accept().await.unwrap();
        assert!(silent.accept().now_or_never().is_none(), "one connection was opened");
    }

    #[tokio::test]
    async fn a_caller_who_goes_away_leaves_the_question_to_the_others() {
        let (silent, database) = silent(10).await;
        let ping = Ping::new(database, Question::TakesWrites, BUDGET);
        let gone = timeout(BUDGET / 3, ping.ask()).await;
        assert!(gone.is_err(), "the database says nothing");
        assert_eq!(ping.ask().await, PingResult::Disconnected, "of the question that was under way");
        silent.accept().await.unwrap();
        assert!(silent.accept().now_or_never().is_none(), "one connection was opened");
        assert_eq!(ping.counts().disconnected(), 1);
        assert_eq!(ping.ask().await, PingResult::Disconnected, "of a question of its own");
        assert_eq!(ping.counts().disconnected(), 2);
    }

    #[tokio::test]
    async fn an_alarm_that_is_left_rings_at_the_next_time_and_not_at_the_last() {
        let (mut alarm, began) = (Alarm::default(), Instant::now());
        let (soon, later) = (began + Duration::from_millis(60), began + Duration::from_millis(180));
        assert!(timeout(Duration::from_millis(20), alarm.until(soon)).await.is_err());
        alarm.until(later).await;
        assert!(Instant::now() >= later);
        let sooner = Instant::now() + Duration::from_millis(20);
        assert!(
            timeout(Duration::from_millis(5), alarm.until(sooner + Duration::from_mins(1))).await.is_err()
        );
        timeout(Duration::from_secs(30), alarm.until(sooner)).await.expect("it was set for a minute");
        assert!(Instant::now() >= sooner);
    }

    #[tokio::test]
    async fn a_silent_database_is_a_timeout_and_no_exhausted_pool() {
        let (silent, database) = silent(1).await;
        let asked = ask(&database, Question::Answers, BUDGET, &mut Alarm::default()).await;
        assert_eq!(asked, Err(DatabaseError::Timeout), "the question itself fills a pool of one");
        silent.accept().await.unwrap();
        assert!(silent.accept().now_or_never().is_none(), "the reserve was not needed");

        let waiting = database.until(Instant::now() + BUDGET * 2);
        let (request, asked) = tokio::join!(waiting.query("select 1", &[]), async {
            sleep(BUDGET / 3).await;
            ask(&database, Question::Answers, BUDGET, &mut Alarm::default()).await
        });
        assert_eq!((request.err(), asked), (Some(DatabaseError::Timeout), Err(DatabaseError::Timeout)));
    }
}

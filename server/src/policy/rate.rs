//! How many requests a minute one client may send, in fixed memory for any number of clients.
//!
//! The arithmetic is GCRA, by the crate `governor`: the whole minute's requests may come at once, and then one for
//! every interval. The state of a client is one number: the time until which its requests are spent.
//!
//! A client with many addresses could fill a table of clients, and a bounded table evicts clients. So the numbers are
//! in a count-min sketch: every client has a cell in each row and shares it with others. A client's number is at most
//! the least of its cells: it is never granted too much, and it is refused for the requests of others only if it shares
//! a cell with a busy client in every row.

use std::array;
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

use crate::response::refusal::Refusal;

pub(crate) struct Rate {
    since: Instant,
    limiter: RateLimiter<IpAddr, Sketch, Arrival, NoOpMiddleware<Nanos>>,
}

/// With a thousand clients at their limit, one other client in 450 is refused; with a hundred, one in three million
/// (history/adr/0021).
struct Sketch {
    /// Row by row, allocated at the first request: a service that is only probed needs none. A cell is `governor`'s
    /// encoding of a time; zero is an unused cell.
    cells: OnceLock<Box<[AtomicU64]>>,
    /// Random for each process, so that an attacker cannot choose addresses that share a victim's cells.
    keys: RandomState,
}

const ROWS: usize = 4;
/// 128 KiB in all rows together.
const COLUMNS: u16 = 4096;

/// The arrival time of the request, which the caller has already read.
#[derive(Default)]
struct Arrival(AtomicU64);

impl Rate {
    pub(crate) fn new(a_minute: NonZeroU32) -> Self {
        let limiter = RateLimiter::new(Quota::per_minute(a_minute), Sketch::new(), Arrival::default());
        Self { since: Instant::now(), limiter }
    }

    /// Counts the request that arrived at this time, unless it is refused.
    pub(crate) fn check(&self, client: IpAddr, arrived: Instant) -> Result<(), Refusal> {
        let arrived = Nanos::from(arrived.saturating_duration_since(self.since));
        self.limiter.clock().0.store(arrived.into(), Ordering::Relaxed);
        self.limiter
            .check_key(&client)
            .map_err(|until| Refusal::too_many(whole_seconds(until.wait_time_from(arrived))))
    }
}

/// Rounded up to whole seconds (RFC 9110 section 10.2.3 has no smaller unit).
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

impl Sketch {
    fn new() -> Self {
        Self { cells: OnceLock::new(), keys: RandomState::new() }
    }

    /// One hash supplies the bits for all rows.
    fn cells(&self, client: &IpAddr) -> [&AtomicU64; ROWS] {
        let all = ROWS * usize::from(COLUMNS);
        let cells = self.cells.get_or_init(|| (0..all).map(|_| AtomicU64::new(0)).collect());
        let hash = self.keys.hash_one(client).to_ne_bytes();
        array::from_fn(|row| {
            let column = u16::from_ne_bytes([hash[2 * row], hash[2 * row + 1]]) % COLUMNS;
            &cells[row * usize::from(COLUMNS) + usize::from(column)]
        })
    }
}

impl StateStore for Sketch {
    type Key = IpAddr;

    /// Cells are only raised to the client's own new number, which keeps the cost of sharing minimal.
    /// Threads that judge a client at the same moment may count two requests as one; the runtime has one thread.
    fn measure_and_replace<T, F, E>(&self, client: &IpAddr, judge: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let cells = self.cells(client);
        let least = cells.iter().map(|cell| cell.load(Ordering::Relaxed)).min().filter(|least| *least > 0);
        let (granted, next) = judge(least.map(Nanos::from))?;
        for cell in cells {
            cell.fetch_max(next.into(), Ordering::Relaxed);
        }
        Ok(granted)
    }
}

impl Clock for Arrival {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.load(Ordering::Relaxed).into()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    const ME: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

    fn limit(a_minute: u32) -> Rate {
        Rate::new(NonZeroU32::new(a_minute).unwrap())
    }

    fn other(number: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + number))
    }

    /// How many simultaneous requests are granted.
    fn granted(rate: &Rate, client: IpAddr, after: Duration, requests: usize) -> usize {
        let arrived = rate.since + after;
        (0..requests).filter(|_| rate.check(client, arrived).is_ok()).count()
    }

    fn wait(rate: &Rate, after: Duration) -> String {
        let refusal = rate.check(ME, rate.since + after).unwrap_err();
        assert_eq!(refusal.status(), 429);
        let (_, _, headers, _) = refusal.into_reply(&http::HeaderValue::from_static("id")).into_parts();
        let wait = headers.iter().find(|(name, _)| name == "retry-after");
        wait.unwrap().1.to_str().unwrap().to_owned()
    }

    #[test]
    fn a_minutes_requests_may_come_at_once_and_then_one_each_interval() {
        let rate = limit(600);
        assert_eq!(granted(&rate, ME, Duration::ZERO, 1_000), 600);
        assert_eq!(granted(&rate, ME, Duration::from_millis(99), 1), 0);
        assert_eq!(granted(&rate, ME, Duration::from_millis(100), 10), 1);
        assert_eq!(granted(&rate, ME, Duration::from_secs(1), 100), 9);
        assert_eq!(
            granted(&rate, ME, Duration::from_mins(2), 1_000),
            600,
            "unused requests do not accumulate"
        );
    }

    #[test]
    fn the_wait_is_told_in_whole_seconds_rounded_up() {
        let rate = limit(20);
        assert_eq!(granted(&rate, ME, Duration::ZERO, 20), 20);
        assert_eq!(wait(&rate, Duration::ZERO), "3");
        assert_eq!(wait(&rate, Duration::from_millis(1)), "3");
        assert_eq!(wait(&rate, Duration::from_secs(1)), "2");
        assert_eq!(wait(&rate, Duration::from_millis(2_999)), "1");
        assert_eq!(granted(&rate, ME, Duration::from_secs(3), 2), 1);
    }

    #[test]
    fn a_request_that_arrived_before_the_last_one_is_judged_as_well() {
        let rate = limit(60);
        assert_eq!(granted(&rate, ME, Duration::from_secs(9), 30), 30);
        assert_eq!(granted(&rate, ME, Duration::from_secs(8), 60), 29);
    }

    #[test]
    fn one_client_over_its_limit_is_nobody_elses_matter() {
        let rate = limit(600);
        assert_eq!(granted(&rate, ME, Duration::ZERO, 10_000), 600);
        for number in 0..1_000 {
            assert_eq!(granted(&rate, other(number), Duration::ZERO, 1), 1, "{number}");
        }
    }

    #[test]
    fn a_hundred_thousand_addresses_take_no_more_memory_and_no_strangers_requests() {
        let rate = limit(600);
        for number in 0..100_000 {
            granted(&rate, other(number), Duration::ZERO, 1);
        }
        assert_eq!(granted(&rate, ME, Duration::ZERO, 300), 300);
        let cells = rate.limiter.into_state_store().cells.into_inner().unwrap();
        assert_eq!(size_of_val(&*cells), 128 << 10);
    }

    #[test]
    fn whoever_is_over_its_limit_is_refused_however_many_others_there_are() {
        let rate = limit(60);
        for number in 0..1_000 {
            assert!(granted(&rate, other(number), Duration::ZERO, 61) <= 60);
        }
    }

    #[test]
    fn clients_at_their_limit_seldom_cost_another_its_own() {
        let rate = limit(60);
        for number in 0..100 {
            granted(&rate, other(number), Duration::ZERO, 60);
        }
        let refused =
            (100..1_100).filter(|number| granted(&rate, other(*number), Duration::ZERO, 1) == 0).count();
        // One in three million is expected.
        assert!(refused <= 1, "{refused} of 1000");
    }

    #[test]
    fn addresses_of_both_families_are_counted() {
        let rate = limit(10);
        let client = IpAddr::V6(Ipv6Addr::LOCALHOST);
        assert_eq!(granted(&rate, client, Duration::ZERO, 20), 10);
    }
}

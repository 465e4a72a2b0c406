//! Random spread, so that simultaneous events do not recur simultaneously.

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::time::Duration;

use tokio::time::Instant;

/// The standard library's keyed hash: a new key in every process, and no dependency.
#[derive(Clone, Default)]
pub(super) struct Jitter(RandomState);

impl Jitter {
    /// A random duration between half and all of it.
    pub(super) fn shortened(&self, whole: Duration) -> Duration {
        whole / 2 + self.part(Instant::now(), whole / 2)
    }

    /// Whether something of this age has expired: at a random point between four fifths and all of the limit, always
    /// the same for the same thing.
    pub(super) fn is_over(&self, age: Duration, thing: impl Hash, whole: Duration) -> bool {
        // Most are young and need no hash.
        age >= soonest(whole) && age >= self.early(thing, whole)
    }

    fn early(&self, thing: impl Hash, whole: Duration) -> Duration {
        soonest(whole) + self.part(thing, whole / 5)
    }

    fn part(&self, of: impl Hash, most: Duration) -> Duration {
        let chance = u16::try_from(self.0.hash_one(of) >> 48).expect("16 bits are left");
        most * u32::from(chance) / u32::from(u16::MAX)
    }
}

fn soonest(whole: Duration) -> Duration {
    whole * 4 / 5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_of_one_burst_are_replaced_at_different_times_and_never_late() {
        let (jitter, hour) = (Jitter::default(), Duration::from_hours(1));
        let mut ages: Vec<_> = (0..12).map(|connection| jitter.early(connection, hour)).collect();
        assert_eq!(ages, (0..12).map(|connection| jitter.early(connection, hour)).collect::<Vec<_>>());
        assert!(ages.iter().all(|age| (hour * 4 / 5..=hour).contains(age)), "{ages:?}");
        ages.sort_unstable();
        ages.dedup();
        assert!(ages.len() >= 11, "{ages:?}");
        assert!(ages[0] + Duration::from_mins(1) < ages[ages.len() - 1], "{ages:?}");
    }

    #[test]
    fn a_pause_is_between_half_and_all_of_it() {
        let (jitter, second) = (Jitter::default(), Duration::from_secs(1));
        for _ in 0..1_000 {
            assert!((second / 2..=second).contains(&jitter.shortened(second)));
        }
    }
}

//! Points in time as answers and log lines show them: RFC 3339, UTC, to the microsecond.

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;

const MICROSECONDS: DateTimePrinter = DateTimePrinter::new().precision(Some(6));

pub(crate) fn rfc3339(time: Timestamp) -> String {
    MICROSECONDS.timestamp_to_string(&time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_to_the_microsecond_and_never_rounded_up() {
        for (nanoseconds, written) in [
            (1_767_323_045_999_999_999, "2026-01-02T03:04:05.999999Z"),
            (1_767_323_045_000_000_000, "2026-01-02T03:04:05.000000Z"),
            (1_767_323_045_000_001_999, "2026-01-02T03:04:05.000001Z"),
            (1_767_323_046_000_000_000, "2026-01-02T03:04:06.000000Z"),
            (1_767_323_045_120_000_000, "2026-01-02T03:04:05.120000Z"),
        ] {
            let text = rfc3339(Timestamp::from_nanosecond(nanoseconds).unwrap());
            assert_eq!(text, written);
            let read: Timestamp = text.parse().unwrap();
            assert_eq!(read.as_nanosecond(), nanoseconds / 1_000 * 1_000);
        }
    }
}

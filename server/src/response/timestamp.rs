//! Points in time as answers and log lines show them: RFC 3339, UTC, to the microsecond.

use std::cell::RefCell;

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;

/// `2026-01-02T03:04:05Z`
const SECONDS: DateTimePrinter = DateTimePrinter::new().precision(Some(0));

thread_local! {
    /// Every answer has a fraction of its own, but thousands share the rest.
    static SECOND: RefCell<(i64, String)> = const { RefCell::new((i64::MIN, String::new())) };
}

/// Appends a point in time after 1970.
pub(crate) fn write(time: Timestamp, text: &mut String) {
    SECOND.with_borrow_mut(|(second, written)| {
        if *second != time.as_second() {
            written.clear();
            SECONDS.print_timestamp(&time, &mut *written).expect("a string takes all that is written");
            written.pop();
            *second = time.as_second();
        }
        text.push_str(written);
    });
    text.push('.');
    let microseconds = time.subsec_microsecond().unsigned_abs();
    for place in [100_000, 10_000, 1_000, 100, 10, 1] {
        text.extend(char::from_digit(microseconds / place % 10, 10));
    }
    text.push('Z');
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
            let mut text = String::new();
            write(Timestamp::from_nanosecond(nanoseconds).unwrap(), &mut text);
            assert_eq!(text, written);
            let read: Timestamp = text.parse().unwrap();
            assert_eq!(read.as_nanosecond(), nanoseconds / 1_000 * 1_000);
        }
    }
}

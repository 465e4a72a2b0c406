//! Floods of one line: the first is written, then one a second with the number of lines that it stands for.
//!
//! The field `sum_by` of an event names the kind of its line, and is not written. It is for lines that repeat at least
//! with every request without news:
//!
//! - the health check's query failed, by class; so did a statement for the same reason, with the database at fault
//! - a failed probe, and a refused preflight, by route and status
//! - a late or malformed head, by status
//! - a connection that could not be accepted, or for which another was closed
//!
//! The metrics count each of them. Access lines of other requests, panics, and statements at fault themselves are
//! never summed up: each names another request.

use std::time::{Duration, Instant};

use super::line::{Kind, Line};

/// The name of the field.
pub(super) const SUM_BY: &str = "sum_by";

const WINDOW: Duration = Duration::from_secs(1);

/// The most kinds summed up at once. There are fewer, since no client can create one; further kinds are not summed up.
const KINDS: usize = 64;

/// The kinds with a line within the last second.
#[derive(Default)]
pub(super) struct Floods(Vec<Window>);

struct Window {
    kind: Kind,
    ends: Instant,
    /// The first suppressed line, and the number of suppressed lines.
    held: Option<(Line, u64)>,
}

impl Floods {
    /// The line, if it is to be written now.
    pub(super) fn admit(&mut self, line: Line, now: Instant) -> Option<Line> {
        let Some(kind) = &line.kind else {
            return Some(line);
        };
        if let Some(window) = self.0.iter_mut().find(|window| window.kind == *kind) {
            window.held.get_or_insert((line, 0)).1 += 1;
            return None;
        }
        if self.0.len() < KINDS {
            self.0.push(Window { kind: kind.clone(), ends: now + WINDOW, held: None });
        }
        Some(line)
    }

    /// When the next kind is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.0.iter().map(|window| window.ends).min()
    }

    /// One line for each kind with lines suppressed for a second. A kind without any ends.
    pub(super) fn settle(&mut self, now: Instant) -> Vec<Line> {
        let mut sums = Vec::new();
        self.0.retain_mut(|window| {
            if window.ends > now {
                return true;
            }
            let Some((mut line, times)) = window.held.take() else {
                return false;
            };
            line.fields.put("times", times);
            sums.push(line);
            window.ends = now + WINDOW;
            true
        });
        sums
    }

    /// The same for all kinds, at the end.
    pub(super) fn settle_all(&mut self) -> Vec<Line> {
        self.0.iter().map(|window| window.ends).max().map(|last| self.settle(last)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use tracing::Level;
    use tracing::callsite::Identifier;

    use super::*;
    use crate::observe::log::line::{Fields, Format};

    fn line(sum_by: Option<&str>, number: u64) -> Line {
        let callsite = tracing::callsite!(name: "one", kind: tracing::metadata::Kind::EVENT, fields: );
        let mut fields = Fields::default();
        fields.put("number", number);
        let kind = sum_by.map(|text| Kind(Identifier(callsite), text.to_owned()));
        Line { level: Level::WARN, target: "test", fields, kind }
    }

    /// The numbers of lines, and for how many each stands.
    fn read(lines: impl IntoIterator<Item = Line>) -> Vec<(u64, Option<u64>)> {
        let lines = lines.into_iter().map(|line| {
            let line: Value = serde_json::from_str(&Format::Json.write(&line)).unwrap();
            (line["number"].as_u64().unwrap(), line["times"].as_u64())
        });
        lines.collect()
    }

    #[test]
    fn a_flood_is_its_first_line_and_one_a_second() {
        let (start, ms) = (Instant::now(), Duration::from_millis);
        let mut floods = Floods::default();
        let mut written = Vec::new();
        // 2,500 within 2.5 s.
        for number in 0..2500 {
            let now = start + ms(number);
            written.extend(read(floods.settle(now)));
            written.extend(read(floods.admit(line(Some("refused"), number), now)));
        }
        assert_eq!(written, [(0, None), (1, Some(999)), (1000, Some(1000))]);
        // The rest is reported without a further line, and then the kind ends.
        assert_eq!(floods.due(), Some(start + ms(3000)));
        assert_eq!(read(floods.settle(start + ms(3000))), [(2000, Some(500))]);
        assert_eq!(read(floods.settle(start + ms(4000))), []);
        assert_eq!(floods.due(), None);
        assert_eq!(read(floods.admit(line(Some("refused"), 7), start + ms(5000))), [(7, None)]);
    }

    #[test]
    fn kinds_are_told_apart_and_lines_of_no_kind_never_held() {
        let now = Instant::now();
        let mut floods = Floods::default();
        for (sum_by, written) in [
            (Some("refused"), true),
            (Some("timeout"), true),
            (Some("refused"), false),
            (None, true),
            (None, true),
        ] {
            assert_eq!(floods.admit(line(sum_by, 0), now).is_some(), written, "{sum_by:?}");
        }
        assert_eq!(read(floods.settle_all()), [(0, Some(1))]);
    }

    #[test]
    fn more_kinds_than_there_are_take_no_memory() {
        let now = Instant::now();
        let mut floods = Floods::default();
        for number in 0..10_000 {
            assert!(floods.admit(line(Some(&number.to_string()), number), now).is_some());
        }
        assert_eq!(floods.0.len(), KINDS);
    }
}

//! What several targets need.

use jiff::civil::{Date, date};
use profiles::{Declaration, Profile};

pub const TODAY: Date = date(2026, 1, 1);

/// The embedded production profile.
pub fn production() -> Profile {
    Declaration::load("production", TODAY)
        .expect("the embedded profile is accepted: a test of profiles")
        .profile
}

/// An input of two lists, a line each, with an empty line between them. No line of a field can hold a line break.
pub fn lists(data: &[u8]) -> Option<[Vec<&[u8]>; 2]> {
    let data = data.strip_suffix(b"\n").unwrap_or(data);
    let lines: Vec<&[u8]> = data.split(|byte| *byte == b'\n').collect();
    let between = lines.iter().position(|line| line.is_empty())?;
    Some([lines[..between].to_vec(), lines[between + 1..].to_vec()])
}

/// The lines that are a value of that type; each must be written back as it was.
pub fn parsed<T: std::str::FromStr + ToString>(lines: &[&[u8]]) -> Vec<T> {
    let parse = |line: &&[u8]| {
        let text = std::str::from_utf8(line).ok()?;
        let value: T = text.parse().ok()?;
        assert_eq!(value.to_string(), text, "what is accepted is what was written");
        Some(value)
    };
    lines.iter().filter_map(parse).collect()
}

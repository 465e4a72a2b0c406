//! Durations and sizes as people write them: `"5s"`, `"1MiB"`.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Invalid;
use super::invalid::quote;

/// A length of time: a whole number and one unit of `ms`, `s`, `m`, `h` or `d`, such as `"250ms"` or `"1h"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("format" = "duration", "pattern" = "^[0-9]+(ms|s|m|h|d)$", "examples" = ["10s"]))]
pub struct Duration(std::time::Duration);

/// How long something is put off: a duration, or `"0s"`, which is not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("format" = "delay", "pattern" = "^[0-9]+(ms|s|m|h|d)$", "examples" = ["0s"]))]
pub struct Delay(std::time::Duration);

/// A number of bytes: a whole number and one unit of `B`, `KiB` or `MiB`, such as `"32KiB"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("format" = "size", "pattern" = "^[0-9]+(B|KiB|MiB)$", "examples" = ["1MiB"]))]
pub struct Size(u64);

const DURATIONS: &[(&str, u64)] =
    &[("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
const SIZES: &[(&str, u64)] = &[("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// No timeout is longer, and no sum of durations overflows.
const LONGEST_MS: u64 = 366 * 86_400_000;
/// Heads and bodies are held in memory: a gigabyte is a typing mistake.
const LARGEST: u64 = 1 << 30;

impl Duration {
    pub const fn get(self) -> std::time::Duration {
        self.0
    }

    /// In milliseconds; exact, since there is no smaller unit.
    pub fn millis(self) -> u64 {
        u64::try_from(self.0.as_millis()).expect("at most a year: asserted when parsed")
    }
}

impl From<Duration> for std::time::Duration {
    fn from(duration: Duration) -> Self {
        duration.0
    }
}

impl FromStr for Duration {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let millis = scaled(text, DURATIONS).ok_or_else(|| {
            Invalid::new(format!("{} is not a duration", quote(text)))
                .instead("a whole number and a unit of ms, s, m, h or d, such as \"10s\"")
        })?;
        if millis == 0 || millis > LONGEST_MS {
            return Err(Invalid::new(format!("{} is out of range", quote(text)))
                .instead("a duration from \"1ms\" to \"366d\""));
        }
        Ok(Self(std::time::Duration::from_millis(millis)))
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_scaled(f, self.millis(), DURATIONS)
    }
}

impl Delay {
    pub const NONE: Self = Self(std::time::Duration::ZERO);

    pub const fn get(self) -> std::time::Duration {
        self.0
    }
}

impl FromStr for Delay {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text == "0s" {
            return Ok(Self::NONE);
        }
        text.parse::<Duration>()
            .map(|duration| Self(duration.get()))
            .map_err(|invalid| invalid.instead("\"0s\", or a duration up to \"366d\""))
    }
}

impl fmt::Display for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NONE { f.write_str("0s") } else { Duration(self.0).fmt(f) }
    }
}

impl Size {
    /// In bytes.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl FromStr for Size {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let bytes = scaled(text, SIZES).ok_or_else(|| {
            Invalid::new(format!("{} is not a size", quote(text)))
                .instead("a whole number and a unit of B, KiB or MiB, such as \"1MiB\"")
        })?;
        if bytes == 0 || bytes > LARGEST {
            return Err(Invalid::new(format!("{} is out of range", quote(text)))
                .instead("a size from \"1B\" to \"1024MiB\""));
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_scaled(f, self.0, SIZES)
    }
}

/// `"5s"` with the unit `("s", 1_000)` is 5,000.
fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let (_, scale) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*scale)
}

/// With the largest unit that divides the value.
fn write_scaled(f: &mut fmt::Formatter<'_>, value: u64, units: &[(&str, u64)]) -> fmt::Result {
    let (name, scale) = units
        .iter()
        .find(|(_, scale)| value.is_multiple_of(*scale))
        .expect("each table ends with the unit 1");
    write!(f, "{}{name}", value / scale)
}

macro_rules! text_conversions {
    ($($type:ty),+) => {$(
        impl TryFrom<String> for $type {
            type Error = Invalid;

            fn try_from(text: String) -> Result<Self, Invalid> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> Self {
                value.to_string()
            }
        }
    )+};
}
pub(crate) use text_conversions;

text_conversions!(Delay, Duration, Size);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_may_be_none_and_is_written_in_one_way() {
        for (text, millis) in [("0s", 0), ("1ms", 1), ("1500ms", 1_500), ("3s", 3_000)] {
            let parsed: Delay = text.parse().unwrap();
            assert_eq!((parsed.get().as_millis(), parsed.to_string().as_str()), (millis, text));
        }
        for text in ["0ms", "0", "", "-1s", "00s", "367d"] {
            assert!(text.parse::<Delay>().is_err(), "{text}");
        }
    }

    #[test]
    fn units_scale_the_number() {
        for (text, millis) in
            [("250ms", 250), ("5s", 5_000), ("10m", 600_000), ("1h", 3_600_000), ("2d", 172_800_000)]
        {
            let parsed: Duration = text.parse().unwrap();
            assert_eq!((parsed.millis(), parsed.to_string().as_str()), (millis, text));
        }
        for (text, bytes) in [("64B", 64), ("32KiB", 32_768), ("1MiB", 1_048_576)] {
            let parsed: Size = text.parse().unwrap();
            assert_eq!((parsed.get(), parsed.to_string().as_str()), (bytes, text));
        }
    }

    #[test]
    fn any_other_text_is_refused_with_advice() {
        for text in ["", "5", "s", "5 s", "-5s", "5.5s", "5sec", "0s", "99999999999999999999s", "400d"] {
            assert!(text.parse::<Duration>().unwrap_err().instead.is_some(), "{text}");
        }
        for text in ["", "1", "1MB", "1kib", "0B", "9999999999999999MiB"] {
            assert!(text.parse::<Size>().unwrap_err().instead.is_some(), "{text}");
        }
    }
}

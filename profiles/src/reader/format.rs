//! The grammars of texts: each is the `FromStr` of its type, under the `format` that the schema gives it.

use std::net::IpAddr;
use std::str::FromStr;

use jiff::civil::Date;

use crate::values::invalid::quote;
use crate::values::{
    CheckId, Delay, Duration, FieldName, Invalid, Method, Network, Origin, Path, Size, Variable,
};

pub(crate) struct Format {
    /// As the manual names it.
    pub(crate) name: &'static str,
    /// Whether a text has this format, and why not.
    pub(crate) check: fn(&str) -> Result<(), Invalid>,
}

/// Text without a format.
pub(crate) static ANY: Format = Format { name: "text", check: |_| Ok(()) };

/// Text that must not be blank.
pub(crate) static SENTENCE: Format = Format { name: "text", check: sentence };

/// Every format that a setting can have, in the order of the manual.
pub(crate) static FORMATS: &[Format] = &[
    Format { name: "duration", check: parses::<Duration> },
    Format { name: "delay", check: parses::<Delay> },
    Format { name: "size", check: parses::<Size> },
    Format { name: "origin", check: parses::<Origin> },
    Format { name: "network", check: parses::<Network> },
    Format { name: "method", check: parses::<Method> },
    Format { name: "field name", check: parses::<FieldName> },
    Format { name: "path", check: parses::<Path> },
    Format { name: "variable", check: parses::<Variable> },
    Format { name: "check id", check: parses::<CheckId> },
    Format { name: "IP address", check: ip },
    Format { name: "date", check: date },
];

impl Format {
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        FORMATS.iter().find(|format| format.name == name)
    }
}

fn parses<T: FromStr<Err = Invalid>>(text: &str) -> Result<(), Invalid> {
    text.parse::<T>().map(drop)
}

fn sentence(text: &str) -> Result<(), Invalid> {
    if text.trim().is_empty() {
        return Err(Invalid::new("this text is empty").instead("a sentence"));
    }
    Ok(())
}

fn ip(text: &str) -> Result<(), Invalid> {
    text.parse::<IpAddr>().map(drop).map_err(|_| {
        Invalid::new(format!("{} is not an IP address", quote(text)))
            .instead("an address such as \"::\" or \"127.0.0.1\"")
    })
}

fn date(text: &str) -> Result<(), Invalid> {
    // Only the day: jiff would drop a time of day silently.
    let day = text.parse::<Date>().ok().filter(|day| day.to_string() == text);
    day.map(drop).ok_or_else(|| {
        Invalid::new(format!("{} is not a date", quote(text)))
            .instead("year, month and day, such as \"2026-12-31\"")
    })
}

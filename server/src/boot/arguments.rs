//! The command line: a profile to serve, or to check.

use std::ffi::OsString;

use lexopt::{Arg, Error, Parser, ValueExt as _};

/// The profile to serve, or only to check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    /// The profile's name, or the path of its file.
    pub profile: Option<String>,
    /// Whether only to check the profile and its environment.
    pub check: bool,
}

/// A command line, parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invocation {
    Serve(Arguments),
    /// Print this text and exit.
    Print(&'static str),
}

pub const HELP: &str = "\
Serves a profile: CORS, health, limits and a graceful end exactly as it declares

Usage: server [--profile NAME|PATH] [--check]

Options:
      --profile NAME|PATH  The profile's name, or the path of its file
                           [default: development; on Railway it must be named]
      --check              Only check the profile and the environment,
                           and print every problem
  -h, --help               Print help
  -V, --version            Print version
";

const VERSION: &str = concat!("server ", env!("CARGO_PKG_VERSION"), "\n");

impl Arguments {
    /// Parses a command line whose first word is the program's name. Each option may occur once.
    pub fn parse<W: Into<OsString>>(words: impl IntoIterator<Item = W>) -> Result<Invocation, Error> {
        let mut arguments = Self::default();
        let mut parser = Parser::from_iter(words.into_iter().map(Into::into));
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("profile") if arguments.profile.is_none() => {
                    // A word that looks like an option is an option: the value is missing.
                    let value = parser.values()?.next().expect("there is one, or it is an error");
                    arguments.profile = Some(value.string()?);
                }
                Arg::Long("check") if !arguments.check => arguments.check = true,
                Arg::Short('h') | Arg::Long("help") => return Ok(Invocation::Print(HELP)),
                Arg::Short('V') | Arg::Long("version") => return Ok(Invocation::Print(VERSION)),
                Arg::Long(again @ ("profile" | "check")) => {
                    return Err(format!("--{again} is given twice").into());
                }
                other => return Err(other.unexpected()),
            }
        }
        Ok(Invocation::Serve(arguments))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Invocation, String> {
        let line = ["server"].iter().chain(words);
        Arguments::parse(line).map_err(|error| error.to_string())
    }

    #[test]
    fn a_profile_is_named_in_two_ways_and_need_not_be() {
        let named = |profile: Option<&str>, check| {
            Ok(Invocation::Serve(Arguments { profile: profile.map(str::to_owned), check }))
        };
        assert_eq!(parse(&[]), named(None, false));
        assert_eq!(parse(&["--profile", "production"]), named(Some("production"), false));
        assert_eq!(parse(&["--check", "--profile=a b.toml"]), named(Some("a b.toml"), true));
    }

    #[test]
    fn help_and_version_are_texts() {
        assert_eq!(parse(&["--profile", "production", "-h"]), Ok(Invocation::Print(HELP)));
        assert_eq!(parse(&["--help"]), Ok(Invocation::Print(HELP)));
        assert_eq!(parse(&["-V"]), parse(&["--version"]));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (words, named) in [
            (&["--prifile", "production"][..], "--prifile"),
            (&["--profile"], "--profile"),
            (&["--profile", "--check"], "--profile"),
            (&["--check=yes"], "--check"),
            (&["--check", "--check"], "--check is given twice"),
            (&["--profile=a", "--profile=b"], "--profile is given twice"),
            (&["production"], "production"),
            (&["-p"], "-p"),
        ] {
            let error = parse(words).unwrap_err();
            assert!(error.contains(named), "{words:?}: {error}");
        }
    }
}

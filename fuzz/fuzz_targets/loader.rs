//! The profile loader: any text is a declaration or a list of mistakes. Each mistake has a span of the text; the report
//! is safe to print on a terminal and repeats no secret; an accepted profile is accepted again unchanged, also after
//! serialisation.
//!
//! An input is a change of production.toml, as in `profiles/tests/refused`; it is also read as a whole profile.
#![no_main]

use jiff::civil::Date;
use libfuzzer_sys::{Corpus, fuzz_target};
use profiles::{Declaration, Level, Place, Problem, Profile, Source};

const TODAY: Date = fuzz::TODAY;

fuzz_target!(|data: &[u8]| -> Corpus {
    let Ok(text) = std::str::from_utf8(data) else { return Corpus::Reject };
    load(text, false);
    load(&variants::production_with(text), true);
    Corpus::Keep
});

fn load(text: &str, colour: bool) {
    match Declaration::parse("fuzz.toml", text, TODAY) {
        Ok(declaration) => {
            assert!(declaration.warnings.iter().all(|problem| problem.level == Level::Warning));
            each_stands_in_the_text(&declaration.warnings, &declaration.source, text);
            can_be_shown(&declaration.render_warnings(), text);
            is_accepted_again(&declaration.profile, text);
        }
        Err(refused) => {
            assert!(refused.problems.iter().any(|problem| problem.level == Level::Error));
            each_stands_in_the_text(&refused.problems, &refused.source, text);
            let report = refused.render(colour);
            can_be_shown(&if colour { without_colour(&report) } else { report }, text);
        }
    }
}

fn each_stands_in_the_text(problems: &[Problem], source: &Source, text: &str) {
    assert_eq!(source.text(), text.strip_prefix('\u{feff}').unwrap_or(text));
    for problem in problems {
        let span = problem.span(source);
        assert!(source.text().get(span.clone()).is_some(), "{span:?} is not in the text: {problem:?}");
        if let Place::Setting(path) = &problem.place {
            let location = source.location(path);
            assert!(location.line >= 1 && location.column >= 1, "{location:?}");
            assert!(!source.line(path).contains('\n'));
        }
    }
}

fn can_be_shown(report: &str, text: &str) {
    let commands = |c: char| c.is_control() && c != '\n';
    assert!(!report.contains(commands), "a terminal would obey:\n{report:?}");
    let report = report.to_lowercase();
    for secret in secrets(text) {
        assert!(!report.contains(&secret.to_lowercase()), "`{secret}` is repeated:\n{report}");
    }
}

/// Passwords in URLs and provider keys that occur nowhere else in the text.
fn secrets(text: &str) -> Vec<&str> {
    let run = |from: usize, is: fn(&u8) -> bool| text[from..].bytes().take_while(is).count();
    let passwords = text.match_indices("://").filter_map(|(at, _)| {
        let user = at + 3;
        let colon = user + run(user, u8::is_ascii_lowercase);
        let password = text[colon..].strip_prefix(':')?;
        let length = run(colon + 1, u8::is_ascii_alphanumeric);
        password[length..].starts_with('@').then_some(&password[..length])
    });
    let keys = text.match_indices("ghp_").filter_map(|(at, mark)| {
        let inside = text[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
        let start = at + mark.len();
        (!inside).then(|| &text[start..start + run(start, u8::is_ascii_alphanumeric)])
    });
    let all: Vec<&str> = passwords.chain(keys).collect();
    let lower = text.to_lowercase();
    let times = |secret: &str| {
        let secret = secret.to_lowercase();
        (0..lower.len()).filter(|at| lower.as_bytes()[*at..].starts_with(secret.as_bytes())).count()
    };
    let counted = |secret: &&&str| all.iter().filter(|other| other == secret).count();
    let telling =
        |secret: &&&str| (16..64).contains(&secret.len()) && secret.contains(|c: char| c.is_ascii_digit());
    all.iter().filter(telling).filter(|secret| times(secret) == counted(secret)).copied().collect()
}

fn is_accepted_again(profile: &Profile, text: &str) {
    let again = Declaration::parse("fuzz.toml", text, TODAY).expect("the same text is accepted again");
    assert_eq!(values(&again.profile), values(profile));
    let written = toml::to_string(profile).expect("a profile is TOML");
    match Declaration::parse("fuzz.toml", &written, TODAY) {
        Ok(again) => assert_eq!(values(&again.profile), values(profile)),
        // Only the source text is searched for secrets, and an escape may hide one.
        Err(refused) => {
            let known = |problem: &Problem| problem.rule == Some("secrets.elsewhere");
            assert!(text.contains('\\') && refused.problems.iter().any(known), "{}", refused.render(false));
        }
    }
}

fn values(profile: &Profile) -> serde_json::Value {
    serde_json::to_value(profile).expect("a profile is data")
}

/// Removes the commands for colour and weight (ECMA-48, SGR).
fn without_colour(report: &str) -> String {
    let mut plain = String::new();
    let mut rest = report;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        let end = after.find(|c: char| !c.is_ascii_digit() && c != ';').unwrap_or(after.len());
        assert!(after[end..].starts_with('m'), "a terminal would obey:\n{report:?}");
        plain.push_str(before);
        rest = &after[end + 1..];
    }
    plain + rest
}

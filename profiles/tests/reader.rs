//! What the reader makes of good, bad and arbitrary text.

use std::ops::Range;

use jiff::civil::{Date, date};
use profiles::{Declaration, LoadError, Place, Problem, Refused};
use proptest::prelude::*;
use toml::de::{DeTable, DeValue};

const TODAY: Date = date(2026, 1, 1);
const PRODUCTION: &str = include_str!("../production.toml");

#[test]
fn removing_any_setting_is_one_problem_that_names_it() {
    for (name, span) in settings(PRODUCTION).into_iter().filter(|(name, _)| is_required(name)) {
        let text = without(PRODUCTION, span);
        let problems = refused(&text).problems;
        let key = name.rsplit('.').next().unwrap_or_default();
        assert_eq!(problems.len(), 1, "{name}: {problems:?}");
        assert_eq!(problems[0].message, format!("key `{key}` is missing"), "{name}");
        assert!(advice(&problems[0]).starts_with(&format!("write {key} = ")), "{name}");
    }
}

#[test]
fn a_promise_that_is_left_out_is_not_made() {
    let (optional, required): (Vec<_>, Vec<_>) =
        settings(PRODUCTION).into_iter().partition(|(name, _)| !is_required(name));
    assert!(!optional.is_empty());
    for (name, span) in optional {
        let declaration = Declaration::parse("x.toml", &without(PRODUCTION, span), TODAY);
        let profile = declaration.unwrap_or_else(|error| panic!("{name}: {error}")).profile;
        let profile = serde_json::to_value(profile).expect("a profile is data");
        let stated = |name: &str| {
            profile.pointer(&format!("/{}", name.replace('.', "/"))).is_some_and(|value| !value.is_null())
        };
        assert!(!stated(&name), "{name}");
        assert!(required.iter().all(|(name, _)| stated(name)), "{name}");
    }
}

#[test]
fn removing_any_table_is_one_problem_that_names_it() {
    // These may be left out; that `[client_ip]` is then missed is the word of a rule.
    let optional = ["client_ip", "limits"];
    for (name, span) in tables(PRODUCTION).into_iter().filter(|(name, _)| !optional.contains(&name.as_str()))
    {
        let problems = refused(&without(PRODUCTION, span)).problems;
        assert_eq!(problems.len(), 1, "{name}: {problems:?}");
        assert_eq!(problems[0].message, format!("table `[{name}]` is missing"));
    }
}

#[test]
fn an_unknown_key_anywhere_is_one_problem() {
    let places = tables(PRODUCTION).into_iter().map(|(name, span)| span.start + name.len() + "[]\n".len());
    for at in std::iter::once(0).chain(places) {
        let mut text = PRODUCTION.to_owned();
        text.insert_str(at, "unheard-of = 1\n");
        let problems = refused(&text).problems;
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].place, Place::Bytes(at..at + "unheard-of".len()));
    }
}

#[test]
fn all_advice_on_an_empty_file_pasted_together_is_a_profile() {
    let problems = refused("").problems;
    let lines = problems.iter().map(|problem| advice(problem).trim_start_matches("write").trim_start());
    let profile = lines.collect::<Vec<_>>().join("\n");
    let declaration =
        Declaration::parse("pasted.toml", &profile, TODAY).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(declaration.render_warnings(), "");
}

#[test]
fn every_way_of_writing_toml_is_read() {
    let (pool, _) = tables(PRODUCTION)
        .into_iter()
        .find(|(name, _)| name == "pool")
        .map(|(_, span)| (PRODUCTION[span.clone()].to_owned(), span))
        .expect("production has a pool");
    let inline = "size = 0xA, overflow = 0b10, acquire_timeout = '2s', create_timeout = \"\"\"8s\"\"\", \
                  create_limit = 0o4, \
                  \"ping_after\" = \"5s\", recycle_after = \"\\u0031h\", idle_trim = \"4m\"";
    let rest: Vec<String> = entries("pool")
        .into_iter()
        .filter(|(key, _)| !inline.contains(key.as_str()))
        .map(|(key, value)| format!("{key} = {value}"))
        .collect();
    let inline = format!("pool = {{ {} }}\n", [&[inline.to_owned()], rest.as_slice()].concat().join(", "));
    let dotted = "pool.size = 1_0\npool.overflow = +2\npool.acquire_timeout = \"2s\"\npool.create_timeout = \"8s\"\n\
                  pool.create_limit = 4\n\
                  pool.ping_after = \"5s\"\npool.recycle_after = \"1h\"\npool.\"idle_trim\" = \"4m\"\n";
    let dotted = rest.iter().fold(dotted.to_owned(), |dotted, entry| format!("{dotted}pool.{entry}\n"));
    for written in [inline, dotted] {
        let text = format!("{written}{}", PRODUCTION.replace(&pool, ""));
        let declaration =
            Declaration::parse("x.toml", &text, TODAY).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((declaration.profile.pool.size, declaration.profile.pool.overflow), (10, 2));
        assert_eq!(&text[declaration.source.span("pool.idle_trim")], "\"4m\"");
    }
}

#[test]
fn line_ends_of_windows_and_a_byte_order_mark_move_nothing() {
    let text = format!("\u{feff}{}", PRODUCTION.replace('\n', "\r\n"));
    let declaration = Declaration::parse("x.toml", &text, TODAY).unwrap_or_else(|error| panic!("{error}"));
    let known = Declaration::parse("x.toml", PRODUCTION, TODAY).expect("production is a profile");
    for (name, _) in settings(PRODUCTION) {
        assert_eq!(declaration.source.location(&name), known.source.location(&name));
        assert_eq!(declaration.source.line(&name), known.source.line(&name));
    }
    let first = "\u{feff}nothing = 1";
    assert!(refused(first).render(false).contains("x.toml:1:1\n"));
}

#[test]
fn columns_count_characters() {
    let written = "required = [\"é本\", \"DATABASE_URL\"]";
    let text = PRODUCTION.replace("required = [\"DATABASE_URL\"]", written);
    let error = refused(&text).render(false);
    assert!(error.contains(":13\n"), "{error}");

    let comment = "\t# Bücher, 本\n\t\"https://todo.example.com\", ";
    let text = PRODUCTION.replace("  \"https://todo.example.com\",\n", comment);
    let declaration = Declaration::parse("x.toml", &text, TODAY).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(declaration.source.location("cors.origins[0]").column, 2);
    assert_eq!(
        declaration.source.location("cors.origins[1]").column,
        "\t\"https://todo.example.com\",    ".len()
    );

    let text = PRODUCTION.replace("ready = \"60s\"", "\"ready\" = \"6本\" # é");
    assert!(refused(&text).render(false).contains(":11\n"));
}

#[test]
fn an_absent_setting_stands_where_its_table_does() {
    let declaration = Declaration::load("production", TODAY).expect("production is a profile");
    let table = declaration.source.location("cors");
    assert_eq!(declaration.source.location("cors.nothing[3].here"), table);
    assert_eq!(declaration.source.line("cors"), "[cors]");
    assert_eq!(declaration.source.location("nowhere").line, 1);
}

#[test]
fn an_unknown_profile_is_told_the_known_ones() {
    let error = Declaration::load("staging", TODAY).expect_err("there is no such profile");
    assert_eq!(
        error.to_string(),
        "there is no profile `staging`; the embedded ones are `development` and `production`, and a path such as \
         `profiles/staging.toml` works too"
    );
}

#[test]
fn an_unreadable_path_is_told_why() {
    let folder = std::env::temp_dir();
    for (path, why) in [
        ("no/such/profile.toml".to_owned(), "No such file or directory"),
        (format!("{}/", folder.display()), "Is a directory"),
    ] {
        let error = Declaration::load(&path, TODAY).expect_err("there is no such file");
        assert!(matches!(error, LoadError::Unreadable { .. }));
        assert!(
            error.to_string().starts_with(&format!("could not read the profile `{path}`: {why}")),
            "{error}"
        );
    }
}

#[test]
fn what_is_no_text_or_too_long_is_not_read() {
    for (name, bytes, why) in [
        ("latin-1", b"# caf\xe9".to_vec(), "it is not UTF-8 text"),
        ("dump", vec![b'#'; 1 << 20], "it has more than 64 KiB, which no profile needs"),
    ] {
        let path = std::env::temp_dir().join(format!("plumbline-{}-{name}.toml", std::process::id()));
        std::fs::write(&path, bytes).expect("the temporary folder can be written");
        let error = Declaration::load(&path.to_string_lossy(), TODAY).expect_err("it is no profile");
        std::fs::remove_file(&path).expect("the file is still there");
        assert!(error.to_string().ends_with(why), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_not_opened() {
    let pipe = std::env::temp_dir().join(format!("plumbline-{}-pipe.toml", std::process::id()));
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    for path in [pipe.as_path(), std::path::Path::new("/dev/zero")] {
        let error = Declaration::load(&path.to_string_lossy(), TODAY).expect_err("it is no profile");
        let said = format!("profile `{}`: it is a pipe, a socket or a device, and no file", path.display());
        assert!(error.to_string().ends_with(&said), "{error}");
    }
    std::fs::remove_file(&pipe).expect("the pipe is still there");
}

#[test]
fn a_mistake_in_a_very_long_line_is_shown_alone() {
    let text =
        PRODUCTION.replace("methods = [", &format!("methods = [\"{}\", \"x y\", ", "A".repeat(20_000)));
    let error = refused(&text).render(false);
    assert!(error.contains("`x y` is not a method") && error.lines().all(|line| line.len() < 200), "{error}");
}

#[test]
fn no_control_character_reaches_a_terminal() {
    for text in ["key\u{1b}[31m = 1", "port = \"\u{9b}31m\u{7f}\"", "\"\\u009b31m\" = 1", "# \u{8c}\n="] {
        let shown = refused(text).render(false);
        assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{shown:?}");
    }
}

#[test]
fn colour_is_only_for_those_who_ask() {
    let refused = refused("");
    assert!(!refused.render(false).contains('\u{1b}') && refused.render(true).contains('\u{1b}'));
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in "\\PC*|(\\PC|\n|\r|\t|\u{feff}|=|\\[|\\]|\"|')*") {
        answer(&text);
    }

    #[test]
    fn arbitrary_damage_never_panics(
        damage in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..6, "\\PC{0,3}"), 1..8),
        windows in any::<bool>(),
    ) {
        let mut text = PRODUCTION.to_owned();
        if windows {
            text = text.replace('\n', "\r\n");
        }
        for (index, kind, insert) in damage {
            let start = text.floor_char_boundary(index.index(text.len().max(1)));
            let end = text.ceil_char_boundary((start + 1 + usize::from(kind)).min(text.len()));
            match kind {
                0 => text.replace_range(start..end, ""),
                1 => text = format!("{}{}", &text[..end], &text[start..]),
                2 => text.replace_range(start..end, &insert),
                3 => text.insert(start, '\n'),
                4 => text.insert(start, '\u{feff}'),
                _ => text.truncate(start),
            }
        }
        answer(&text);
    }

    #[test]
    fn a_password_is_never_repeated(
        setting in any::<prop::sample::Index>(),
        password in "[A-Z][A-Za-z0-9/@:é!]{6,20}ZQ",
    ) {
        let settings = settings(PRODUCTION);
        let (_, span) = &settings[setting.index(settings.len())];
        let line = &PRODUCTION[span.clone()];
        let (key, _) = line.split_once('=').expect("a setting has a value");
        let url = format!("postgres://todo:{password}@db.example/todo");
        for written in [format!("{key}= \"{url}\"\n"), format!("{key}= [\"{url}\"]\n"), format!("{line}# {url}\n")] {
            let mut text = PRODUCTION.to_owned();
            text.replace_range(span.clone(), &written);
            let refused = refused(&text);
            let answer = refused.render(false);
            prop_assert!(!answer.contains(&password), "{}", answer);
            let problems = format!("{:?}", refused.problems);
            prop_assert!(!problems.contains(&password), "{}", problems);
        }
    }
}

/// Reads the text, and renders the answer.
fn answer(text: &str) {
    match Declaration::parse("x.toml", text, TODAY) {
        Ok(declaration) => drop(declaration.render_warnings()),
        Err(refused) => {
            assert!(!refused.problems.is_empty());
            refused.render(false);
            refused.render(true);
        }
    }
}

fn refused(text: &str) -> Refused {
    Declaration::parse("x.toml", text, TODAY).expect_err("the profile has a mistake")
}

fn advice(problem: &Problem) -> &str {
    problem.instead.as_deref().unwrap_or_default()
}

fn without(text: &str, span: Range<usize>) -> String {
    let mut text = text.to_owned();
    text.replace_range(span, "");
    text
}

/// Whether every profile must state the setting, as its schema says.
fn is_required(setting: &str) -> bool {
    let schema: serde_json::Value =
        serde_json::from_str(&profiles::reference::schema()).expect("the schema is JSON");
    let lists = |table: &serde_json::Value, key: &str| {
        table["required"].as_array().is_some_and(|required| required.iter().any(|name| name == key))
    };
    let Some((table, key)) = setting.split_once('.') else { return lists(&schema, setting) };
    let table = schema["properties"][table]["$ref"].as_str().unwrap_or_default();
    lists(&schema["$defs"][table.trim_start_matches("#/$defs/")], key)
}

/// Every setting of a profile with the lines that state it.
fn settings(text: &str) -> Vec<(String, Range<usize>)> {
    let document = DeTable::parse(text).expect("the text is TOML");
    let mut all = Vec::new();
    for (name, value) in document.get_ref() {
        match value.get_ref() {
            DeValue::Table(table) => {
                all.extend(table.iter().map(|(key, value)| {
                    (
                        format!("{}.{}", name.get_ref(), key.get_ref()),
                        lines(text, key.span().start..value.span().end),
                    )
                }));
            }
            _ => all.push((name.get_ref().to_string(), lines(text, name.span().start..value.span().end))),
        }
    }
    all
}

/// The keys of a table of production, and each value as it is written there.
fn entries(table: &str) -> Vec<(String, &'static str)> {
    let document = DeTable::parse(PRODUCTION).expect("production is TOML");
    let table = document.get_ref().get(table).and_then(|table| table.get_ref().as_table());
    let entries = table.expect("production has the table").iter();
    entries.map(|(key, value)| (key.get_ref().to_string(), &PRODUCTION[value.span()])).collect()
}

/// Every table with its lines.
fn tables(text: &str) -> Vec<(String, Range<usize>)> {
    let starts: Vec<usize> = text.match_indices("\n[").map(|(at, _)| at + 1).chain([text.len()]).collect();
    starts
        .windows(2)
        .map(|ends| {
            let name = text[ends[0] + 1..].split(']').next().unwrap_or_default();
            (name.to_owned(), ends[0]..ends[1])
        })
        .collect()
}

fn lines(text: &str, span: Range<usize>) -> Range<usize> {
    let start = text[..span.start].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[span.end..].find('\n').map_or(text.len(), |newline| span.end + newline + 1);
    start..end
}

//! From TOML to [`Profile`], reporting every mistake of form at once.
//!
//! The grammar is the JSON Schema of the types themselves, the one that editors use: a walk over the document
//! beside its schema finds all unknown, missing and malformed settings, each at its own place. serde, which
//! stops at its first error, then only reads documents that the walk has passed.

use std::net::IpAddr;
use std::str::FromStr;
use std::sync::LazyLock;

use jiff::civil::Date;
use serde_json::Value as Json;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::source::{child, element};
use crate::{
    CheckId, Duration, FieldName, Invalid, Method, Origin, Path, Place, Problem, Profile, Size, Source,
    Variable,
};

/// The JSON Schema of [`Profile`].
pub(crate) static SCHEMA: LazyLock<Json> = LazyLock::new(|| schemars::schema_for!(Profile).to_value());

/// The grammars of text values, by the `format` that the schema names.
const FORMATS: &[(&str, fn(&str) -> Result<(), Invalid>)] = &[
    ("duration", check::<Duration>),
    ("size", check::<Size>),
    ("origin", check::<Origin>),
    ("method", check::<Method>),
    ("field-name", check::<FieldName>),
    ("path", check::<Path>),
    ("variable", check::<Variable>),
    ("check-id", check::<CheckId>),
    ("ip", |text| match text.parse::<IpAddr>() {
        Ok(_) => Ok(()),
        Err(_) => Err(Invalid::new(format!("`{text}` is not an IP address"))
            .instead("an address such as \"::\" or \"127.0.0.1\"")),
    }),
    ("date", |text| match text.parse::<Date>() {
        Ok(_) => Ok(()),
        Err(_) => Err(Invalid::new(format!("`{text}` is not a date"))
            .instead("year, month and day, such as \"2026-12-31\"")),
    }),
];

/// The profile, or all that is wrong with its form.
pub(crate) fn read(file: &str, text: &str) -> (Source, Result<Profile, Vec<Problem>>) {
    let (table, syntax) = DeTable::parse_recoverable(text);
    let source = Source::new(file, text, table.get_ref());
    if !syntax.is_empty() {
        // What a broken document seems to lack may only be hidden behind the break.
        let problems = syntax
            .iter()
            .map(|error| {
                Problem::at(
                    Place::Bytes(error.span().unwrap_or(0..0)),
                    format!("this is not TOML: {}", error.message()),
                )
            })
            .collect();
        return (source, Err(problems));
    }

    let mut problems = Vec::new();
    walk_table(table.get_ref(), &SCHEMA, "", &mut problems);
    if !problems.is_empty() {
        return (source, Err(problems));
    }
    let profile = toml::from_str(text)
        .map_err(|error| vec![Problem::at(Place::Bytes(error.span().unwrap_or(0..0)), error.message())]);
    (source, profile)
}

fn walk_table(table: &DeTable<'_>, schema: &Json, path: &str, problems: &mut Vec<Problem>) {
    let properties = schema["properties"].as_object().expect("every table of a profile has named settings");
    for (key, value) in table {
        match properties.get(key.get_ref().as_ref()) {
            Some(schema) => walk(value, schema, &child(path, key.get_ref()), problems),
            None => problems.push(unknown(key, properties.keys(), path)),
        }
    }
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str);
    for key in required.filter(|key| !table.iter().any(|(present, _)| present.get_ref() == key)) {
        problems.push(missing(key, resolve(&properties[key]), path));
    }
}

fn walk(value: &Spanned<DeValue<'_>>, schema: &Json, path: &str, problems: &mut Vec<Problem>) {
    let described = schema;
    let schema = resolve(schema);
    match (value.get_ref(), kind(schema)) {
        (DeValue::Table(table), "object") => walk_table(table, schema, path, problems),
        (DeValue::Array(items), "array") => {
            if items.is_empty() && schema["minItems"].as_u64().is_some_and(|least| least > 0) {
                problems.push(Problem::error(path, "this list is empty").instead("at least one element"));
            }
            for (index, item) in items.iter().enumerate() {
                walk(item, &schema["items"], &element(path, index), problems);
            }
        }
        (DeValue::Boolean(_), "boolean") => {}
        (DeValue::Integer(number), "integer") => {
            let range = limits(described).or_else(|| limits(schema)).unwrap_or((0, i64::MAX));
            let inside = i64::from_str_radix(number.as_str(), number.radix())
                .is_ok_and(|n| (range.0..=range.1).contains(&n));
            if !inside {
                problems.push(Problem::error(path, "this number is out of range").instead(between(range)));
            }
        }
        (DeValue::String(text), "string") => {
            if let Err(invalid) = text_fits(text, described, schema) {
                problems.push(Problem::invalid(path, invalid));
            }
        }
        (_, wanted) => problems.push(
            Problem::error(
                path,
                format!("this is {}, not {}", article(value.get_ref().type_str()), article(wanted)),
            )
            .instead(example(schema)),
        ),
    }
}

fn text_fits(text: &str, described: &Json, schema: &Json) -> Result<(), Invalid> {
    let words = words(schema);
    if !words.is_empty() {
        if words.contains(&text) {
            return Ok(());
        }
        return Err(Invalid::new(format!("`{text}` is not one of the choices")).instead(example(schema)));
    }
    let least = described["minLength"].as_u64().or_else(|| schema["minLength"].as_u64()).unwrap_or(0);
    if least > 0 && text.trim().is_empty() {
        return Err(Invalid::new("this text is empty").instead("a sentence"));
    }
    let format = described["format"].as_str().or_else(|| schema["format"].as_str());
    match FORMATS.iter().find(|(name, _)| Some(*name) == format) {
        Some((_, fits)) => fits(text),
        None => Ok(()),
    }
}

fn unknown<'a>(
    key: &Spanned<std::borrow::Cow<'_, str>>,
    known: impl Iterator<Item = &'a String>,
    path: &str,
) -> Problem {
    let name = key.get_ref();
    let place = if path.is_empty() { "a profile has".to_owned() } else { format!("[{path}] has") };
    let problem = Problem::at(Place::Bytes(key.span()), format!("unknown key `{name}`"));
    let known: Vec<&str> = known.map(String::as_str).collect();
    let nearest = known
        .iter()
        .map(|known| (strsim::jaro_winkler(known, name), *known))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((similarity, nearest)) if similarity > 0.85 => problem.instead(format!("`{nearest}`")),
        _ => problem.instead(format!("one of the keys that {place}: {}", known.join(", "))),
    }
}

fn missing(key: &str, schema: &Json, path: &str) -> Problem {
    if kind(schema) == "object" {
        return Problem::error(path, format!("table `[{}]` is missing", child(path, key)))
            .instead(format!("[{}] and its settings; SETTINGS.md lists them", child(path, key)));
    }
    Problem::error(path, format!("key `{key}` is missing")).instead(format!("{key} = {}", example(schema)))
}

/// What could be written, as TOML.
fn example(schema: &Json) -> String {
    let words = words(schema);
    if !words.is_empty() {
        return words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" or ");
    }
    if let Some(example) = schema["examples"].get(0) {
        return example.to_string();
    }
    match kind(schema) {
        "array" => format!("[{}]", example(resolve(&schema["items"]))),
        "boolean" => "true or false".to_owned(),
        "integer" => between(limits(schema).unwrap_or((0, i64::MAX))),
        "object" => "a table".to_owned(),
        _ => "\"…\"".to_owned(),
    }
}

/// A property may carry its own limits beside the `$ref`, so both levels are looked at.
fn resolve(schema: &Json) -> &Json {
    match schema["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/$defs/")) {
        Some(name) => &SCHEMA["$defs"][name],
        None => schema,
    }
}

fn kind(schema: &Json) -> &str {
    schema["type"].as_str().unwrap_or(if words(schema).is_empty() { "object" } else { "string" })
}

/// The words of an enumeration.
fn words(schema: &Json) -> Vec<&str> {
    let constants = schema["oneOf"].as_array().into_iter().flatten().map(|choice| &choice["const"]);
    let listed = schema["enum"].as_array().into_iter().flatten();
    constants.chain(listed).filter_map(Json::as_str).collect()
}

fn limits(schema: &Json) -> Option<(i64, i64)> {
    let least = schema["minimum"].as_i64();
    let most = schema["maximum"].as_i64();
    (least.is_some() || most.is_some()).then(|| (least.unwrap_or(0), most.unwrap_or(u32::MAX.into())))
}

fn between((least, most): (i64, i64)) -> String {
    format!("a whole number from {least} to {most}")
}

fn article(kind: &str) -> String {
    let kind = match kind {
        "object" => "table",
        "array" => "list",
        "string" => "text in quotes",
        other => other,
    };
    match kind {
        "text in quotes" => kind.to_owned(),
        _ if kind.starts_with(['a', 'e', 'i', 'o', 'u']) => format!("an {kind}"),
        _ => format!("a {kind}"),
    }
}

fn check<T: FromStr<Err = Invalid>>(text: &str) -> Result<(), Invalid> {
    text.parse::<T>().map(drop)
}

//! The table of rules, and the types that the manual is made of, describe themselves.

use std::collections::BTreeSet;

use profiles::{RULES, reference};
use serde_json::Value as Json;

#[test]
fn every_rule_has_an_id_of_its_own() {
    let ids: BTreeSet<&str> = RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(ids.len(), RULES.len());
    for id in ids {
        assert!(id.contains('.') && id.bytes().all(|b| b.is_ascii_lowercase() || b".-".contains(&b)), "{id}");
    }
}

#[test]
fn every_rule_says_what_why_and_where_from() {
    for rule in RULES {
        for sentence in [rule.rule, rule.rationale] {
            assert!(sentence.ends_with('.') && !sentence.contains('\n'), "{}: {sentence}", rule.id);
        }
        for reference in rule.references {
            assert!(
                reference.starts_with("https://") && !reference.contains(' '),
                "{}: {reference}",
                rule.id
            );
        }
    }
}

#[test]
fn every_setting_and_every_choice_is_documented() {
    let schema: Json = serde_json::from_str(&reference::schema()).expect("the schema is JSON");
    let definitions = schema["$defs"].as_object().expect("the schema has definitions");
    for (name, definition) in definitions.iter().chain([(&"Profile".to_owned(), &schema)]) {
        assert!(definition["description"].is_string(), "{name}");
        // A choice without a comment would be listed here, and refused by the reader.
        assert!(definition["enum"].is_null(), "{name}");
        for choice in definition["oneOf"].as_array().into_iter().flatten() {
            assert!(choice["description"].is_string(), "{name}: {choice}");
        }
        for (setting, about) in definition["properties"].as_object().into_iter().flatten() {
            let table = about["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/"));
            let described =
                about["description"].is_string() || table.is_some_and(|name| definitions.contains_key(name));
            assert!(described, "{name}.{setting}");
        }
        if definition["type"] == "object" {
            assert_eq!(definition["additionalProperties"], false, "{name}");
        }
    }
}

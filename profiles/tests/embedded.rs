//! The profiles in this repository keep their own rules.

use jiff::civil::date;
use profiles::{Declaration, EMBEDDED};

#[test]
fn every_embedded_profile_is_accepted_without_a_warning() {
    for (name, file, _) in EMBEDDED {
        let declaration = Declaration::load(name, date(2026, 1, 1)).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((declaration.name.as_str(), declaration.source.file()), (*name, *file));
        assert_eq!(declaration.render_warnings(), "");
    }
}

#[test]
fn a_setting_is_found_where_it_stands() {
    let declaration = Declaration::load("production", date(2026, 1, 1)).unwrap();
    let location = declaration.source.location("cors.origins[1]");
    assert_eq!(declaration.source.line("cors.origins[1]"), r#"  "https://www.example.com","#);
    assert_eq!((location.file.as_str(), location.column), ("profiles/production.toml", 3));
}

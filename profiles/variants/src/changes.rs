//! The production profile with changes as text: also with mistakes, which no document can hold.

/// production.toml with these changes. Their tables come first, so that their lines keep their places; a key
/// replaces production's, and a line `#- key` or `#- [table]` removes it.
///
/// Each table after the first begins a page, so that a setting that production gains moves no line of another table.
pub fn production_with(changes: &str) -> String {
    let changes = sections(changes);
    let gone = |header: &str| changes[0].entries.iter().any(|entry| entry.key == format!("#- [{header}]"));
    let production = sections(include_str!("../../production.toml"));

    let mut text = String::new();
    for (index, section) in changes.iter().enumerate() {
        // The first is the top of the file.
        if index > 1 {
            begin_page(&mut text);
        }
        text.push_str(&section.lines);
        section.entries.iter().for_each(|entry| text.push_str(&entry.lines));
        // Of a list of tables, or of a table that stands there twice, nothing is left to add.
        let once = changes.iter().filter(|other| other.header == section.header).count() == 1;
        let rest = production.iter().filter(|rest| once && rest.header == section.header);
        for entry in rest.flat_map(|rest| &rest.entries) {
            let said = |own: &Entry| own.key == entry.key || own.key == format!("#- {}", entry.key);
            if !entry.key.starts_with('#') && !section.entries.iter().any(said) {
                text.push_str(&entry.lines);
            }
        }
    }
    for section in production.iter().skip(1) {
        let name = section.header.trim_matches(['[', ']']);
        let said = changes.iter().any(|own| own.header.trim_matches(['[', ']']) == name);
        if !said && !gone(name) {
            begin_page(&mut text);
            text.push_str(&section.lines);
            section.entries.iter().for_each(|entry| text.push_str(&entry.lines));
        }
    }
    text
}

/// In lines, more than a table has.
const PAGE: usize = 30;

fn begin_page(text: &mut String) {
    let lines = text.lines().count();
    text.extend(std::iter::repeat_n('\n', lines.next_multiple_of(PAGE) - lines));
}

struct Section {
    header: String,
    /// The header's own line.
    lines: String,
    entries: Vec<Entry>,
}

struct Entry {
    /// The key, or a comment as it stands.
    key: String,
    lines: String,
}

fn sections(text: &str) -> Vec<Section> {
    let mut sections = vec![Section { header: String::new(), lines: String::new(), entries: Vec::new() }];
    for line in text.split_inclusive('\n') {
        let last = sections.last_mut().expect("the top of the file is a section");
        if line.starts_with('[') {
            let header = line.trim().to_owned();
            sections.push(Section { header, lines: line.to_owned(), entries: Vec::new() });
        } else if line.starts_with([' ', ']'])
            && let Some(entry) = last.entries.last_mut()
        {
            entry.lines.push_str(line);
        } else {
            let key = if line.starts_with('#') { line } else { line.split('=').next().unwrap_or_default() };
            last.entries.push(Entry { key: key.trim().to_owned(), lines: line.to_owned() });
        }
    }
    sections
}

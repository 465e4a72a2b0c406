//! The rooms of `src`, and the order in which they may name each other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// From the lowest room to the highest. A room names only earlier ones.
const ROOMS: &[&str] = &[
    "database",
    "response",
    "request",
    "observe",
    "service",
    "routes",
    "policy",
    "boot",
    "app",
    "connection",
    "fuzz",
    "lib",
    "main",
];
const MOST_FILES: usize = 12;

#[test]
fn every_room_has_its_place_in_the_order() {
    let rooms: BTreeSet<&str> = ROOMS.iter().copied().collect();
    let found: BTreeSet<String> = sources().into_keys().map(|file| room(&file).to_owned()).collect();
    assert_eq!(found.iter().map(String::as_str).collect::<BTreeSet<_>>(), rooms);
}

#[test]
fn no_room_names_a_higher_one() {
    let floor = |file: &str| ROOMS.iter().position(|name| *name == room(file));
    let mut up = Vec::new();
    for (file, named) in arrows() {
        up.extend(
            named.iter().filter(|other| floor(other) > floor(&file)).map(|other| format!("{file} → {other}")),
        );
    }
    assert!(up.is_empty(), "{up:#?}");
}

#[test]
fn no_files_name_each_other_in_a_circle() {
    let arrows = arrows();
    let circular: Vec<_> =
        arrows.keys().filter(|file| reached(&arrows, file).contains(file.as_str())).collect();
    assert!(circular.is_empty(), "{circular:#?}");
}

fn reached<'a>(arrows: &'a BTreeMap<String, BTreeSet<String>>, from: &'a str) -> BTreeSet<&'a str> {
    let (mut reached, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(file) = next.pop() {
        next.extend(arrows[file].iter().map(String::as_str).filter(|other| reached.insert(*other)));
    }
    reached
}

#[test]
fn no_folder_holds_more_than_a_dozen_files() {
    let mut folders = BTreeMap::<String, usize>::new();
    for file in sources().into_keys() {
        *folders.entry(file.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned()).or_default() += 1;
    }
    assert!(folders.values().all(|files| *files <= MOST_FILES), "{folders:#?}");
}

#[test]
fn a_path_is_followed_to_the_file_that_defines_its_item() {
    let arrows = arrows();
    for (file, named) in [
        // Through a re-export, a file's own module, `super`, an expression, and a list of paths.
        ("response/refusal.rs", "database/error.rs"),
        ("app.rs", "policy/mod.rs"),
        ("database/pool/connections.rs", "database/pool/lease.rs"),
        ("routes/mod.rs", "routes/livez.rs"),
        ("routes/router.rs", "routes/route.rs"),
        ("connection/serve.rs", "connection/http1.rs"),
    ] {
        assert!(arrows[file].contains(named), "{file} names {named}: {:#?}", arrows[file]);
    }
}

/// The room of a file: its folder in `src`, or its own name.
fn room(file: &str) -> &str {
    file.split_once('/').map_or(file.trim_end_matches(".rs"), |(folder, _)| folder)
}

/// The files that each file names outside its tests. Re-exports of a folder's `mod.rs` do not count.
fn arrows() -> BTreeMap<String, BTreeSet<String>> {
    let sources = sources();
    let crate_ = Crate::new(&sources);
    let arrows = sources.iter().map(|(file, text)| {
        let module = module(file);
        let mut named = BTreeSet::new();
        for (is_public, path) in uses(text) {
            if !(is_public && file.ends_with("mod.rs")) {
                named.extend(crate_.file_of(&module, &path));
            }
        }
        named.extend(expressions(text).iter().filter_map(|path| crate_.file_of(&module, path)));
        named.remove(file);
        (file.clone(), named)
    });
    arrows.collect()
}

struct Crate {
    /// The file of each module.
    files: BTreeMap<Vec<String>, String>,
    /// A module's re-exports: the item's name, and its path from there.
    passed_on: BTreeMap<(Vec<String>, String), Vec<String>>,
}

impl Crate {
    fn new(sources: &BTreeMap<String, String>) -> Self {
        let files = sources.keys().map(|file| (module(file), file.clone())).collect();
        let mut passed_on = BTreeMap::new();
        for (file, text) in sources {
            for (_, path) in uses(text).into_iter().filter(|(is_public, _)| *is_public) {
                let name = path.last().expect("a path has a segment").clone();
                passed_on.insert((module(file), name), path);
            }
        }
        Self { files, passed_on }
    }

    /// The file that defines the item of a path, if it is in this crate.
    fn file_of(&self, module: &[String], path: &[String]) -> Option<String> {
        let path = self.absolute(module, path)?;
        let known = (0..=path.len()).rev().find(|end| self.files.contains_key(&path[..*end]))?;
        let (module, rest) = path.split_at(known);
        if let Some(name) = rest.first()
            && let Some(passed) = self.passed_on.get(&(module.to_vec(), name.clone()))
            && let Some(file) = self.file_of(module, passed)
        {
            return Some(file);
        }
        // A path that ends at the crate's root names a macro or nothing.
        (known > 0).then(|| self.files[module].clone())
    }

    fn absolute(&self, module: &[String], path: &[String]) -> Option<Vec<String>> {
        match path.first()?.as_str() {
            "crate" => Some(path[1..].to_vec()),
            "self" => Some([module, &path[1..]].concat()),
            "super" => {
                let parent = module.split_last()?.1;
                if path.get(1).is_some_and(|next| next == "super") {
                    return self.absolute(parent, &path[1..]);
                }
                Some([parent, &path[1..]].concat())
            }
            child => {
                let of_child = [module, &[child.to_owned()]].concat();
                self.files.contains_key(&of_child).then(|| [module, path].concat())
            }
        }
    }
}

fn module(file: &str) -> Vec<String> {
    let path = file.trim_end_matches(".rs").trim_end_matches("/mod");
    if path == "lib" {
        return Vec::new();
    }
    path.split('/').map(str::to_owned).collect()
}

/// The paths of the `use` declarations, and whether each is public.
fn uses(text: &str) -> Vec<(bool, Vec<String>)> {
    let mut found = Vec::new();
    for (before, tree) in text.split(';').filter_map(declaration) {
        let is_public = before.ends_with("pub ") || before.ends_with("pub(crate) ");
        let mut paths = Vec::new();
        spread(&[], tree, &mut paths);
        found.extend(paths.into_iter().map(|path| (is_public, path)));
    }
    found
}

/// The text before a `use`, and its path.
fn declaration(statement: &str) -> Option<(&str, &str)> {
    let (before, tree) = statement.split_once("use ")?;
    let begins = before.lines().last().is_none_or(|line| ["", "pub", "pub(crate)"].contains(&line.trim()));
    begins.then_some((before, tree))
}

/// `a::{b, c::{self, d as e}}` becomes `a::b`, `a::c` and `a::c::d`.
fn spread(prefix: &[String], tree: &str, paths: &mut Vec<Vec<String>>) {
    let tree = tree.trim();
    if let Some((start, list)) = tree.split_once('{') {
        let start = start.split("::").map(str::trim).filter(|segment| !segment.is_empty()).map(str::to_owned);
        let prefix: Vec<String> = prefix.iter().cloned().chain(start).collect();
        let list = list.trim_end().strip_suffix('}').expect("a list ends with a brace");
        let (mut depth, mut begin) = (0, 0);
        for (at, char) in list.char_indices().chain([(list.len(), ',')]) {
            match char {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    if !list[begin..at].trim().is_empty() {
                        spread(&prefix, &list[begin..at], paths);
                    }
                    begin = at + 1;
                }
                _ => {}
            }
        }
        return;
    }
    let path = tree.split(" as ").next().unwrap_or_default();
    let rest = path.split("::").map(str::trim).filter(|segment| *segment != "self" || prefix.is_empty());
    paths.push(prefix.iter().cloned().chain(rest.map(str::to_owned)).collect());
}

/// Paths in expressions and types: `crate::boot::…`, `super::…`, and `livez::ROUTE` of a folder's own file.
fn expressions(text: &str) -> Vec<Vec<String>> {
    let is_path = |char: char| char.is_ascii_alphanumeric() || char == '_' || char == ':';
    text.split(';')
        .map(|statement| declaration(statement).map_or(statement, |(before, _)| before))
        .flat_map(|code| code.split(|char| !is_path(char)))
        .filter(|word| word.contains("::"))
        .map(|word| word.split("::").map(str::to_owned).collect())
        .collect()
}

/// Every source file by its path in `src`, without its comments and its tests.
fn sources() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut folders, mut sources) = (vec![root.clone()], BTreeMap::new());
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.strip_prefix(&root).unwrap().display().to_string();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !name.ends_with("_tests.rs")
            {
                let text = std::fs::read_to_string(&path).unwrap();
                let text = text.split("#[cfg(test)]").next().unwrap_or_default();
                let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
                sources.insert(name, code.collect::<Vec<_>>().join("\n"));
            }
        }
    }
    assert!(sources.len() > 40, "only {} sources were found", sources.len());
    sources
}

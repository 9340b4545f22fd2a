//! The code matches ARCHITECTURE.md: imports of the core point one way, and the map names everything that exists.
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The cells of the rows of the table between `<!-- mark -->` and `<!-- /mark -->`, without its header.
fn table(mark: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("the document");
    let (_, rest) = text.split_once(&format!("<!-- {mark} -->\n")).expect("the table's start");
    let (rows, _) = rest.split_once(&format!("<!-- /{mark} -->")).expect("the table's end");
    let cells = |row: &str| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    rows.lines().skip(2).map(cells).collect()
}

/// The texts between backquotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Every entry of a folder, sorted, except hidden and built ones.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let kept = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        !name.starts_with('.') && !["target", "node_modules"].contains(&name)
    };
    let mut entries: Vec<_> = entries.filter(kept).collect();
    entries.sort();
    entries
}

/// Every Rust file below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let below = |path: PathBuf| if path.is_dir() { sources(&path) } else { vec![path] };
    let files = entries(folder).into_iter().flat_map(below);
    files.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

/// The module path of a file in `src/`.
fn module(file: &Path) -> Vec<String> {
    let path = file.strip_prefix(root().join("src")).expect("a file of the core").with_extension("");
    let mut parts: Vec<_> = path.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    parts.retain(|part| part != "mod" && part != "lib");
    parts
}

/// A file without comments and tests.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join(" ")
}

/// The paths in `prefix::{a::b, c::{d, e}}`, and the text after it.
fn paths(text: &str) -> (Vec<Vec<String>>, &str) {
    let end = text.find(|letter: char| !letter.is_alphanumeric() && !":_".contains(letter)).unwrap_or(text.len());
    let (head, rest) = text.split_at(end);
    let prefix: Vec<String> = head.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
    if !(rest.starts_with('{') && (head.is_empty() || head.ends_with("::"))) {
        return (vec![prefix], rest);
    }
    let (mut found, mut rest) = (Vec::new(), &rest[1..]);
    loop {
        rest = rest.trim_start_matches(|letter: char| letter.is_whitespace() || letter == ',');
        if let Some(after) = rest.strip_prefix('}') {
            return (found, after);
        }
        let (inner, after) = paths(rest);
        found.extend(inner.into_iter().map(|path| prefix.iter().cloned().chain(path).collect()));
        // A name given with `as` is not a path.
        rest = &after[after.find([',', '}']).expect("the end of a list")..];
    }
}

/// Every item of the core that a file names, as a path from the root.
fn imports(file: &Path) -> Vec<Vec<String>> {
    let code = code(&fs::read_to_string(file).expect("a source"));
    let own = module(file);
    let mut found: Vec<Vec<String>> = Vec::new();
    for start in ["crate::", "super::", "self::", "use "].iter().flat_map(|word| code.match_indices(word)) {
        let before = code[..start.0].chars().next_back().unwrap_or(' ');
        if before.is_alphanumeric() || before == '_' || before == ':' {
            continue;
        }
        let (named, _) = paths(code[start.0..].trim_start_matches("use "));
        for path in named {
            // `super` is the parent of a file; for `a/mod.rs`, the parent of `a`. A path that starts neither there nor
            // at the root is below the file, or outside the core.
            let up = path.iter().take_while(|part| *part == "super").count();
            let fixed = path.first().is_some_and(|part| part == "crate");
            let around = if fixed { Vec::new() } else { own[..own.len().saturating_sub(up)].to_vec() };
            let rest = path.into_iter().skip(up).filter(|part| part != "crate" && part != "self");
            found.push(around.into_iter().chain(rest).collect());
        }
    }
    found.sort();
    found.dedup();
    found
}

/// The unit of the core that contains a path: the longest one in the table.
fn room<'a>(rooms: &'a BTreeMap<String, usize>, path: &[String]) -> Option<&'a str> {
    let named = (1..=path.len()).rev().map(|parts| path[..parts].join("/"));
    named.into_iter().find_map(|name| rooms.get_key_value(&name).map(|(name, _)| name.as_str()))
}

#[test]
fn imports_of_the_core_point_one_way() {
    let mut rooms = BTreeMap::new();
    for (layer, row) in table("layers").iter().enumerate() {
        rooms.extend(quoted(&row[1]).map(|room| (room.to_owned(), layer)));
    }
    let (mut wrong, mut followed) = (Vec::new(), 0);
    for file in sources(&root().join("src")) {
        let own = module(&file);
        if own.is_empty() {
            continue;
        }
        let shown = file.strip_prefix(root()).expect("a file of the core").display().to_string();
        let Some(from) = room(&rooms, &own) else {
            wrong.push(format!("{shown} is in no layer"));
            continue;
        };
        for path in imports(&file) {
            let Some(to) = room(&rooms, &path) else { continue };
            followed += 1;
            if to != from && rooms[to] >= rooms[from] {
                wrong.push(format!("{shown} imports {}: `{from}` must not import `{to}`", path.join("::")));
            }
        }
    }
    assert!(followed > 200, "only {followed} imports were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_map_names_what_is_there_and_nothing_else() {
    let rows = table("map");
    let named: Vec<_> = rows.iter().flat_map(|row| quoted(&row[0])).collect();
    let missing: Vec<_> = named.iter().filter(|name| !root().join(name).exists()).collect();
    assert!(missing.is_empty(), "the map names what is not there: {missing:?}");
    let mut there: Vec<_> = entries(root()).into_iter().filter(|path| path.is_dir()).collect();
    there.retain(|path| !path.ends_with("src"));
    let mut core = entries(&root().join("src"));
    there.append(&mut core.clone());
    core.retain(|path| path.is_dir());
    there.extend(core.iter().flat_map(|folder| entries(folder)).filter(|path| path.is_dir()));
    for path in there {
        let relative = path.strip_prefix(root()).expect("below the root").to_string_lossy().replace('\\', "/");
        let name = if path.is_dir() { format!("{relative}/") } else { relative };
        assert!(named.contains(&name.as_str()), "the map does not name {name}");
    }
}

/// A test that SECURITY.md names, `file.rs::name`, as its file and its function.
fn is_a_test(name: &str) -> bool {
    let Some((file, function)) = name.split_once("::") else { return false };
    let text = fs::read_to_string(root().join("tests").join(file)).unwrap_or_default();
    let mut lines = text.lines().map(str::trim).skip_while(|line| !line.contains(&format!("fn {function}(")));
    lines.next().is_some_and(|line| {
        let before = text.split(line).next().unwrap_or_default();
        before.trim_end().lines().next_back().is_some_and(|attribute| attribute.contains("test"))
    })
}

#[test]
fn every_threat_names_the_tests_that_cover_it() {
    let text = fs::read_to_string(root().join("SECURITY.md")).expect("the document");
    let (_, rest) = text.split_once("## Threats\n").expect("the threats");
    let (threats, _) = rest.split_once("\n## ").expect("what follows them");
    let rows: Vec<_> = threats.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert!(rows.len() > 15, "only {} threats", rows.len());
    for row in rows {
        let tests = row.trim_end_matches(" |").rsplit(" | ").next().unwrap_or_default();
        let (named, missing): (Vec<_>, Vec<_>) = quoted(tests).partition(|name| is_a_test(name));
        assert!(!named.is_empty() && missing.is_empty(), "{row}\nnames no test, or one that is not there: {missing:?}");
    }
}

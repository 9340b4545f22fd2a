//! `postern man`: pages that `man` shows.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::tool::{root, run};

/// The plain text that `man` makes of a page; `None` if `man` is not installed.
fn shown(page: &Path) -> Option<String> {
    let mut command = Command::new("man");
    let output =
        command.args(["--warnings", "-l"]).arg(page).env("MANWIDTH", "100").env("LC_ALL", "C").output().ok()?;
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{}", page.display());
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn there_is_a_page_for_the_tool_and_one_for_each_command() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("man1");
    let said = run(root(), &["man", "-o", directory.to_str().unwrap()]);
    assert_eq!((said.status, said.stdout.as_str(), said.stderr.as_str()), (0, "", ""));
    let overview = run(root(), &["--help"]).stdout;
    let (_, rest) = overview.split_once("Commands:\n").unwrap();
    let commands = rest.split("\n\n").next().unwrap().lines().filter(|line| !line.starts_with("   "));
    let mut expected: Vec<_> =
        commands.map(|line| format!("postern-{}.1", line.split_whitespace().next().unwrap())).collect();
    expected.push("postern.1".to_owned());
    expected.sort();
    let mut pages: Vec<_> =
        fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    pages.sort();
    // `manifest` has subcommands.
    assert!(pages.contains(&"postern-manifest-spin.1".to_owned()));
    pages.retain(|page| !page.starts_with("postern-manifest-"));
    assert_eq!(pages, expected);
    for page in &pages {
        let text = fs::read_to_string(directory.join(page)).unwrap();
        for heading in [".SH NAME\n", ".SH SYNOPSIS\n", ".SH DESCRIPTION\n", ".SH OPTIONS\n"] {
            assert!(text.contains(heading), "{page} has no {heading}");
        }
        match shown(&directory.join(page)) {
            Some(shown) => assert!(shown.contains("NAME\n") && shown.contains("postern"), "{page}: {shown}"),
            None => eprintln!("skipped: there is no `man` to show {page}"),
        }
    }
}

#[test]
fn without_a_directory_the_tools_page_is_printed() {
    let said = run(root(), &["man"]);
    assert_eq!((said.status, said.stderr.as_str()), (0, ""));
    assert!(said.stdout.contains(".TH postern 1 "), "{}", said.stdout);
    assert!(said.stdout.contains("postern\\-dev(1)"), "{}", said.stdout);
}

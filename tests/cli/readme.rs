//! The commands in the documents exist.

use std::fs;

use crate::tool::{root, run};

/// The lines of all `sh` blocks of a document.
fn commands(document: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(document)).unwrap();
    let blocks = text.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap());
    // Blocks inside a list are indented.
    blocks.flat_map(str::lines).map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
}

/// Why a command cannot work, if so.
fn fault(command: &str) -> Option<String> {
    let words: Vec<&str> = command.split_whitespace().collect();
    let aliases = fs::read_to_string(root().join(".cargo/config.toml")).unwrap();
    match words.as_slice() {
        ["cargo", alias @ ("dev" | "postern"), ..] if !aliases.contains(&format!("\n{alias} = ")) => {
            Some(format!("no alias `{alias}`"))
        }
        ["cargo", "dev"] | ["cargo", "test"] => None,
        ["cargo", "postern", command, ..] if run(root(), &[command, "--help"]).status != 0 => {
            Some(format!("no command `{command}`"))
        }
        ["cargo", "postern", ..] => None,
        ["cargo", "test", "--test", target] => {
            let main = root().join("tests").join(target).join("main.rs");
            (!main.exists()).then(|| format!("no test target `{target}`"))
        }
        _ => Some("not a command this test knows".to_owned()),
    }
}

#[test]
fn every_command_in_the_documents_exists() {
    for document in ["README.md", "CONTRIBUTING.md"] {
        let commands = commands(document);
        assert!(!commands.is_empty(), "{document} shows commands");
        for command in commands {
            assert_eq!(fault(&command), None, "{document}: {command}");
        }
    }
}

#[test]
fn commands_that_do_not_exist_are_found() {
    assert_eq!(fault("cargo postern prevue x"), Some("no command `prevue`".to_owned()));
    assert_eq!(fault("cargo test --test nothing"), Some("no test target `nothing`".to_owned()));
    assert_eq!(fault("make install"), Some("not a command this test knows".to_owned()));
}

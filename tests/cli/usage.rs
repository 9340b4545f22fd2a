//! The tool's own help.

use crate::tool::{Said, root, run};

const COMMANDS: [&str; 18] = [
    "dev",
    "check",
    "approve",
    "init",
    "presets",
    "add",
    "preview",
    "send",
    "emulator",
    "seal",
    "inspect",
    "manifest",
    "serve",
    "status",
    "replay",
    "doctor",
    "completions",
    "man",
];

#[test]
fn the_version_is_the_workspaces() {
    let version = format!("postern {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(run(root(), &["--version"]), Said { status: 0, stdout: version, stderr: String::new() });
}

#[test]
fn every_command_is_listed_and_has_an_example() {
    let overview = run(root(), &["--help"]);
    assert_eq!(overview.status, 0);
    for command in COMMANDS {
        assert!(overview.stdout.contains(&format!("\n  {command} ")), "{}", overview.stdout);
        let help = run(root(), &[command, "--help"]);
        assert_eq!(help.status, 0);
        let (_, examples) = help.stdout.split_once("\nExample").unwrap();
        assert!(examples.contains(&format!(":\n  postern {command}")), "{}", help.stdout);
    }
}

#[test]
fn arguments_that_make_no_sense_exit_with_2_and_print_nothing_on_standard_output() {
    for arguments in [
        &[][..],
        &["chekc"],
        &["check", "--format", "xml"],
        &["check", "one", "two"],
        &["add"],
        &["presets", "all"],
        &["preview"],
        &["preview", "contact-notify", "--text", "--html"],
        &["send"],
        &["dev", "--listen", "everywhere"],
        &["emulator", "--listen", "127.0.0.1:99999"],
        &["seal", "--host", "browser"],
        &["seal", "--host", "spin", "--engine", "engine.wasm"],
        &["inspect"],
        &["manifest"],
        &["manifest", "docker"],
        &["serve"],
        &["replay", "--tries", "0"],
        &["replay", "now"],
        &["status"],
        &["status", "not-an-id"],
        &["completions"],
        &["completions", "tcsh"],
        &["man", "dev"],
        &["doctor", "--format", "yaml"],
    ] {
        let said = run(root(), arguments);
        assert_eq!((said.status, said.stdout.as_str()), (2, ""), "{arguments:?}");
    }
}

#[test]
fn a_wrong_address_is_explained() {
    let said = run(root(), &["dev", "--listen", "everywhere"]);
    let sentence = "error: invalid value 'everywhere' for '--listen <ADDR>': expected an address with a port, such as \
                    127.0.0.1:3000, or only a port\n";
    assert!(said.stderr.starts_with(sentence), "{}", said.stderr);
}

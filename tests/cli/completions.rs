//! `postern completions`: scripts that shells accept.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::tool::{root, run};

/// Runs a script in a shell without start-up files; `None` if the shell is not installed.
fn shell(program: &str, options: &[&str], script: &str) -> Option<(bool, String)> {
    let piped = || Stdio::piped();
    let mut command = Command::new(program);
    let mut child = command.args(options).stdin(piped()).stdout(piped()).stderr(piped()).spawn().ok()?;
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8(said).unwrap()))
}

fn script(name: &str) -> String {
    let said = run(root(), &["completions", name]);
    assert_eq!((said.status, said.stderr.as_str()), (0, ""));
    said.stdout
}

/// What bash offers for the last of these words.
fn offered(words: &[&str]) -> Vec<String> {
    let line = words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
    let ask = format!(
        "{}\nCOMP_WORDS=({line}); COMP_CWORD={}\n_postern postern \"${{COMP_WORDS[COMP_CWORD]}}\" \
         \"${{COMP_WORDS[COMP_CWORD-1]}}\"\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
        script("bash"),
        words.len() - 1,
    );
    let (success, said) = shell("bash", &["--norc", "--noprofile"], &ask).expect("there is a bash");
    assert!(success, "{said}");
    said.lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_options_and_values() {
    assert_eq!(offered(&["postern", "com"]), ["completions"]);
    assert_eq!(offered(&["postern", "dev", "--q"]), ["--quiet"]);
    assert_eq!(offered(&["postern", "check", "--format", ""]), ["text", "json"]);
}

#[test]
fn every_shell_that_is_here_reads_its_script() {
    for (name, program, options) in [
        ("bash", "bash", &["-n"][..]),
        ("zsh", "zsh", &["-n"]),
        ("fish", "fish", &["--no-execute"]),
        ("elvish", "elvish", &["-compileonly", "/dev/stdin"]),
        ("powershell", "pwsh", &["-NoProfile", "-Command", "-"]),
    ] {
        let script = script(name);
        assert!(script.contains("completions") && script.contains("acs-listen"), "{name}");
        match shell(program, options, &script) {
            Some(said) => assert_eq!(said, (true, String::new()), "{name}"),
            None => eprintln!("skipped: there is no {program} to read the script for {name}"),
        }
    }
}

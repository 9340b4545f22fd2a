//! The program under test, and its policies.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use postern::policy::Files;
use tempfile::TempDir;

/// Built once by cargo, which only checks it if it was built before.
static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
    let build =
        escargot::CargoBuild::new().manifest_path(root().join("Cargo.toml")).package("postern-cli").bin("postern");
    // The variables with which cargo describes this test's package would make build scripts, such as ring's, run again.
    let own = env::vars_os().map(|(name, _)| name).filter(|name| {
        let name = name.to_string_lossy();
        name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
    });
    let build = own.fold(build, escargot::CargoBuild::env_remove);
    build.run().expect("the tool builds").path().to_owned()
});

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The program, in a directory, without the variables of this process that change its behaviour.
pub fn postern(directory: &Path) -> Command {
    let mut command = Command::new(&*PROGRAM);
    command.current_dir(directory);
    let own = postern::acs::setting::ALL.into_iter().chain(postern::entra::setting::ALL);
    let own = own.chain(postern::overflow::setting::ALL);
    for name in own.chain(["deploy_secret", "github_webhook_secret", "redirect_all_to"]) {
        command.env_remove(name.to_uppercase());
    }
    // The tests of a checkout share compiled components, and leave none in the user's own directories.
    command.env("XDG_CACHE_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/cache"));
    // In a development build, the program has cargo build the component; only errors of that matter here.
    command.env("CARGO_TERM_QUIET", "true");
    for name in ["CLICOLOR", "CLICOLOR_FORCE", "NO_COLOR", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        command.env_remove(name);
    }
    command
}

/// The output of a program that has ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Said {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

pub fn run(directory: &Path, arguments: &[&str]) -> Said {
    said(postern(directory).args(arguments).output().unwrap())
}

pub fn said(output: Output) -> Said {
    Said {
        status: output.status.code().expect("it ends by itself"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A small policy with a form and an event; tests may rely on its line numbers.
pub fn fixture() -> PathBuf {
    root().join("tests/cli/policy")
}

/// A copy of a policy, to be edited.
pub fn copy(policy: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    let files = Files::read(policy).unwrap();
    for path in files.paths() {
        write(copy.path(), path, files.text(path).unwrap());
    }
    copy
}

pub fn write(directory: &Path, path: &str, text: &str) {
    let path = directory.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Replaces the one occurrence of a text in a file.
pub fn edit(directory: &Path, path: &str, old: &str, new: &str) {
    let text = fs::read_to_string(directory.join(path)).unwrap();
    assert_eq!(text.matches(old).count(), 1, "{old:?} in {path}");
    write(directory, path, &text.replace(old, new));
}

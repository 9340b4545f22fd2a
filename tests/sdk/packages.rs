//! The SDKs' packages, installed once into the target directory by `pip` and `npm`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// Versions that the emulator is known to work with; the newest of 2026.
const PYTHON: [&str; 2] = ["azure-communication-email==1.1.0", "aiohttp"];
const NODE: [&str; 2] = ["@azure/communication-email@1.1.0", "@azure/core-auth"];

fn directory(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("sdk").join(name)
}

/// Runs commands in order, unless a marker says that they have already run. Says why if one fails.
fn installed(directory: &Path, commands: Vec<Command>) -> bool {
    let marker = directory.join("complete");
    if marker.exists() {
        return true;
    }
    // Half an installation would only cause problems.
    let _ = fs::remove_dir_all(directory);
    fs::create_dir_all(directory).unwrap();
    for mut command in commands {
        let program = command.get_program().to_owned();
        let failure = match command.output() {
            Err(error) => error.to_string(),
            Ok(output) if output.status.success() => continue,
            Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        eprintln!("skipped: the SDK is not installed, {} failed: {failure}", program.display());
        return false;
    }
    fs::write(marker, "").unwrap();
    true
}

static PYTHON_PROGRAM: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    let directory = directory("python");
    let program = directory.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let mut create = Command::new("python3");
    create.args(["-m", "venv"]).arg(&directory);
    let mut install = Command::new(&program);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(PYTHON);
    installed(&directory, vec![create, install]).then_some(program)
});

static NODE_PACKAGES: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    let directory = directory("node");
    let mut install = Command::new("npm");
    install.args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"]).arg(&directory).args(NODE);
    installed(&directory, vec![install]).then_some(directory)
});

/// A Python that has the SDK.
pub fn python() -> Option<&'static Path> {
    PYTHON_PROGRAM.as_deref()
}

/// A directory in which Node.js finds the packages.
pub fn node() -> Option<&'static Path> {
    NODE_PACKAGES.as_deref()
}

//! How the component is built: one command, for `cargo dev`, for the engine's build script and for the tests, so that
//! each finds fresh what another has built.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The compilation target of the component.
pub const TARGET: &str = "wasm32-wasip2";

/// Cargo's profile for it, in the workspace's Cargo.toml.
const PROFILE: &str = "component";

/// One build of a component.
pub struct Build {
    /// Its name, and that of the directory it is built in.
    pub name: &'static str,
    /// The package.
    pub package: &'static str,
    /// Which cargo features it has, as arguments.
    pub features: &'static [&'static str],
}

/// The flavours of the component.
#[allow(dead_code, reason = "the tests have a component of their own")]
pub const FLAVOURS: [Build; 4] = [
    Build { name: "wasi", package: "postern", features: &[] },
    Build { name: "spin", package: "postern", features: &["--no-default-features", "--features", "spin"] },
    Build { name: "wasi-p2", package: "postern", features: &["--no-default-features", "--features", "wasi-p2"] },
    Build { name: "spin-p2", package: "postern", features: &["--no-default-features", "--features", "spin-p2"] },
];

/// What a build depends on, relative to the workspace's root.
#[allow(dead_code, reason = "of interest to the build script only")]
pub const INPUTS: [&str; 4] = ["src", "Cargo.toml", "Cargo.lock", "engine/component.rs"];

/// Variables of an outer cargo that say where and with whom it works, and that an inner one needs as well.
const KEPT: [&str; 7] = [
    "CARGO_HOME",
    "CARGO_BUILD_JOBS",
    "CARGO_HTTP_",
    "CARGO_NET_",
    "CARGO_REGISTRIES_",
    "CARGO_REGISTRY_",
    "CARGO_TERM_",
];

/// Variables without the prefix `CARGO_` that an outer cargo sets for a build script, a compiler or a linter.
const FOREIGN: [&str; 12] = [
    "DEBUG",
    "HOST",
    "MAKEFLAGS",
    "NUM_JOBS",
    "OPT_LEVEL",
    "OUT_DIR",
    "PROFILE",
    "RUSTC",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTDOC",
    "RUSTFLAGS",
    "TARGET",
];

impl Build {
    /// The command that builds it.
    pub fn command(&self, root: &Path) -> Command {
        let mut command = cargo(root);
        command
            .args(["rustc", "--lib", "--profile", PROFILE, "--target", TARGET])
            .args(["--package", self.package])
            .args(self.features)
            .arg("--target-dir")
            .arg(self.directory(root))
            .env("CARGO_ENCODED_RUSTFLAGS", without_registries())
            .arg("--")
            .arg(remap(root, "/postern"));
        command
    }

    /// The component the command makes.
    #[allow(dead_code, reason = "`cargo dev` leaves it to the build script")]
    pub fn component(&self, root: &Path) -> PathBuf {
        let file = format!("{}.wasm", self.package.replace('-', "_"));
        self.directory(root).join(TARGET).join(PROFILE).join(file)
    }

    /// One directory for each: cargo gives all flavours the same file name, and would build each anew after the other.
    fn directory(&self, root: &Path) -> PathBuf {
        let outer = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| OsString::from("target"));
        root.join(outer).join("engine").join(self.name)
    }
}

/// A cargo in the workspace's root that inherits nothing from a cargo around it.
pub fn cargo(root: &Path) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(is_foreign) {
            command.env_remove(name);
        }
    }
    command.current_dir(root);
    command
}

fn is_foreign(name: &str) -> bool {
    let ours = KEPT.iter().any(|kept| name.starts_with(kept));
    (name.starts_with("CARGO") && !ours) || FOREIGN.contains(&name)
}

/// Compiler flags by which no path of this machine gets into the component, so that its bytes are the same elsewhere.
/// The workspace's own path is for its own crate alone: dependencies are then built once for all checkouts.
fn without_registries() -> OsString {
    let flags: Vec<_> = registries().iter().map(|registry| remap(registry, "/registry")).collect();
    flags.join(OsStr::new("\u{1f}"))
}

fn remap(from: &Path, to: &str) -> OsString {
    let mut flag = OsString::from("--remap-path-prefix=");
    flag.push(from);
    flag.push("=");
    flag.push(to);
    flag
}

/// Where cargo unpacks the sources of dependencies; sorted, because cargo builds all anew when flags change.
fn registries() -> Vec<PathBuf> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| env::home_dir().map(|home| home.join(".cargo")));
    let sources = home.and_then(|home| fs::read_dir(home.join("registry/src")).ok());
    let mut found: Vec<PathBuf> = sources.into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect();
    found.sort();
    found
}

/// Adds the target to the Rust toolchain if it is missing; true if it had to be added.
#[allow(dead_code, reason = "`cargo side-by-side` comes after the engine's build script")]
pub fn add_target(root: &Path) -> Result<bool, String> {
    if has_target(root) {
        return Ok(false);
    }
    let added = Command::new("rustup").args(["target", "add", TARGET]).current_dir(root).stdout(Stdio::null()).status();
    match added {
        Ok(status) if status.success() && has_target(root) => Ok(true),
        Ok(_) => Err(format!("`rustup target add {TARGET}` failed; its own message is above.")),
        Err(_) => Err(format!(
            "The target {TARGET} is missing and there is no `rustup` to add it: install rustup from https://rustup.rs."
        )),
    }
}

/// Asks the compiler, because it need not come from rustup.
#[allow(dead_code, reason = "as `add_target`")]
fn has_target(root: &Path) -> bool {
    let asked = Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]).current_dir(root).output();
    asked.is_ok_and(|answer| {
        let directory = String::from_utf8_lossy(&answer.stdout);
        answer.status.success() && Path::new(directory.trim()).is_dir()
    })
}

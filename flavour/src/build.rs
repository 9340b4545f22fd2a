//! Builds a component. The tool, the engine's build script and the tests run the same command in the same target
//! directory, so each reuses what another has built.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Flavour;

/// The compilation target of the component.
pub const TARGET: &str = "wasm32-wasip2";

/// The development profile's settings for a component. It remains cargo's `dev`, so that procedural macros and build
/// scripts are shared with the tool. Some optimisation pays off: it makes the component smaller, and the host compiles
/// all of it to native code at the first start.
const DEVELOPMENT: [&str; 2] = ["profile.dev.opt-level=1", "profile.dev.debug=false"];

/// The cargo profile for a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// For `postern dev`: built in a minute or two, without optimisation across crates.
    Development,
    /// For deployment: small, fast, and the same bytes wherever the checkout is. `component` in the workspace's Cargo.toml.
    Deployment,
}

/// A component that cargo builds.
#[derive(Clone, Debug)]
pub struct Build {
    package: String,
    profile: Profile,
}

/// Variables of an outer cargo that say where and with which tools it works, and that an inner one needs as well.
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
    /// The component in a flavour.
    pub fn of(flavour: Flavour, profile: Profile) -> Self {
        Self { package: format!("postern-{}", flavour.name()), profile }
    }

    /// Another component of the workspace, such as one for tests, built as for deployment.
    pub fn package(name: &str) -> Self {
        Self { package: name.to_owned(), profile: Profile::Deployment }
    }

    /// The command that builds it from the workspace at `root`.
    pub fn command(&self, root: &Path) -> Command {
        command(root, self.profile, [self.package.as_str()])
    }

    /// The command that builds every flavour for deployment, in parallel.
    pub fn command_for_all(root: &Path) -> Command {
        let builds = Flavour::ALL.map(|flavour| Self::of(flavour, Profile::Deployment));
        command(root, Profile::Deployment, builds.iter().map(|build| build.package.as_str()))
    }

    /// The file that the command creates.
    pub fn component(&self, root: &Path) -> PathBuf {
        let outer = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| OsString::from("target"));
        let profile = match self.profile {
            Profile::Development => "debug",
            Profile::Deployment => "component",
        };
        root.join(outer).join(TARGET).join(profile).join(format!("{}.wasm", self.package.replace('-', "_")))
    }
}

fn command<'a>(root: &Path, profile: Profile, packages: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = cargo(root);
    command.args(["build", "--target", TARGET]);
    command.args(packages.into_iter().flat_map(|package| ["--package", package]));
    match profile {
        Profile::Development => {
            command.args(DEVELOPMENT.iter().flat_map(|change| ["--config", change]));
        }
        Profile::Deployment => {
            command.args(["--profile", "component"]).env("CARGO_ENCODED_RUSTFLAGS", without_paths(root));
        }
    }
    command
}

/// A cargo in the workspace's root that inherits nothing from an outer cargo.
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

/// Compiler flags that keep paths of this machine out of the component, so that every machine builds the same bytes.
fn without_paths(root: &Path) -> OsString {
    let registries = registries().into_iter().map(|registry| remap(&registry, "/registry"));
    let flags: Vec<_> = registries.chain([remap(root, "/postern")]).collect();
    flags.join(OsStr::new("\u{1f}"))
}

fn remap(from: &Path, to: &str) -> OsString {
    let mut flag = OsString::from("--remap-path-prefix=");
    flag.push(from);
    flag.push("=");
    flag.push(to);
    flag
}

/// Where cargo unpacks the sources of dependencies; sorted, because cargo rebuilds everything when flags change.
fn registries() -> Vec<PathBuf> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| env::home_dir().map(|home| home.join(".cargo")));
    let sources = home.and_then(|home| fs::read_dir(home.join("registry/src")).ok());
    let mut found: Vec<PathBuf> = sources.into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect();
    found.sort();
    found
}

/// Adds the target to the Rust toolchain if it is missing; returns true if it had to be added.
///
/// # Errors
/// A sentence for the user, if rustup is missing or fails.
pub fn add_target(root: &Path) -> Result<bool, String> {
    if has_target(root) {
        return Ok(false);
    }
    let added = Command::new("rustup").args(["target", "add", TARGET]).current_dir(root).stdout(Stdio::null()).status();
    match added {
        Ok(status) if status.success() && has_target(root) => Ok(true),
        Ok(_) => Err(format!("`rustup target add {TARGET}` failed; its own message is above.")),
        Err(_) => Err(format!(
            "The target {TARGET} is missing, and `rustup` is not installed to add it: get it from https://rustup.rs."
        )),
    }
}

/// Asks the compiler, because it may not come from rustup.
fn has_target(root: &Path) -> bool {
    let asked = Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]).current_dir(root).output();
    asked.is_ok_and(|answer| {
        let directory = String::from_utf8_lossy(&answer.stdout);
        answer.status.success() && Path::new(directory.trim()).is_dir()
    })
}

//! The component's bytes, in every flavour.
//!
//! A release build of the tool embeds them all. Any other build has a checkout around it and embeds none: it has cargo
//! build the requested flavour, so that no build waits for the other three.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

pub use postern_flavour::{Build, Flavour, Profile, TARGET, add_target};

/// The embedded components; none in a development build.
const EMBEDDED: &[(Flavour, &[u8])] = &include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// Why the component could not be built.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The sources from which this development build would build it no longer exist.
    #[error(
        "{} no longer exists: this is a development build of postern, which builds the component from its checkout. \
         `cargo install --path cli` in a checkout installs a tool that contains it.",
        .0.display()
    )]
    NoCheckout(PathBuf),
    /// The compilation target cannot be added.
    #[error("{0}")]
    Target(String),
    /// cargo failed; it has printed why.
    #[error("The component did not build in the flavour `{0}`; the compiler's messages are above.")]
    Build(&'static str),
    /// cargo does not start, or its result cannot be read.
    #[error("The component did not build in the flavour `{0}`: {1}.")]
    Io(&'static str, std::io::Error),
}

/// The component for deployment, to seal a policy into.
///
/// # Errors
/// In a development build, if cargo cannot build it.
pub fn component(flavour: Flavour) -> Result<Cow<'static, [u8]>, EngineError> {
    embedded(flavour).map_or_else(|| build(flavour, Profile::Deployment), Ok)
}

/// The component that `postern dev` serves: in a checkout, one that builds fast.
///
/// # Errors
/// As for [`component`].
pub fn development() -> Result<Cow<'static, [u8]>, EngineError> {
    embedded(Flavour::Wasi).map_or_else(|| build(Flavour::Wasi, Profile::Development), Ok)
}

/// Whether asking for a component for deployment starts a build that takes minutes, because it is the first one.
pub fn is_first_build(flavour: Flavour) -> bool {
    embedded(flavour).is_none() && !Build::of(flavour, Profile::Deployment).component(&checkout()).exists()
}

fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn embedded(flavour: Flavour) -> Option<Cow<'static, [u8]>> {
    EMBEDDED.iter().find(|(embedded, _)| *embedded == flavour).map(|(_, bytes)| Cow::Borrowed(*bytes))
}

/// Has cargo build it. Cargo reports its progress on stderr.
fn build(flavour: Flavour, profile: Profile) -> Result<Cow<'static, [u8]>, EngineError> {
    let root = checkout();
    let root = root.canonicalize().map_err(|_| EngineError::NoCheckout(root))?;
    add_target(&root).map_err(EngineError::Target)?;
    let build = Build::of(flavour, profile);
    let failed = |error| EngineError::Io(flavour.name(), error);
    if !build.command(&root).status().map_err(failed)?.success() {
        return Err(EngineError::Build(flavour.name()));
    }
    fs::read(build.component(&root)).map(Cow::Owned).map_err(failed)
}

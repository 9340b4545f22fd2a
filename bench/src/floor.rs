//! Builds the floor component.

use crate::contestant::root;
use anyhow::{Result, ensure};
use postern_engine::Build;
use std::path::PathBuf;

fn floor() -> Build {
    Build::package("postern-floor")
}

/// Builds it; cargo prints its own messages.
pub fn build() -> Result<()> {
    ensure!(floor().command(&root()).status()?.success(), "the floor component did not build");
    Ok(())
}

/// The path of the built component.
pub fn path() -> Result<PathBuf> {
    Ok(floor().component(&root()).canonicalize()?)
}

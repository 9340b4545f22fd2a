//! Builds the floor component.

#[path = "../../engine/component.rs"]
mod component;

use crate::contestant::root;
use anyhow::{Result, ensure};
use component::Build;
use std::path::PathBuf;

/// In the directory of a flavour: it has the same dependencies, which are then built once.
const FLOOR: Build = Build { name: "wasi", package: "postern-floor", features: &[] };

/// Builds it; cargo shows its own messages.
pub fn build() -> Result<()> {
    ensure!(FLOOR.command(&root()).status()?.success(), "the floor component did not build");
    Ok(())
}

/// Where it is.
pub fn path() -> Result<PathBuf> {
    Ok(FLOOR.component(&root()).canonicalize()?)
}

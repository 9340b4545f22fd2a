//! The component that a policy is sealed into.

use std::borrow::Cow;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use postern_engine::Flavour;

use crate::console;

/// An unsealed component.
#[derive(Debug)]
pub struct Engine {
    /// Its bytes.
    pub component: Cow<'static, [u8]>,
    /// The hosts that it is for.
    pub flavour: Flavour,
    /// Its version, if this tool was built with it.
    pub version: Option<&'static str>,
}

impl Engine {
    /// The one for deployment in a flavour. A development build of this tool has cargo build it first, and says so.
    pub fn own(flavour: Flavour) -> anyhow::Result<Self> {
        if postern_engine::is_first_build(flavour) {
            console::complain(format_args!(
                "Building the component for `{}` from this checkout; the first time takes a few minutes.",
                flavour.name()
            ));
        }
        let component = postern_engine::component(flavour)?;
        Ok(Self { component, flavour, version: Some(env!("CARGO_PKG_VERSION")) })
    }

    /// Reads one from a file.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let component = fs::read(path).with_context(|| format!("Cannot read {}", path.display()))?;
        let imports = postern_runtime::imports(&component).with_context(|| path.display().to_string())?;
        Ok(Self { component: component.into(), flavour: Flavour::of_imports(&imports), version: None })
    }
}

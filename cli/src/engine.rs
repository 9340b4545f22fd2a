//! The component that a policy is sealed into.

use std::borrow::Cow;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use postern_engine::Flavour;

/// What tells a component for Spin from one for other hosts.
const SPIN_VARIABLES: &str = "spin:variables/";

/// An unsealed component.
#[derive(Debug)]
pub struct Engine {
    /// Its bytes.
    pub component: Cow<'static, [u8]>,
    /// What it is built for.
    pub flavour: Flavour,
    /// The version, of one that this tool was built with.
    pub version: Option<&'static str>,
}

impl Engine {
    /// The one this tool was built with.
    pub fn own(flavour: Flavour) -> Self {
        Self { component: flavour.component().into(), flavour, version: Some(env!("CARGO_PKG_VERSION")) }
    }

    /// One from a file.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let component = fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let imports = postern_runtime::imports(&component).with_context(|| path.display().to_string())?;
        let spin = imports.iter().any(|name| name.starts_with(SPIN_VARIABLES));
        let flavour = if spin { Flavour::Spin } else { Flavour::Wasi };
        Ok(Self { component: component.into(), flavour, version: None })
    }
}

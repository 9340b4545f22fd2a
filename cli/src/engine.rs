//! The component that a policy is sealed into.

use std::borrow::Cow;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use postern_engine::Flavour;

/// What tells a component for Spin from one for other hosts, by version of WASI.
const SPIN_VARIABLES: &str = "spin:variables/";
const SPIN_P2_VARIABLES: &str = "fermyon:spin/variables@2.";

/// What tells a component of WASI 0.3 from one of 0.2.
const P3_HTTP: &str = "wasi:http/types@0.3.";

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
        Ok(Self { component: component.into(), flavour: flavour(&imports), version: None })
    }
}

fn flavour(imports: &[String]) -> Flavour {
    let has = |prefix| imports.iter().any(|name| name.starts_with(prefix));
    match has(P3_HTTP) {
        true if has(SPIN_VARIABLES) => Flavour::Spin,
        true => Flavour::Wasi,
        false if has(SPIN_P2_VARIABLES) => Flavour::SpinP2,
        false => Flavour::WasiP2,
    }
}

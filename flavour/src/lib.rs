//! The flavours of the component, and how cargo builds each.
//!
//! This is the only list of flavours. The engine's build script, the tool, `cargo dev` and the tests derive theirs from
//! it. A new flavour needs a variant here and a crate in `component/`.

mod build;

pub use build::{Build, Profile, TARGET, add_target, cargo};

/// A build of the component for one kind of host. Flavours differ in their entry point and in where settings come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// WASI 0.3, settings from the environment.
    Wasi,
    /// WASI 0.3, settings from Spin variables.
    Spin,
    /// WASI 0.2, settings from the environment.
    WasiP2,
    /// WASI 0.2, settings from Spin variables.
    SpinP2,
}

/// Imports that distinguish flavours: HTTP of WASI 0.3, and Spin's variables in either version.
const HTTP_P3: &str = "wasi:http/types@0.3.";
const VARIABLES: &str = "spin:variables/";
const VARIABLES_P2: &str = "fermyon:spin/variables@2.";

impl Flavour {
    /// Every flavour.
    pub const ALL: [Self; 4] = [Self::Wasi, Self::Spin, Self::WasiP2, Self::SpinP2];

    /// The name that users give it, and its directory in `component/`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wasi => "wasi",
            Self::Spin => "spin",
            Self::WasiP2 => "wasi-p2",
            Self::SpinP2 => "spin-p2",
        }
    }

    /// The hosts it runs on, for `--help`.
    pub const fn hosts(self) -> &'static str {
        match self {
            Self::Wasi => "WASI 0.3, settings from the environment: wasmtime, wasmCloud 2, `postern serve`",
            Self::Spin => "Spin 4.1 or newer, also in SpinKube",
            Self::WasiP2 => "WASI 0.2, settings from the environment: older hosts, `jco serve`",
            Self::SpinP2 => "Spin before 4.1",
        }
    }

    /// The flavour of a component with these imports, each like `wasi:http/types@0.3.0`.
    pub fn of_imports(imports: &[String]) -> Self {
        let has = |prefix| imports.iter().any(|name| name.starts_with(prefix));
        match has(HTTP_P3) {
            true if has(VARIABLES) => Self::Spin,
            true => Self::Wasi,
            false if has(VARIABLES_P2) => Self::SpinP2,
            false => Self::WasiP2,
        }
    }
}

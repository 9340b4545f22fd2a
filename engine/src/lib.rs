//! The Postern component, built from this workspace and embedded, in every flavour.

/// The component for hosts that give settings as environment variables (WASI 0.3).
pub const WASI: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/wasi.wasm"));

/// The component for Spin, which gives settings as variables (WASI 0.3).
pub const SPIN: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/spin.wasm"));

/// A build of the component for one kind of host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// Settings from the environment.
    Wasi,
    /// Settings from Spin variables.
    Spin,
}

impl Flavour {
    /// Every flavour.
    pub const ALL: [Self; 2] = [Self::Wasi, Self::Spin];

    /// The name users give it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wasi => "wasi",
            Self::Spin => "spin",
        }
    }

    /// The component's bytes.
    pub const fn component(self) -> &'static [u8] {
        match self {
            Self::Wasi => WASI,
            Self::Spin => SPIN,
        }
    }
}

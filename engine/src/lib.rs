//! The Postern component, built from this workspace and embedded, in every flavour.

/// The component for hosts that give settings as environment variables (WASI 0.3).
pub const WASI: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/wasi.wasm"));

/// The component for Spin 4.1 or newer, which gives settings as variables (WASI 0.3).
pub const SPIN: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/spin.wasm"));

/// The component for older hosts that give settings as environment variables (WASI 0.2).
pub const WASI_P2: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/wasi-p2.wasm"));

/// The component for Spin before 4.1 (WASI 0.2).
pub const SPIN_P2: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/spin-p2.wasm"));

/// A build of the component for one kind of host.
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

impl Flavour {
    /// Every flavour.
    pub const ALL: [Self; 4] = [Self::Wasi, Self::Spin, Self::WasiP2, Self::SpinP2];

    /// The name users give it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wasi => "wasi",
            Self::Spin => "spin",
            Self::WasiP2 => "wasi-p2",
            Self::SpinP2 => "spin-p2",
        }
    }

    /// The component's bytes.
    pub const fn component(self) -> &'static [u8] {
        match self {
            Self::Wasi => WASI,
            Self::Spin => SPIN,
            Self::WasiP2 => WASI_P2,
            Self::SpinP2 => SPIN_P2,
        }
    }
}

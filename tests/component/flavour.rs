//! The component's bytes in a flavour, built when they are first asked for, as the engine builds them.

use std::path::Path;
use std::sync::LazyLock;

use crate::component::{self, Build, FLAVOURS};

/// A build of the component for one kind of host, in the order of [`FLAVOURS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    Wasi,
    Spin,
    WasiP2,
    SpinP2,
}

static BUILT: [LazyLock<Vec<u8>>; 4] = [
    LazyLock::new(|| build(&FLAVOURS[0])),
    LazyLock::new(|| build(&FLAVOURS[1])),
    LazyLock::new(|| build(&FLAVOURS[2])),
    LazyLock::new(|| build(&FLAVOURS[3])),
];

impl Flavour {
    pub const ALL: [Self; 4] = [Self::Wasi, Self::Spin, Self::WasiP2, Self::SpinP2];

    pub fn name(self) -> &'static str {
        FLAVOURS[self as usize].name
    }

    pub fn component(self) -> &'static [u8] {
        &BUILT[self as usize]
    }
}

fn build(build: &Build) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    component::add_target(root).unwrap();
    let output = build.command(root).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::read(build.component(root)).unwrap()
}

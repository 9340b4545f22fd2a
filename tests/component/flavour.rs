//! The component's bytes in a flavour, as the engine builds them.

use std::sync::LazyLock;

pub use postern_engine::Flavour;

static BUILT: [LazyLock<Vec<u8>>; 4] = [
    LazyLock::new(|| build(Flavour::ALL[0])),
    LazyLock::new(|| build(Flavour::ALL[1])),
    LazyLock::new(|| build(Flavour::ALL[2])),
    LazyLock::new(|| build(Flavour::ALL[3])),
];

/// The bytes, built when they are first asked for.
pub fn component(flavour: Flavour) -> &'static [u8] {
    &BUILT[flavour as usize]
}

fn build(flavour: Flavour) -> Vec<u8> {
    postern_engine::component(flavour).unwrap().into_owned()
}

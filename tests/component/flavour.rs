//! The component's bytes in a flavour, built as the engine builds them.

use std::path::Path;
use std::sync::OnceLock;

use crate::component::{self, Build, FLAVOURS};

/// One flavour, built.
pub struct Flavour {
    pub name: &'static str,
    pub bytes: Vec<u8>,
}

/// Every flavour, each built once.
pub fn flavours() -> &'static [Flavour] {
    static BUILT: OnceLock<Vec<Flavour>> = OnceLock::new();
    BUILT.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        component::add_target(root).unwrap();
        FLAVOURS.iter().map(|build| built(root, build)).collect()
    })
}

fn built(root: &Path, build: &Build) -> Flavour {
    let output = build.command(root).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Flavour { name: build.name, bytes: std::fs::read(build.component(root)).unwrap() }
}

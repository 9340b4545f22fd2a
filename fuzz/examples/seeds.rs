//! Writes the first inputs of each target into `corpus/`, and runs each once:
//! `cargo run --manifest-path fuzz/Cargo.toml --example seeds`.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a tool for developers may fail loudly")]

use std::fs;
use std::path::Path;

use postern_fuzz::{decode, door, upload, verify};

fn main() {
    for (target, inputs) in postern_seeds::all() {
        let run: fn(&[u8]) -> bool = match target {
            "decode" => decode::run,
            "door" => door::run,
            "upload" => upload::run,
            "verify" => verify::run,
            other => panic!("no target {other}"),
        };
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
        fs::create_dir_all(&folder).unwrap();
        let mut good = 0;
        for (index, input) in inputs.iter().enumerate() {
            fs::write(folder.join(format!("seed-{index:03}")), input).unwrap();
            good += usize::from(run(input));
        }
        println!("{target}: {} seeds, of which {good} get through", inputs.len());
    }
}

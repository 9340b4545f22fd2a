//! Builds the crate anew when a file is added to a preset; `include_dir` notices only those that were there.

fn main() {
    println!("cargo::rerun-if-changed=.");
}

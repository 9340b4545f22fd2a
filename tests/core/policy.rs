//! The example policy at the repository's root is valid.

use postern::policy::{Files, check};

#[test]
fn the_example_policy_has_no_findings() {
    let files = Files::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    let findings: Vec<_> =
        check(&files).iter().map(|f| format!("{}:{} {}", f.file, f.line(&files), f.message)).collect();
    assert_eq!(findings, Vec::<String>::new());
}

//! The sealed component depends only on the component and the policy, and needs only settings to run.

use std::process::Command;

use crate::flavour::{Flavour, component};
use postern::policy::Files;
use postern_runtime::{SealError, add_section, find_section, seal};
use serde_json::json;

use crate::stand::{Form, Stand, cache, policy, seal_into, sealed};

fn files() -> Files {
    Files::read(&policy()).unwrap()
}

/// The fixture with one text in one file replaced.
fn edited(file: &str, old: &str, new: &str) -> Files {
    let files = files();
    let text = |path: &str| {
        let text = files.text(path).unwrap();
        assert!(path != file || text.contains(old), "{old} is in {file}");
        if path == file { text.replacen(old, new, 1) } else { text.to_owned() }
    };
    files.paths().map(|path| (path, text(path))).collect()
}

fn digest(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    for flavour in Flavour::ALL {
        assert!(seal_into(flavour, &files()).unwrap() == sealed(flavour), "sealed twice");
        let without_cache = seal(component(flavour), &files().sealed(), None).unwrap().component;
        assert!(without_cache == sealed(flavour), "compiled anew");
    }
}

/// Prints the digest, for the test below, which runs this one in a separate process.
#[test]
fn prints_its_digest() {
    println!("sealed {}", digest(sealed(Flavour::Wasi)));
}

#[test]
fn another_process_with_another_environment_gives_the_same_bytes() {
    let mut other = Command::new(std::env::current_exe().unwrap());
    other.args(["--exact", "seal::prints_its_digest", "--nocapture"]);
    other.env("TZ", "Asia/Tokyo").env("ACS_ACCESS_KEY", "canary").env("SOURCE_DATE_EPOCH", "1");
    let output = other.current_dir("/").output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains(&format!("sealed {}\n", digest(sealed(Flavour::Wasi)))), "{said}");
}

#[test]
fn a_change_that_decides_nothing_changes_nothing() {
    let sample = "templates/notify/sample.json";
    let changed = edited(sample, "{", "{ ");
    assert!(seal_into(Flavour::Wasi, &changed).unwrap() == sealed(Flavour::Wasi));
    let changed = edited("postern.toml", "\"/contact\"", "\"/kontakt\"");
    assert!(seal_into(Flavour::Wasi, &changed).unwrap() != sealed(Flavour::Wasi));
}

#[test]
fn a_broken_policy_is_refused_with_the_reason() {
    let broken = edited("postern.toml", "\"/contact\"", "\"contact\"");
    let Err(SealError::Refused(reason)) = seal_into(Flavour::Wasi, &broken) else { panic!("refused") };
    assert!(reason.starts_with("postern.toml: `contact` is not a valid path. "), "{reason}");
    let Err(SealError::Refused(reason)) = seal(component(Flavour::Wasi), &[], Some(&cache())) else {
        panic!("refused")
    };
    assert!(reason.starts_with("postern.toml: There is no postern.toml here. "), "{reason}");
}

#[test]
fn what_is_sealed_cannot_be_sealed_again() {
    let again = seal(sealed(Flavour::Wasi), &files().sealed(), None);
    let Err(SealError::Refused(reason)) = again else { panic!("refused") };
    assert_eq!(reason, "This component has a policy already.");
}

#[test]
fn what_is_no_component_of_postern_is_refused() {
    let not_wasm = seal(b"hello", &[], None).unwrap_err().to_string();
    assert!(not_wasm.starts_with("This component cannot be sealed: "), "{not_wasm}");
    let empty = b"\0asm\x0d\0\x01\0";
    assert!(matches!(seal(empty, &[], None), Err(SealError::NoSeal)));
}

/// The maps that validation fills with a stranger's text have seeds from the host, which the gate requests at run time:
/// a seed from sealing would be the same for everybody.
#[test]
fn a_sealed_component_asks_its_host_for_seeds() {
    let imports = postern_runtime::imports(sealed(Flavour::Wasi)).unwrap();
    assert!(imports.contains(&"wasi:random/random@0.3.0".to_owned()));
}

#[test]
fn a_sealed_component_reads_no_policy_directory() {
    let stand = Stand::new(Flavour::Wasi, Form::Sealed, |_| {});
    let answer = stand.contact(&json!({"name": "Ada", "email": "ada@customer.example", "message": "x"}));
    assert_eq!(answer.status, 200);
    assert_eq!(stand.line()["policy_sha256"], files().digest().to_string());
}

#[test]
fn a_section_is_found_again_and_only_where_it_is_the_components_own() {
    let mut component = sealed(Flavour::Wasi).to_vec();
    assert_eq!(find_section(&component, "postern").unwrap(), None);
    // Every core module has a section of this name, and the component has none.
    assert_eq!(find_section(&component, "name-of-nothing").unwrap(), None);
    add_section(&mut component, "postern", b"{}");
    assert_eq!(find_section(&component, "postern").unwrap(), Some(&b"{}"[..]));
    assert_eq!(postern_runtime::exports(&component).unwrap(), postern_runtime::exports(sealed(Flavour::Wasi)).unwrap());
    assert!(find_section(b"hello", "postern").is_err());
}

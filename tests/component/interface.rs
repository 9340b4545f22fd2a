//! What the component imports and exports, and whether it is ready.

use serde_json::json;

use crate::flavour::{Flavour, flavours};
use crate::stand::{Stand, every_flavour};

/// The imports and exports of a flavour, as a text to compare with the reviewed one.
fn interface(flavour: &Flavour) -> String {
    let list = |names: Vec<String>| names.into_iter().map(|name| format!("  {name}\n")).collect::<String>();
    let imports = postern_runtime::imports(&flavour.bytes).unwrap();
    let exports = postern_runtime::exports(&flavour.bytes).unwrap();
    format!("imports\n{}exports\n{}", list(imports), list(exports))
}

#[test]
fn the_component_imports_what_was_reviewed_and_nothing_else() {
    for flavour in flavours() {
        let path = format!("{}/tests/fixtures/interface-{}.txt", env!("CARGO_MANIFEST_DIR"), flavour.name);
        let reviewed = std::fs::read_to_string(&path).unwrap();
        assert_eq!(interface(flavour), reviewed, "review the change, then write what is left into {path}");
    }
}

#[test]
fn probes_answer() {
    every_flavour(|stand| {
        assert_eq!(stand.get("/healthz").body, json!({"status": "alive"}));
        let ready = stand.get("/readyz");
        assert_eq!(ready.headers["content-length"], "18", "a length lets hosts send head and body in one go");
        assert_eq!((ready.status, ready.body), (200, json!({"status": "ready"})));
        assert_eq!(stand.lines().len(), 0);
    });
}

#[test]
fn missing_settings_are_named() {
    for flavour in flavours() {
        let stand = Stand::new(flavour, |settings| {
            settings.remove("jobs_secret");
            settings.insert("acs_access_key".into(), String::new());
        });
        let ready = stand.get("/readyz");
        assert_eq!(ready.status, 503);
        assert_eq!(ready.body["missing"], json!(["acs_access_key is not set", "jobs_secret is not set"]));
    }
}

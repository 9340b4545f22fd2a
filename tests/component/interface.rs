//! What the component imports and exports, and its health.

use crate::flavour::{Flavour, component};
use postern::policy::Files;
use serde_json::json;

use crate::stand::{Stand, builds, every_build, policy, sealed};

/// The imports and exports of a component, as a text to compare with the reviewed one.
fn interface(component: &[u8]) -> String {
    let list = |names: Vec<String>| names.into_iter().map(|name| format!("  {name}\n")).collect::<String>();
    let imports = postern_runtime::imports(component).unwrap();
    let exports = postern_runtime::exports(component).unwrap();
    format!("imports\n{}exports\n{}", list(imports), list(exports))
}

#[test]
fn the_component_imports_what_was_reviewed_and_nothing_else() {
    for flavour in Flavour::ALL {
        let path = format!("{}/tests/fixtures/interface-{}.txt", env!("CARGO_MANIFEST_DIR"), flavour.name());
        let reviewed = std::fs::read_to_string(&path).unwrap();
        assert_eq!(interface(component(flavour)), reviewed, "review the change, then write what is left into {path}");
        assert_eq!(interface(sealed(flavour)), reviewed, "sealing changes nothing of it");
    }
}

#[test]
fn probes_answer() {
    every_build(|stand| {
        assert_eq!(stand.get("/healthz").body, json!({"status": "alive"}));
        let ready = stand.get("/readyz");
        let length = ready.body.to_string().len().to_string();
        assert_eq!(ready.headers["content-length"], length, "it lets hosts send head and body in one go");
        let digest = Files::read(&policy()).unwrap().digest();
        let expected = json!({"status": "ready", "policy_sha256": digest, "identity": "access-key"});
        assert_eq!((ready.status, ready.body), (200, expected));
        assert_eq!(stand.lines().len(), 0);
    });
}

#[test]
fn missing_settings_are_named() {
    for (flavour, form) in builds() {
        let stand = Stand::new(flavour, form, |settings| {
            settings.remove("jobs_secret");
            settings.insert("acs_access_key".into(), String::new());
        });
        let ready = stand.get("/readyz");
        assert_eq!(ready.status, 503);
        assert_eq!(ready.body["missing"], json!(["acs_access_key is not set", "jobs_secret is not set"]));
    }
}

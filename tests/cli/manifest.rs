//! `postern manifest`: what hosts are told is what the policy needs, in the form that their schemas demand.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::tool::{Said, copy, edit, fixture, root, run};

fn manifest(arguments: &[&str]) -> String {
    let said = run(&fixture(), &[&["manifest"], arguments].concat());
    assert_eq!((said.status, said.stderr.as_str()), (0, ""));
    said.stdout
}

fn documents(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(text).unwrap()
}

/// The document of that kind.
fn of_kind(text: &str, kind: &str) -> Value {
    documents(text).into_iter().find(|document| document["kind"] == kind).unwrap()
}

fn toml(text: &str) -> Value {
    serde_json::to_value(toml::from_str::<toml::Value>(text).unwrap()).unwrap()
}

/// The published schema of a resource, which knows every field there is; `None`, and said so, where it is not at hand.
fn published(file: &str) -> Option<Value> {
    let given = env::var_os("POSTERN_HOST_SCHEMAS").map(PathBuf::from);
    let folder = given.unwrap_or_else(|| root().join("../shared/reference/schemas"));
    let Ok(text) = fs::read_to_string(folder.join(file)) else {
        println!("skipped: {file} is not in POSTERN_HOST_SCHEMAS; only what the test itself knows is checked");
        return None;
    };
    let mut definition: Value = serde_saphyr::from_str(&text).unwrap();
    let mut schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"].take();
    refuse_unknown_fields(&mut schema);
    Some(schema)
}

/// A cluster drops fields that it does not know; here they are errors.
fn refuse_unknown_fields(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else { return };
    if object.contains_key("properties") && !object.contains_key("additionalProperties") {
        object.insert("additionalProperties".into(), json!(false));
    }
    for name in ["properties", "additionalProperties", "items"] {
        match object.get_mut(name) {
            Some(Value::Object(properties)) if name == "properties" => {
                properties.values_mut().for_each(refuse_unknown_fields);
            }
            Some(inner) => refuse_unknown_fields(inner),
            None => {}
        }
    }
}

/// Kubernetes itself defines what metadata may hold.
fn fits(document: &Value, file: &str) {
    let Some(mut schema) = published(file) else { return };
    schema["properties"]["metadata"] = json!({"type": "object"});
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<_> =
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert_eq!(errors, Vec::<String>::new());
    let mut wrong = document.clone();
    wrong["spec"]["unknown"] = json!(1);
    assert!(!validator.is_valid(&wrong), "the schema is strict");
}

#[test]
fn spin_gets_the_variables_of_the_policy_and_one_allowed_host() {
    let manifest = toml(&manifest(&["spin", "--name", "mail-gate", "--component", "a \"b\".wasm"]));
    assert_eq!(manifest["spin_manifest_version"], 2);
    assert_eq!(manifest["application"]["name"], "mail-gate");
    assert_eq!(manifest["trigger"]["http"], json!([{"route": "/...", "component": "mail-gate"}]));
    let secret = |name: &str| manifest["variables"][name]["secret"].as_bool().unwrap_or_default();
    let names: Vec<_> = manifest["variables"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["acs_access_key", "acs_endpoint", "deploy_secret"]);
    assert_eq!(["acs_access_key", "acs_endpoint", "deploy_secret"].map(secret), [true, false, true]);
    assert!(names.iter().all(|name| manifest["variables"][name]["required"] == true));
    assert_eq!(
        manifest["component"]["mail-gate"],
        json!({
            "source": "a \"b\".wasm",
            "allowed_outbound_hosts": ["{{ acs_endpoint }}"],
            "variables": {
                "acs_access_key": "{{ acs_access_key }}",
                "acs_endpoint": "{{ acs_endpoint }}",
                "deploy_secret": "{{ deploy_secret }}",
            },
        })
    );
}

#[test]
fn spinkube_gets_secrets_by_reference_and_probes() {
    let text = manifest(&["spinkube", "--image", "registry.example.com/gate@sha256:00", "--name", "gate"]);
    let app = of_kind(&text, "SpinApp");
    fits(&app, "core.spinkube.dev_spinapps.yaml");
    assert_eq!((&app["apiVersion"], &app["metadata"]["name"]), (&json!("core.spinkube.dev/v1alpha1"), &json!("gate")));
    let spec = &app["spec"];
    assert_eq!(
        (&spec["image"], &spec["executor"]),
        (&json!("registry.example.com/gate@sha256:00"), &json!("containerd-shim-spin"))
    );
    let reference = |key: &str| json!({"secretKeyRef": {"name": "gate", "key": key, "optional": false}});
    assert_eq!(
        spec["variables"],
        json!([
            {"name": "acs_endpoint", "value": "https://contoso.communication.azure.com"},
            {"name": "acs_access_key", "valueFrom": reference("acs_access_key")},
            {"name": "deploy_secret", "valueFrom": reference("deploy_secret")},
        ])
    );
    let path = |probe: &str| spec["checks"][probe]["httpGet"]["path"].clone();
    assert_eq!((path("liveness"), path("readiness")), (json!("/healthz"), json!("/readyz")));
    assert_eq!((&spec["enableAutoscaling"], spec.get("replicas")), (&json!(true), None), "the autoscaler counts");
    let scaler = of_kind(&text, "HorizontalPodAutoscaler");
    assert_eq!(scaler["spec"]["scaleTargetRef"]["name"], "gate");
    assert_eq!(scaler["spec"]["metrics"][0]["resource"]["name"], "cpu");
}

#[test]
fn wasmcloud_gets_secrets_by_reference_and_one_allowed_host() {
    let endpoint = "https://other.communication.azure.com/";
    let text = manifest(&["wasmcloud", "--acs-endpoint", endpoint, "--host", "mail.contoso.example"]);
    let deployment = of_kind(&text, "WorkloadDeployment");
    fits(&deployment, "runtime.wasmcloud.dev_workloaddeployments.yaml");
    assert_eq!(deployment["apiVersion"], "runtime.wasmcloud.dev/v1alpha1");
    let spec = &deployment["spec"]["template"]["spec"];
    let resources = &spec["components"][0]["localResources"];
    assert_eq!(resources["allowedHosts"], json!(["https://other.communication.azure.com"]));
    let postern = json!([{"name": "postern"}]);
    assert_eq!(resources["environment"], json!({"configFrom": postern, "secretFrom": postern}));
    assert_eq!(spec["hostInterfaces"][0]["config"]["host"], "mail.contoso.example");
    let config = of_kind(&text, "ConfigMap");
    assert_eq!(config["data"], json!({"ACS_ENDPOINT": "https://other.communication.azure.com"}));
    assert!(text.contains("# Its keys: ACS_ACCESS_KEY DEPLOY_SECRET\n"), "{text}");
    assert_eq!(of_kind(&text, "Service")["metadata"]["name"], spec["kubernetes"]["service"]["name"]);
}

/// What the repository shows is what the tool writes for the example policy.
#[test]
fn manifests_in_the_repository_are_those_of_the_example_policy() {
    let written = |host: &str| run(root(), &["manifest", host]).stdout;
    for (host, file) in [
        ("spin", "deploy/spin/spin.toml"),
        ("spinkube", "deploy/spinkube/postern.yaml"),
        ("wasmcloud", "deploy/wasmcloud/postern.yaml"),
    ] {
        let shown = fs::read_to_string(root().join(file)).unwrap();
        assert_eq!(shown, written(host), "cargo postern manifest {host} > {file}");
    }
    let [mut own, written] =
        [fs::read_to_string(root().join("spin.toml")).unwrap(), written("spin")].map(|text| toml(&text));
    for part in ["source", "build"] {
        own["component"]["postern"].as_object_mut().unwrap().remove(part);
    }
    for part in ["variables", "trigger"] {
        assert_eq!(own[part], written[part], "spin.toml");
    }
    for part in ["variables", "allowed_outbound_hosts"] {
        assert_eq!(own["component"]["postern"][part], written["component"]["postern"][part], "spin.toml");
    }
}

#[test]
fn a_policy_that_cannot_be_used_has_no_manifest() {
    let policy = copy(&fixture());
    edit(policy.path(), "postern.toml", "\"/contact\"", "\"contact\"");
    let said = run(policy.path(), &["manifest", "spin"]);
    assert_eq!((said.status, said.stdout.as_str()), (1, ""));
}

#[test]
fn names_that_could_be_something_else_are_refused() {
    let refused: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("--name", &["", "a b", "A", "1a", "a-", "a--b", "a.b", "a\"", "a\nb: c"][..]),
        ("--image", &["", "postern", "a/b c", "a/b\"", "a/b\nc: d", "/a", "a/b:"]),
        ("--host", &["", "a..b", "a b", "a/b", "A.example", "a:80"]),
    ]);
    for (option, texts) in refused {
        for text in texts {
            let said = run(&fixture(), &["manifest", "wasmcloud", &format!("{option}={text}")]);
            assert_eq!((said.status, said.stdout.as_str()), (2, ""), "{option} {text:?}");
        }
    }
    let said = run(&fixture(), &["manifest", "wasmcloud", "--acs-endpoint", "http://contoso.example"]);
    let stderr = "error: --acs-endpoint is not an https address without a path.\n".to_owned();
    assert_eq!(said, Said { status: 1, stdout: String::new(), stderr });
}

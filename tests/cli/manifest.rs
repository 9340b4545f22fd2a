//! `postern manifest`: hosts get what the policy needs, in the format that their schemas require.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use postern::acs::Connection;
use postern::overflow;
use postern_runtime::Origin;
use postern_test_support::FixedSettings;
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

/// The published schema of a resource, which knows every field; prints why and returns `None` if it is not available.
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

/// A cluster drops unknown fields; here they are errors.
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

/// Kubernetes itself defines the members of `metadata`.
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
    assert_eq!(names, ["acs_access_key", "acs_endpoint", "deploy_secret", "public_url", "redirect_all_to"]);
    assert_eq!(["acs_access_key", "acs_endpoint", "deploy_secret"].map(secret), [true, false, true]);
    assert!(names[..3].iter().all(|name| manifest["variables"][name]["required"] == true));
    for optional in ["public_url", "redirect_all_to"] {
        assert_eq!(manifest["variables"][optional]["default"], "", "{optional}");
    }
    assert_eq!(
        manifest["component"]["mail-gate"],
        json!({
            "source": "a \"b\".wasm",
            "allowed_outbound_hosts": ["{{ acs_endpoint }}"],
            "variables": {
                "acs_access_key": "{{ acs_access_key }}",
                "acs_endpoint": "{{ acs_endpoint }}",
                "deploy_secret": "{{ deploy_secret }}",
                "public_url": "{{ public_url }}",
                "redirect_all_to": "{{ redirect_all_to }}",
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
            {"name": "public_url", "value": "https://mail.contoso.example"},
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
    assert_eq!(
        config["data"],
        json!({"ACS_ENDPOINT": "https://other.communication.azure.com", "PUBLIC_URL": "https://mail.contoso.example"})
    );
    assert!(text.contains("# Its keys: ACS_ACCESS_KEY DEPLOY_SECRET\n"), "{text}");
    assert_eq!(of_kind(&text, "Service")["metadata"]["name"], spec["kubernetes"]["service"]["name"]);
}

/// The manifests in the repository are those that the tool writes for the example policy.
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
        ("--tenant", &["", "a b", "a/b", "a\"", "a\nb: c"]),
        ("--client", &["", "{{ a }}"]),
        ("--identity", &["", "key", "access_key"]),
    ]);
    for (option, texts) in refused {
        for text in texts {
            let said = run(&fixture(), &["manifest", "wasmcloud", &format!("{option}={text}")]);
            assert_eq!((said.status, said.stdout.as_str()), (2, ""), "{option} {text:?}");
        }
    }
    let said = run(&fixture(), &["manifest", "wasmcloud", "--acs-endpoint", "http://contoso.example"]);
    let stderr = "error: --acs-endpoint must be an https address without a path.\n".to_owned();
    assert_eq!(said, Said { status: 1, stdout: String::new(), stderr });
}

const ACS: &str = "https://contoso.communication.azure.com";
const ENTRA: &str = "https://login.microsoftonline.com";

/// The values that an operator fills in.
fn answered(name: &str) -> String {
    let value = match name {
        "acs_endpoint" => ACS,
        "acs_access_key" => "a2V5IQ==",
        "acs_connection_string" => "endpoint=https://contoso.communication.azure.com/;accesskey=a2V5IQ==",
        "azure_tenant_id" | "azure_client_id" => "11111111-1111-4111-8111-111111111111",
        "identity_endpoint" => "http://localhost:42356/msi/token",
        "identity_server" => "http://localhost:42356",
        "azure_client_secret" | "identity_header" | "deploy_secret" => "canary",
        "overflow_sas" => "sv=2023-11-03&sig=canary",
        "overflow_key" => "canary-key-of-the-overflow-queue",
        _ => panic!("nobody knows {name}"),
    };
    value.to_owned()
}

/// What a host makes of a manifest: the component's settings, and the servers that it may call.
type Made = (BTreeMap<String, String>, Vec<String>);

fn texts(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// As Spin does, with these values of the application's variables.
fn made_by_spin(text: &str, values: &BTreeMap<String, String>) -> Made {
    let manifest = toml(text);
    let filled = |text: &str| match text.strip_prefix("{{ ").and_then(|text| text.strip_suffix(" }}")) {
        Some(name) => values[name].clone(),
        None => text.to_owned(),
    };
    let component = &manifest["component"]["postern"];
    let variables = component["variables"].as_object().unwrap();
    let settings = variables.iter().map(|(name, text)| (name.clone(), filled(text.as_str().unwrap()))).collect();
    (settings, texts(&component["allowed_outbound_hosts"]).iter().map(|text| filled(text)).collect())
}

fn spin_variables(text: &str) -> BTreeMap<String, String> {
    let manifest = toml(text);
    let value = |name: &String, variable: &Value| match variable.get("default") {
        Some(default) => default.as_str().unwrap().to_owned(),
        None => answered(name),
    };
    let variables = manifest["variables"].as_object().unwrap();
    variables.iter().map(|(name, variable)| (name.clone(), value(name, variable))).collect()
}

/// As SpinKube does: a variable that it does not set has the value in the pushed application.
fn made_by_spinkube(text: &str, spin: &str) -> Made {
    let app = of_kind(text, "SpinApp");
    fits(&app, "core.spinkube.dev_spinapps.yaml");
    let defaults = toml(spin)["variables"].as_object().unwrap().clone();
    let defaults = defaults.iter().filter_map(|(name, variable)| Some((name, variable.get("default")?.as_str()?)));
    let mut values: BTreeMap<_, _> = defaults.map(|(name, value)| (name.clone(), value.to_owned())).collect();
    for variable in app["spec"]["variables"].as_array().unwrap() {
        let name = variable["name"].as_str().unwrap();
        let value = variable.get("value").map(|value| value.as_str().unwrap().to_owned());
        values.insert(name.to_owned(), value.unwrap_or_else(|| answered(name)));
    }
    made_by_spin(spin, &values)
}

fn made_by_wasmcloud(text: &str) -> Made {
    let deployment = of_kind(text, "WorkloadDeployment");
    fits(&deployment, "runtime.wasmcloud.dev_workloaddeployments.yaml");
    let config = of_kind(text, "ConfigMap")["data"].clone();
    let config = config.as_object().unwrap().iter();
    let mut settings: BTreeMap<_, _> =
        config.map(|(name, value)| (name.to_lowercase(), value.as_str().unwrap().to_owned())).collect();
    let keys = text.lines().find_map(|line| line.trim().strip_prefix("# Its keys: ")).unwrap_or_default();
    settings.extend(keys.split_whitespace().map(|key| (key.to_lowercase(), answered(&key.to_lowercase()))));
    let resources = &deployment["spec"]["template"]["spec"]["components"][0]["localResources"];
    assert_eq!(resources["environment"].get("secretFrom").is_some(), !keys.is_empty());
    (settings, texts(&resources["allowedHosts"]))
}

/// The gate finds the identity in the settings from the manifest, and may call its servers and no others.
fn suffices((settings, allowed): Made, identity: &str, servers: &[&str]) {
    let credentials =
        tokio::runtime::Runtime::new().unwrap().block_on(Connection::read(&FixedSettings(settings))).unwrap();
    assert_eq!(credentials.identity(), identity);
    let origins = |list: &[String]| {
        let mut origins: Vec<_> = list.iter().map(|text| text.parse::<Origin>().unwrap()).collect();
        origins.sort();
        origins
    };
    let expected: Vec<_> = servers.iter().map(|server| (*server).to_owned()).collect();
    assert_eq!(origins(&allowed), origins(&expected));
    for server in credentials.servers() {
        assert!(origins(&allowed).contains(&Origin::of(&server).unwrap()), "{server}");
    }
}

/// The manifests of a policy for an identity: Spin's, SpinKube's and wasmCloud's.
fn manifests(policy: &Path, identity: &str) -> [Said; 3] {
    ["spin", "spinkube", "wasmcloud"].map(|host| run(policy, &["manifest", host, "--identity", identity]))
}

#[test]
fn every_identity_has_the_variables_secrets_and_servers_that_it_needs() {
    for (name, identity, servers) in [
        ("access-key", "access-key", &[ACS][..]),
        ("connection-string", "access-key", &[ACS]),
        ("client-secret", "client-secret", &[ACS, ENTRA]),
        ("workload", "workload", &[ACS, ENTRA]),
        ("app-service", "app-service", &[ACS, "http://localhost:42356"]),
        ("imds", "imds", &[ACS, "http://169.254.169.254"]),
    ] {
        println!("identity {name}");
        let [spin, spinkube, wasmcloud] = manifests(&fixture(), name);
        assert_eq!((spin.status, spin.stderr.as_str()), (0, ""));
        suffices(made_by_spin(&spin.stdout, &spin_variables(&spin.stdout)), identity, servers);
        match name {
            "workload" | "app-service" => assert_eq!((spinkube.status, spinkube.stdout.as_str()), (1, "")),
            _ => suffices(made_by_spinkube(&spinkube.stdout, &spin.stdout), identity, servers),
        }
        match name {
            "app-service" => assert_eq!((wasmcloud.status, wasmcloud.stdout.as_str()), (1, "")),
            _ => suffices(made_by_wasmcloud(&wasmcloud.stdout), identity, servers),
        }
    }
}

#[test]
fn a_federated_token_comes_in_a_directory_or_not_at_all() {
    let [spin, spinkube, wasmcloud] = manifests(&fixture(), "workload");
    let directory = "/var/run/secrets/azure/tokens";
    assert_eq!(
        toml(&spin.stdout)["component"]["postern"]["files"],
        json!([{"source": directory, "destination": directory}])
    );
    let spec = of_kind(&wasmcloud.stdout, "WorkloadDeployment")["spec"]["template"]["spec"].clone();
    assert_eq!(spec["volumes"], json!([{"name": "federated-token", "hostPath": {"path": directory}}]));
    assert_eq!(
        spec["components"][0]["localResources"]["volumeMounts"],
        json!([{"name": "federated-token", "mountPath": directory, "readOnly": true}])
    );
    let sentence = "error: A SpinApp cannot give its component a file that is replaced, as a federated token is; take \
                    imds, or client-secret.\n";
    assert_eq!(spinkube.stderr, sentence);
    let sentence =
        "error: app-service exists only in App Service, Functions and Container Apps; in a cluster, use imds.\n";
    assert_eq!(manifests(&fixture(), "app-service")[2].stderr, sentence);
    for identity in ["access-key", "client-secret"] {
        let [spin, _, wasmcloud] = manifests(&fixture(), identity);
        assert!(!spin.stdout.contains(directory) && !wasmcloud.stdout.contains(directory), "{identity}");
    }
}

#[test]
fn routes_that_take_tokens_of_entra_need_its_keys_whatever_the_identity() {
    let policy = copy(&fixture());
    let entra = "{ scheme = \"entra\", tenant = \"9188040d-6c67-4c5b-b112-36a304b66dad\", audience = \"api://gate\", \
                 apps = [\"4962773b-9cdb-44cf-a8bf-237846a00ab7\"] }";
    edit(policy.path(), "postern.toml", "{ scheme = \"standard-webhooks\", secret = \"deploy_secret\" }", entra);
    for (name, servers) in [
        ("access-key", &[ACS, ENTRA][..]),
        ("client-secret", &[ACS, ENTRA]),
        ("imds", &[ACS, ENTRA, "http://169.254.169.254"]),
    ] {
        let [spin, _, wasmcloud] = manifests(policy.path(), name);
        suffices(made_by_spin(&spin.stdout, &spin_variables(&spin.stdout)), name, servers);
        suffices(made_by_wasmcloud(&wasmcloud.stdout), name, servers);
    }
}

#[test]
fn values_that_are_no_secret_are_those_of_the_command() {
    let application = ["--tenant", "contoso.onmicrosoft.com", "--client", "2222"];
    let text = manifest(&[&["wasmcloud", "--identity", "client-secret"][..], &application].concat());
    let data = &of_kind(&text, "ConfigMap")["data"];
    assert_eq!(
        (&data["AZURE_TENANT_ID"], &data["AZURE_CLIENT_ID"]),
        (&json!("contoso.onmicrosoft.com"), &json!("2222"))
    );
    let machine = |arguments: &[&str]| {
        let text = manifest(&[&["wasmcloud", "--identity", "imds"][..], arguments].concat());
        of_kind(&text, "ConfigMap")["data"].get("AZURE_CLIENT_ID").cloned()
    };
    assert_eq!((machine(&[]), machine(&["--client", "2222"])), (None, Some(json!("2222"))));
}

#[test]
fn an_overflow_has_its_servers_and_the_identity_or_a_signature() {
    const STORAGE: [&str; 2] =
        ["https://contosooverflow.queue.core.windows.net", "https://contosooverflow.blob.core.windows.net"];
    let policy = copy(&fixture());
    let text = fs::read_to_string(policy.path().join("postern.toml")).unwrap();
    let table = format!("[overflow]\nqueue = \"{}/overflow\"\n\n{text}", STORAGE[0]);
    fs::write(policy.path().join("postern.toml"), table).unwrap();
    for (name, proof, more) in [
        ("access-key", "sas", &[][..]),
        ("connection-string", "sas", &[]),
        ("client-secret", "client-secret", &[ENTRA]),
        ("workload", "workload", &[ENTRA]),
        ("imds", "imds", &["http://169.254.169.254"]),
    ] {
        println!("identity {name}");
        let identity = if name == "connection-string" { "access-key" } else { name };
        let servers = [&[ACS][..], more, &STORAGE].concat();
        let [spin, _, wasmcloud] = manifests(policy.path(), name);
        for made in [made_by_spin(&spin.stdout, &spin_variables(&spin.stdout)), made_by_wasmcloud(&wasmcloud.stdout)] {
            let given = FixedSettings(made.0.clone());
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let storage = runtime.block_on(overflow::StorageCredential::read(&given));
            assert_eq!(storage.unwrap().name(), proof);
            assert!(runtime.block_on(overflow::Key::read(&given)).is_ok(), "{name}");
            suffices(made, identity, &servers);
        }
    }
}

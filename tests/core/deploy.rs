//! Deployment files, as far as a test can check them better than a reader.

use std::fs;
use std::path::{Path, PathBuf};

use postern::policy::Policy;

use crate::support::example;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// The values of `key: 'value'` in a Bicep file.
fn values<'a>(bicep: &'a str, key: &str) -> Vec<&'a str> {
    let key = format!("{key}: '");
    bicep.split(&key).skip(1).filter_map(|rest| rest.split('\'').next()).collect()
}

#[test]
fn the_azure_template_has_the_senders_of_the_policy() {
    let policy = Policy::load(&example()).unwrap();
    let mut senders: Vec<_> =
        policy.senders().map(|sender| sender.address.as_str().split('@').next().unwrap().to_owned()).collect();
    senders.sort();
    let bicep = read("deploy/azure/main.bicep");
    let mut shown = values(&bicep, "{ username");
    shown.sort_unstable();
    assert_eq!(shown, senders);
}

/// Parts that must not get lost. `tests/bicep` also has a Bicep parser read the file.
#[test]
fn the_azure_template_has_every_part_once() {
    let bicep = read("deploy/azure/main.bicep");
    for (kind, count) in [
        ("Microsoft.Communication/emailServices@", 1),
        ("Microsoft.Communication/emailServices/domains@", 1),
        ("Microsoft.Communication/emailServices/domains/senderUsernames@", 1),
        ("Microsoft.Communication/communicationServices@", 1),
        ("Microsoft.ManagedIdentity/userAssignedIdentities@", 1),
        ("Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@", 1),
        ("Microsoft.Authorization/roleAssignments@", 5),
        ("Microsoft.Storage/storageAccounts@", 1),
        ("Microsoft.Storage/storageAccounts/queueServices@", 1),
        ("Microsoft.Storage/storageAccounts/queueServices/queues@", 1),
        ("Microsoft.Storage/storageAccounts/blobServices@", 1),
        ("Microsoft.Storage/storageAccounts/blobServices/containers@", 1),
        ("Microsoft.Storage/storageAccounts/managementPolicies@", 1),
        ("Microsoft.EventGrid/eventSubscriptions@", 1),
        ("Microsoft.Insights/diagnosticSettings@", 1),
    ] {
        assert_eq!(bicep.matches(&format!("'{kind}")).count(), count, "{kind}");
    }
    for line in [
        "allowSharedKeyAccess: !hasIdentity",
        "allowBlobPublicAccess: false",
        "userEngagementTracking: 'Disabled'",
        "linkedDomains: linkDomain ? [domain.id] : []",
        "['overflow', 'overflow-poison']",
        "@secure()\nparam reportSecret",
    ] {
        assert_eq!(bicep.matches(line).count(), 1, "{line}");
    }
    for (open, close) in [('{', '}'), ('[', ']'), ('(', ')')] {
        assert_eq!(bicep.matches(open).count(), bicep.matches(close).count(), "{open}{close}");
    }
}

/// Azure knows roles by id; a wrong id would give other rights.
#[test]
fn the_azure_template_gives_the_roles_that_its_page_names() {
    let (bicep, page) = (read("deploy/azure/main.bicep"), read("deploy/azure/README.md"));
    for (role, id) in [
        ("Communication and Email Service Owner", "09976791-48a7-449e-bb21-39d1a415f350"),
        ("Storage Queue Data Message Sender", "c6a89b2d-59bc-44d0-9896-0f6e12d7b80a"),
        ("Storage Queue Data Contributor", "974c5e8b-45b9-4653-ba55-5f855dd0fb88"),
        ("Storage Blob Data Contributor", "ba92f5b4-2d11-453d-a403-e96b0029c9fe"),
    ] {
        let (_, after) = bicep.split_once(&format!("// \"{role}\"")).unwrap();
        let line = after.lines().nth(1).unwrap();
        let name = line.strip_prefix("var ").unwrap().split(' ').next().unwrap();
        assert_eq!(line, format!("var {name} = '{id}'"));
        assert!(bicep.matches(name).count() >= 3, "{name} is given to somebody");
        assert!(page.contains(&format!("*{role}*")), "{role}");
    }
}

#[test]
fn delivery_reports_go_to_the_preset_s_route_as_it_wants_them() {
    let bicep = read("deploy/azure/main.bicep");
    let preset: toml::Table = toml::from_str(&read("presets/acs-delivery/route.toml")).unwrap();
    let route = &preset["routes"]["acs-delivery"];
    assert_eq!(values(&bicep, "eventDeliverySchema"), ["EventGridSchema"]);
    assert_eq!((route["envelope"].as_str(), route["handshake"].as_str()), (Some("event-grid"), Some("event-grid")));
    let mappings = bicep.split_once("deliveryAttributeMappings").unwrap().1;
    assert_eq!(values(mappings, "name").first().copied(), route["auth"]["header"].as_str());
    for text in [route["path"].as_str().unwrap(), route["auth"]["secret"].as_str().unwrap()] {
        assert!(bicep.contains(text), "{text}");
    }
}

fn workflows() -> Vec<PathBuf> {
    let folder = fs::read_dir(root().join(".github/workflows")).unwrap();
    let mut files: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    files.push(root().join(".github/actions/seal/action.yml"));
    files
}

/// A tag can be moved to other code; a commit cannot.
#[test]
fn actions_are_pinned_by_commit() {
    let mut seen = 0;
    for file in workflows() {
        let text = fs::read_to_string(&file).unwrap();
        let steps = text.lines().map(|line| line.trim_start().trim_start_matches("- "));
        for line in steps.filter(|line| line.starts_with("uses: ")) {
            let reference = line.split_once("uses: ").unwrap().1;
            let commit = reference.split_once('@').unwrap().1.split(' ').next().unwrap();
            let is_commit = commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
            assert!(is_commit && reference.contains(" # v"), "{}: {line}", file.display());
            seen += 1;
        }
    }
    assert_eq!(seen, 14);
}

/// The value of an input must reach a shell as a variable, never as part of its script.
#[test]
fn no_script_of_a_workflow_is_made_of_what_others_write() {
    for file in workflows() {
        let text = fs::read_to_string(&file).unwrap();
        for (index, line) in text.lines().enumerate().filter(|(_, line)| line.contains("${{")) {
            let line = line.trim();
            assert!(!line.starts_with("- run:") && !line.starts_with("run:"), "{}:{}", file.display(), index + 1);
        }
    }
}

/// The fuzz targets in their definition, their files, the nightly run and the documentation.
#[test]
fn fuzz_targets_are_the_same_everywhere() {
    let manifest: toml::Table = toml::from_str(&read("fuzz/Cargo.toml")).unwrap();
    let binaries = manifest["bin"].as_array().unwrap();
    let mut targets: Vec<_> = binaries.iter().map(|binary| binary["name"].as_str().unwrap()).collect();
    targets.sort_unstable();
    let folder = fs::read_dir(root().join("fuzz/fuzz_targets")).unwrap();
    let mut files: Vec<_> = folder.map(|entry| entry.unwrap().path().file_stem().unwrap().to_owned()).collect();
    files.sort();
    assert_eq!(files, targets);
    let nightly: serde_json::Value = serde_saphyr::from_str(&read(".github/workflows/nightly.yml")).unwrap();
    let mut nightly: Vec<_> = nightly["jobs"]["fuzz"]["strategy"]["matrix"]["target"]
        .as_array()
        .unwrap()
        .iter()
        .map(|target| target.as_str().unwrap())
        .collect();
    nightly.sort_unstable();
    assert_eq!(nightly, targets);
    let page = read("docs/testing.md");
    for heading in ["What must hold", "What was found"] {
        let section = page.split(&format!("### {heading}\n")).nth(1).unwrap();
        let rows = section.split("\n#").next().unwrap().lines().filter_map(|line| line.strip_prefix("| `"));
        let mut rows: Vec<_> = rows.filter_map(|row| row.split('`').next()).collect();
        rows.sort_unstable();
        assert_eq!(rows, targets, "{heading}");
    }
}

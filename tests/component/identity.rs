//! Identities of Microsoft Entra ID in the built component: settings as environment and as Spin variables, tokens in
//! files, and the servers that tokens come from.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use postern_emulator::{BearerCheck, Config};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::azure::{ASSERTION, Azure, HEADER, SECRET, TOKEN};
use crate::flavour::Flavour;
use crate::stand::{Form, GITHUB_SECRET, Setup, Stand};

const IDENTITIES: [&str; 4] = ["client-secret", "workload", "app-service", "imds"];

/// A directory as Kubernetes mounts it: the file is a link through another link, which is replaced with each new token.
struct Tokens(TempDir);

impl Tokens {
    fn new() -> Self {
        let tokens = Self(tempfile::tempdir().unwrap());
        symlink("..data/azure-identity-token", tokens.directory().join("azure-identity-token")).unwrap();
        tokens.put("1", &format!("{ASSERTION}\n"));
        tokens
    }

    fn directory(&self) -> &Path {
        self.0.path()
    }

    fn file(&self) -> String {
        self.directory().join("azure-identity-token").to_str().unwrap().to_owned()
    }

    fn put(&self, version: &str, token: &str) {
        let folder = self.directory().join(format!("..{version}"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("azure-identity-token"), token).unwrap();
        let new = self.directory().join("..new");
        symlink(format!("..{version}"), &new).unwrap();
        fs::rename(new, self.directory().join("..data")).unwrap();
    }
}

/// A stand whose gate uses an identity, and the stand-in that issues its tokens. `change` may change what the host
/// provides.
fn stand(flavour: Flavour, name: &'static str, tokens: &Tokens, change: impl FnOnce(&mut Setup)) -> (Stand, Azure) {
    let (sender, receiver) = std::sync::mpsc::channel();
    let file = tokens.file();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.spawn(async move { sender.send(Azure::start(name).await) });
    let azure = receiver.recv().unwrap();
    let mut setup = Setup {
        config: Config { bearer: BearerCheck::new(|token| token == TOKEN), ..Config::default() },
        servers: vec![azure.url()],
        readable: vec![tokens.directory().to_owned()],
        ..Setup::default()
    };
    setup.settings.extend(azure.settings(name, &file));
    setup.settings.insert("acs_access_key".to_owned(), String::new());
    change(&mut setup);
    let mut stand = Stand::with(flavour, Form::Sealed, setup);
    stand.keep(runtime);
    (stand, azure)
}

fn issue(title: &str) -> Value {
    json!({"action": "opened", "issue": {"title": title}})
}

/// Sends an event; what became of its mail.
fn send(stand: &Stand, title: &str) -> Value {
    let answer = stand.github(&issue(title), Some(GITHUB_SECRET));
    let text = format!("{:?}{:?}", answer.body, stand.lines());
    for secret in ["canary-token", "canary-entra", SECRET, HEADER, ASSERTION] {
        assert!(!text.contains(secret), "{secret} leaked: {text}");
    }
    stand.line()["mails"][0].clone()
}

#[test]
fn every_identity_gets_its_token_in_every_flavour() {
    let tokens = Tokens::new();
    for flavour in Flavour::ALL {
        for name in IDENTITIES {
            println!("flavour {}, identity {name}", flavour.name());
            let (stand, azure) = stand(flavour, name, &tokens, |_| {});
            let ready = stand.get("/readyz");
            assert_eq!((ready.status, &ready.body["identity"]), (200, &json!(name)));
            assert_eq!(azure.answers().len(), 0, "a probe asks for no token");
            assert_eq!(send(&stand, "It breaks")["outcome"], "accepted");
            assert_eq!((stand.subjects(), azure.answers()), (vec!["Issue: It breaks".to_owned()], vec![true]));
        }
    }
}

#[test]
fn a_federated_token_may_be_a_setting_and_one_in_a_file_is_read_anew() {
    let tokens = Tokens::new();
    for flavour in Flavour::ALL {
        let (stand, azure) = stand(flavour, "workload", &tokens, |setup| {
            setup.settings.remove("azure_federated_token_file");
            setup.settings.insert("azure_federated_token".to_owned(), ASSERTION.to_owned());
            setup.readable.clear();
        });
        assert_eq!(send(&stand, "It breaks")["outcome"], "accepted", "{}", flavour.name());
        assert_eq!(azure.answers(), [true]);
    }
    for flavour in Flavour::ALL {
        let tokens = Tokens::new();
        let (stand, azure) = stand(flavour, "workload", &tokens, |_| {});
        assert_eq!(send(&stand, "It breaks")["outcome"], "accepted");
        azure.expect_assertion("another.federated.token");
        tokens.put("2", "another.federated.token");
        // WASI 0.3 hosts keep the instance and its token, whose lifetime is so short that the gate requests another.
        assert_eq!(send(&stand, "It breaks")["outcome"], "accepted", "{}", flavour.name());
        assert_eq!(azure.answers(), [true, true]);
    }
}

#[test]
fn what_a_host_does_not_give_is_told_apart() {
    let tokens = Tokens::new();
    for flavour in Flavour::ALL {
        println!("flavour {}", flavour.name());
        // The directory is not mounted: the gate cannot read the file, and does not call Entra.
        let (without, azure) = stand(flavour, "workload", &tokens, |setup| setup.readable.clear());
        assert_eq!((send(&without, "One")["outcome"].clone(), azure.answers()), (json!("unauthorized"), vec![]));
        // The host lets the gate call only ACS.
        let (denied, azure) = stand(flavour, "client-secret", &tokens, |setup| setup.servers.clear());
        assert_eq!((send(&denied, "One")["outcome"].clone(), azure.answers()), (json!("denied"), vec![]));
        // Entra refuses the secret.
        let (refused, _) = stand(flavour, "client-secret", &tokens, |setup| {
            setup.settings.insert("azure_client_secret".to_owned(), "another".to_owned());
        });
        let mail = send(&refused, "One");
        assert_eq!((&mail["outcome"], &mail["acs_error"]), (&json!("unauthorized"), &json!("AADSTS7000215")));
    }
}

//! The policy of a directory, beyond `postern check`: whether it is usable, and its settings.

use std::path::Path;

use postern::policy::{POLICY_FILE, Policy};
use postern::setting::{SettingError, SettingName};
use postern::{acs, entra};
use postern_lint::approval;

use super::{Finding, State};
use crate::directory::Directory;
use crate::report::counted;
use crate::{secret, settings};

/// The policy, if there is a usable one, and all checks of it.
pub fn look(path: &Path) -> (Option<Policy>, Vec<Finding>) {
    if !path.join(POLICY_FILE).exists() {
        return (None, vec![Finding::skipped("policy", format!("not found in {}: see --policy", path.display()))]);
    }
    let read = Directory::read(path).and_then(|directory| Ok((directory.proven()?.0, directory)));
    match read {
        Ok((policy, directory)) => {
            let mut findings = vec![usable(&policy), approved(&directory)];
            let surrounded = surrounded(&policy);
            if surrounded.is_empty() {
                findings.push(secrets(&policy));
            }
            findings.extend(surrounded);
            (Some(policy), findings)
        }
        Err(_) => {
            let help = format!("`postern check {}` shows where the errors are and how to fix them.", path.display());
            (None, vec![Finding::bad("policy", State::Failed, "it cannot be used", help)])
        }
    }
}

fn usable(policy: &Policy) -> Finding {
    let mails = policy.routes().map(|route| route.mails.len()).sum();
    let extent = format!("{}, {}", counted(policy.routes().count(), "route"), counted(mails, "mail"));
    Finding::good("policy", format!("it can be used: {extent}"))
}

fn approved(directory: &Directory) -> Finding {
    match approval::unapproved(directory.sources()) {
        Ok(open) if open.is_empty() => Finding::good("approvals", "everything is approved"),
        Ok(open) => Finding::bad(
            "approvals",
            State::Warning,
            format!("{} not approved, so the policy cannot be sealed", counted(open.len(), "thing")),
            "`postern check` lists them, and `postern approve` shows what changed.",
        ),
        Err(finding) => Finding::bad("approvals", State::Failed, finding.message, finding.help),
    }
}

/// The settings with something around them that is not part of the value. Those of the ACS resource are checked with the
/// resource.
fn surrounded(policy: &Policy) -> Vec<Finding> {
    let settings = settings::read(policy.secrets().into_iter().map(SettingName::as_str));
    let of_resource = |name: &str| acs::setting::ALL.contains(&name) || entra::setting::ALL.contains(&name);
    let faults = settings::surrounded(&settings).into_iter().filter(|fault| !of_resource(&fault.name));
    let finding = |SettingError { name, fault }: SettingError| {
        let message = format!("{} {fault}", name.to_ascii_uppercase());
        Finding::bad("settings", State::Failed, message, "Set the environment variable to the value alone.")
    };
    faults.map(finding).collect()
}

/// Shows only names, never values.
fn secrets(policy: &Policy) -> Finding {
    match secret::all(policy) {
        Err(error) => {
            Finding::bad("secrets", State::Failed, format!("{error:#}"), "Set it to the secret that the sender shows.")
        }
        Ok(secrets) => {
            let missing: Vec<_> = secrets.iter().filter(|secret| secret.development).collect();
            let names = missing.iter().map(|secret| secret::variable(&secret.name)).collect::<Vec<_>>().join(", ");
            match missing.len() {
                0 => Finding::good("secrets", format!("{} set", counted(secrets.len(), "secret"))),
                _ => Finding::bad(
                    "secrets",
                    State::Warning,
                    format!("not set: {names}"),
                    "`postern dev` uses development values; the gate needs real ones.",
                ),
            }
        }
    }
}

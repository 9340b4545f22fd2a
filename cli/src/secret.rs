//! The secrets that callers sign with: from the environment, or else fixed values for development only.

use std::env;
use std::fmt;

use anyhow::{bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postern::policy::{Policy, RouteAuth, SecretForm};
use postern::setting::{SettingFault, SettingName};

/// The text that every development secret contains.
const DEVELOPMENT: &str = "postern-development-secret";

/// A P-256 key for development: the public key for the setting, and the private key that signs.
const DEVELOPMENT_PUBLIC_KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAERxw+dYxJBChbun5TEY7Q9SSt6wdX0lvS+Oew1236cUzdUg96yoqLkXrMN/Ud6PDJu+OthYOC5wLcJaEtCfeoWA==";
const DEVELOPMENT_PRIVATE_KEY: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJCrze+hRANCAARHHD51jEkEKFu6flMRjtD1JK3rB1fSW9L457DXbfpxTN1SD3rKiouResw39R3o8Mm7462Fg4LnAtwloS0J96hY";

/// The value of a setting that verifies a route's callers.
pub struct Secret {
    /// The setting's name.
    pub name: SettingName,
    /// Its value.
    pub value: String,
    /// Whether it is the public development value.
    pub development: bool,
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Secret({})", self.name)
    }
}

/// All secrets that a policy's routes name, each once.
pub fn all(policy: &Policy) -> anyhow::Result<Vec<Secret>> {
    policy.secrets().into_iter().map(|name| find(policy, name)).collect()
}

/// One secret of a policy. The value of a setting must have nothing around it, and be valid for every scheme that uses it.
pub fn find(policy: &Policy, name: &SettingName) -> anyhow::Result<Secret> {
    let auths = auths(policy, name);
    let variable = variable(name);
    match env::var(&variable).ok().filter(|value| !value.is_empty()) {
        Some(value) => {
            if let Some(fault) = SettingFault::around(&value) {
                bail!("The environment variable {variable} {fault}.");
            }
            for auth in auths {
                ensure!(auth.scheme.usable(&value), unusable(&variable, auth));
            }
            Ok(Secret { name: name.clone(), value, development: false })
        }
        None => Ok(Secret { name: name.clone(), value: development(&auths), development: true }),
    }
}

/// The secret that signs for one that verifies: the same, unless it is the public key of the development pair.
pub fn signing(secret: &Secret) -> &str {
    if secret.value == DEVELOPMENT_PUBLIC_KEY { DEVELOPMENT_PRIVATE_KEY } else { &secret.value }
}

/// The environment variable of a setting.
pub fn variable(name: &SettingName) -> String {
    name.as_str().to_ascii_uppercase()
}

/// Says that a variable's value does not have the format that a scheme requires, without showing the value.
pub fn unusable(variable: &str, auth: &RouteAuth) -> String {
    format!("The environment variable {variable} does not hold a valid secret for the scheme {}.", auth.name)
}

fn auths<'a>(policy: &'a Policy, name: &SettingName) -> Vec<&'a RouteAuth> {
    policy.auths().filter(|auth| auth.secrets.contains(name)).collect()
}

/// The first development value that is valid for all of the schemes.
fn development(auths: &[&RouteAuth]) -> String {
    let values = auths.iter().map(|auth| written(auth.scheme.secret_form()));
    let suits = |value: &String| auths.iter().all(|auth| auth.scheme.usable(value));
    values.clone().find(suits).or_else(|| values.clone().next()).unwrap_or_else(|| DEVELOPMENT.to_owned())
}

fn written(form: SecretForm) -> String {
    match form {
        SecretForm::Text | SecretForm::None => DEVELOPMENT.to_owned(),
        SecretForm::Base64 => format!("whsec_{}", STANDARD.encode(DEVELOPMENT)),
        SecretForm::NameAndPassword => format!("postern:{DEVELOPMENT}"),
        SecretForm::P256PublicKey => DEVELOPMENT_PUBLIC_KEY.to_owned(),
    }
}

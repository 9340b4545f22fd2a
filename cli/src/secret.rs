//! The secrets that callers sign with: from the environment, else fixed values that suit development and nothing else.

use std::env;
use std::fmt;

use anyhow::ensure;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postern::auth::{Scheme, SecretForm, hmac};
use postern::policy::{Policy, SettingName};

/// What every development secret says.
const DEVELOPMENT: &str = "postern-development-secret";

/// The value of a setting that a route's callers are checked with.
pub struct Secret {
    /// The setting's name.
    pub name: SettingName,
    /// Its value.
    pub value: String,
    /// Whether the value is the one for development, known to everybody.
    pub development: bool,
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Secret({})", self.name)
    }
}

/// All secrets that a policy's routes mention, each once.
pub fn all(policy: &Policy) -> anyhow::Result<Vec<Secret>> {
    policy.secrets().into_iter().map(|name| find(policy, name)).collect()
}

/// One secret of a policy. Settings that are set must suit every scheme that uses them.
pub fn find(policy: &Policy, name: &SettingName) -> anyhow::Result<Secret> {
    let schemes = schemes(policy, name);
    let variable = variable(name);
    match env::var(&variable).ok().filter(|value| !value.is_empty()) {
        Some(value) => {
            for scheme in schemes {
                let fits = hmac::usable_secret(scheme, &value);
                ensure!(fits, unusable(&variable, scheme));
            }
            Ok(Secret { name: name.clone(), value, development: false })
        }
        None => Ok(Secret { name: name.clone(), value: development(&schemes), development: true }),
    }
}

/// The environment variable of a setting.
pub fn variable(name: &SettingName) -> String {
    name.as_str().to_ascii_uppercase()
}

/// Says that a variable's value is not written as a scheme demands; the value is not in it.
pub fn unusable(variable: &str, scheme: &Scheme) -> String {
    format!("The environment variable {variable} holds no secret of the scheme {}.", scheme.name)
}

fn schemes(policy: &Policy, name: &SettingName) -> Vec<&'static Scheme> {
    let auths = policy.routes().filter_map(|route| route.auth.as_ref());
    auths.filter(|auth| auth.secrets.contains(name)).map(|auth| auth.scheme).collect()
}

/// The first value made for one of the schemes that suits all of them.
fn development(schemes: &[&Scheme]) -> String {
    let values = schemes.iter().map(|scheme| written(scheme.secret));
    let suits = |value: &String| schemes.iter().all(|scheme| hmac::usable_secret(scheme, value));
    values.clone().find(suits).or_else(|| values.clone().next()).unwrap_or_else(|| DEVELOPMENT.to_owned())
}

fn written(form: SecretForm) -> String {
    match form {
        SecretForm::Text => DEVELOPMENT.to_owned(),
        SecretForm::Base64 { prefix } => format!("{prefix}{}", STANDARD.encode(DEVELOPMENT)),
    }
}

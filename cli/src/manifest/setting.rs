//! What a host gives the component, and where it lets it out to.

use serde::Serialize;

/// A setting that the host has to give.
#[derive(Debug, Clone, Serialize)]
pub struct Setting {
    /// Lower_snake: the name of a Spin variable.
    pub name: String,
    /// The name in an environment.
    pub upper: String,
    /// Whether nobody but the component may see it.
    pub secret: bool,
    /// What it is.
    pub description: &'static str,
    /// Its value where nobody says otherwise, empty where it may be left out; `None` where it must be given.
    pub default: Option<String>,
    /// Whether the component gets it; otherwise it only says where the component is let out to.
    pub given: bool,
}

impl Setting {
    /// One that must be given.
    pub fn required(name: &str, description: &'static str) -> Self {
        let upper = name.to_ascii_uppercase();
        Self { name: name.to_owned(), upper, secret: false, description, default: None, given: true }
    }

    /// One that must be given and that nobody else may see.
    pub fn secret(name: &str, description: &'static str) -> Self {
        Self { secret: true, ..Self::required(name, description) }
    }

    /// One that has a value where nobody says otherwise.
    pub fn with_default(name: &str, default: &str, description: &'static str) -> Self {
        Self { default: Some(default.to_owned()), ..Self::required(name, description) }
    }

    /// The same, kept from the component.
    pub fn for_the_host(self) -> Self {
        Self { given: false, ..self }
    }
}

/// A server that the component must be let out to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Server {
    /// The one that a setting names.
    Of(&'static str),
    /// One that is the same everywhere.
    Fixed(String),
}

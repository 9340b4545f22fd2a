//! The settings that a host gives the component, and the servers that it allows it to connect to.

use serde::Serialize;

/// A setting that the host must provide.
#[derive(Debug, Clone, Serialize)]
pub struct Setting {
    /// In snake_case: the name of a Spin variable.
    pub name: String,
    /// The name as an environment variable.
    pub upper: String,
    /// Whether only the component may see it.
    pub secret: bool,
    /// Its description.
    pub description: &'static str,
    /// Its default value, empty if it is optional; `None` if it is required.
    pub default: Option<String>,
    /// Whether the component gets it. If not, it only names a server that the component may connect to.
    pub given: bool,
}

impl Setting {
    /// A required setting.
    pub fn required(name: &str, description: &'static str) -> Self {
        let upper = name.to_ascii_uppercase();
        Self { name: name.to_owned(), upper, secret: false, description, default: None, given: true }
    }

    /// A required setting that only the component may see.
    pub fn secret(name: &str, description: &'static str) -> Self {
        Self { secret: true, ..Self::required(name, description) }
    }

    /// A setting with a default value.
    pub fn with_default(name: &str, default: &str, description: &'static str) -> Self {
        Self { default: Some(default.to_owned()), ..Self::required(name, description) }
    }

    /// The same, but the component does not get it.
    pub fn for_the_host(self) -> Self {
        Self { given: false, ..self }
    }
}

/// A server that the component must be able to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Server {
    /// The server that a setting names.
    Of(&'static str),
    /// A fixed server.
    Fixed(String),
}

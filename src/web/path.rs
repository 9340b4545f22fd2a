//! The paths that the gate answers itself. No route of a policy has one.

/// Whether the component runs.
pub const HEALTH: &str = "/healthz";

/// Whether the gate could send.
pub const READINESS: &str = "/readyz";

/// Where the script is that makes plain forms comfortable.
pub const SCRIPT: &str = "/postern.js";

/// Where the description of all routes is.
pub const OPENAPI: &str = "/openapi.json";

/// The path of status requests, before the operation's id.
pub const OPERATIONS: &str = "/operations/";

/// The last part of a confirmation link's path, below the form's.
pub const CONFIRM: &str = "confirm";

/// Whether a path is the gate's own.
pub fn is_reserved(path: &str) -> bool {
    [HEALTH, READINESS, SCRIPT, OPENAPI].contains(&path) || format!("{path}/").starts_with(OPERATIONS)
}

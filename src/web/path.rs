//! The paths that the gate itself answers. No route of a policy can have one.

/// The probe whether the component runs.
pub const HEALTH: &str = "/healthz";

/// The probe whether the gate could send.
pub const READINESS: &str = "/readyz";

/// The script for pages.
pub const SCRIPT: &str = "/postern.js";

/// The OpenAPI description of all routes.
pub const OPENAPI: &str = "/openapi.json";

/// The path of status requests, before the operation's id.
pub const OPERATIONS: &str = "/operations/";

/// The last part of a confirmation link's path, below the form's.
pub const CONFIRM: &str = "confirm";

/// Whether a path belongs to the gate.
pub fn is_reserved(path: &str) -> bool {
    [HEALTH, READINESS, SCRIPT, OPENAPI].contains(&path) || format!("{path}/").starts_with(OPERATIONS)
}

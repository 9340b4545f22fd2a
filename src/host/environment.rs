//! Settings from the environment: a setting's name in upper case.

/// The value of a variable; `None` when it is not set, or is no text.
pub(super) async fn get(name: &str) -> Option<String> {
    std::env::var(name.to_ascii_uppercase()).ok()
}

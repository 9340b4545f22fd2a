//! Settings from Spin variables.

use spin_sdk::variables;

/// The value of a variable; `None` when the manifest does not define it.
pub(super) async fn get(name: &str) -> Option<String> {
    variables::get(name).await.ok()
}

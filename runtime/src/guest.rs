//! What is run: a component and everything it is given.

use crate::origin::Origin;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// Where a guest finds its policy directory.
pub const POLICY_DIRECTORY: &str = "/policy";

/// A component with its settings and permissions.
#[derive(Clone, Default)]
pub struct Guest {
    /// The component's bytes, of WASI 0.3 or 0.2.
    pub component: Cow<'static, [u8]>,
    /// Settings by lower_snake name: a guest finds them as Spin variables of that name and as environment variables
    /// in UPPER_SNAKE.
    pub settings: BTreeMap<String, String>,
    /// A directory the guest may read, and only read, at [`POLICY_DIRECTORY`]. Each new instance sees its present
    /// content, so the caller should give a directory that does not change under a running guest.
    pub policy_dir: Option<PathBuf>,
    /// Further directories the guest may read, and only read, at the paths that they have here: absolute ones, for a guest
    /// has no working directory. What is replaced in them is seen.
    pub readable: Vec<PathBuf>,
    /// The origins the guest may send requests to; every other request is denied.
    pub allowed_outbound: Vec<Origin>,
}

/// Settings hold secrets: only their names are shown.
impl fmt::Debug for Guest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Guest")
            .field("component_bytes", &self.component.len())
            .field("settings", &self.settings.keys())
            .field("policy_dir", &self.policy_dir)
            .field("readable", &self.readable)
            .field("allowed_outbound", &self.allowed_outbound)
            .finish()
    }
}

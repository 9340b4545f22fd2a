//! What a host runs: a component with its settings and permissions.

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
    /// Settings by snake_case name. A guest finds them as Spin variables of that name and as environment variables in
    /// upper case.
    pub settings: BTreeMap<String, String>,
    /// A directory that the guest can read, but not write, at [`POLICY_DIRECTORY`]. Each new instance sees its current
    /// content, so the directory should not change while a guest runs.
    pub policy_dir: Option<PathBuf>,
    /// Further directories that the guest can read, but not write, at the same paths as on this machine. The paths must
    /// be absolute, because a guest has no working directory. The guest sees replaced files.
    pub readable: Vec<PathBuf>,
    /// The origins that the guest may send requests to; the host denies every other request.
    pub allowed_outbound: Vec<Origin>,
}

/// Settings contain secrets, so this shows only their names.
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

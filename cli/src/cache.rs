//! The cache of compiled components, in the user's cache directory.

use postern_runtime::Cache;

/// The cache; `None` if there is no directory for it, in which case components are compiled each time.
pub fn open() -> Option<Cache> {
    Cache::open(dirs::cache_dir()?.join("postern")).ok()
}

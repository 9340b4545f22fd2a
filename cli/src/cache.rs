//! Where compiled components are kept: with the user's other caches.

use postern_runtime::Cache;

/// The cache; `None` where there is no place for it, and components are compiled each time.
pub fn open() -> Option<Cache> {
    Cache::open(dirs::cache_dir()?.join("postern")).ok()
}

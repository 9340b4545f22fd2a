//! The managed suppression list: addresses that bounced, and how long nothing is sent to them.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use crate::clock::later;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The suppression after the first, second, … bounce, in days; the last value repeats.
///
/// Source: ACS, sender reputation and managed suppression list.
const LEASE_DAYS: [u32; 5] = [1, 2, 4, 7, 14];

/// The most addresses on the list; further ones are not added.
const MAX_ADDRESSES: usize = 100_000;

/// An address on the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// The address, in lower case.
    pub address: String,
    /// When mail is sent to it again.
    pub until: SystemTime,
    /// How often it bounced, or was sent to while suppressed.
    pub strikes: u32,
}

/// Compares addresses case-insensitively.
#[derive(Debug, Default)]
pub(crate) struct SuppressionList(BTreeMap<String, Suppression>);

impl SuppressionList {
    pub(crate) fn is_suppressed(&self, address: &str, now: SystemTime) -> bool {
        self.0.get(&address.to_lowercase()).is_some_and(|entry| entry.until > now)
    }

    /// Adds an address, or extends its suppression by the next step.
    pub(crate) fn strike(&mut self, address: &str, now: SystemTime) {
        let address = address.to_lowercase();
        if self.0.len() >= MAX_ADDRESSES && !self.0.contains_key(&address) {
            return;
        }
        let strikes = self.0.get(&address).map_or(0, |entry| entry.strikes).saturating_add(1);
        let until = later(now, lease(strikes));
        self.0.insert(address.clone(), Suppression { address, until, strikes });
    }

    /// A list with these addresses on it.
    pub(crate) fn of(entries: Vec<Suppression>) -> SuppressionList {
        SuppressionList(entries.into_iter().map(|entry| (entry.address.clone(), entry)).collect())
    }

    /// The entry for an address, whether or not it is suppressed now.
    pub(crate) fn get(&self, address: &str) -> Option<&Suppression> {
        self.0.get(&address.to_lowercase())
    }

    pub(crate) fn list(&self, now: SystemTime) -> Vec<Suppression> {
        self.0.values().filter(|entry| entry.until > now).cloned().collect()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

fn lease(strikes: u32) -> Duration {
    let step = usize::try_from(strikes).unwrap_or(usize::MAX).saturating_sub(1);
    let days = LEASE_DAYS.get(step).or(LEASE_DAYS.last()).copied().unwrap_or(1);
    DAY * days
}

//! How many connections each peer has open.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The network part of an IPv6 address, in bits: one customer gets all its addresses (RFC 4291, 2.5.1).
const NETWORK: u128 = !0 << 64;

/// The number of open connections by peer.
#[derive(Clone, Default)]
pub(crate) struct Peers(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One connection of a peer, counted until it is dropped.
pub(crate) struct Seat {
    peers: Peers,
    peer: IpAddr,
}

impl Peers {
    /// Counts a connection; `None` if its peer already has `most` of them.
    pub(crate) fn admit(&self, address: IpAddr, most: usize) -> Option<Seat> {
        let peer = peer(address);
        let mut counts = self.counts();
        let count = counts.get(&peer).copied().unwrap_or(0);
        if count >= most {
            return None;
        }
        counts.insert(peer, count + 1);
        Some(Seat { peers: self.clone(), peer })
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        // A thread that panics while it counts leaves nothing half-done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Entry::Occupied(mut count) = self.peers.counts().entry(self.peer) {
            *count.get_mut() -= 1;
            // Addresses without connections take no memory.
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

/// The peer that an address belongs to: the address itself, or its network.
fn peer(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & NETWORK).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    use super::{Peers, peer};

    #[test]
    fn an_ipv6_network_is_one_peer_and_an_ipv4_address_is() {
        let v4 = Ipv4Addr::new(192, 0, 2, 1);
        for (address, expected) in [
            (v4.into(), v4.into()),
            (v4.to_ipv6_mapped().into(), v4.into()),
            (
                Ipv6Addr::new(0x2001, 0xdb8, 1, 2, 3, 4, 5, 6).into(),
                Ipv6Addr::new(0x2001, 0xdb8, 1, 2, 0, 0, 0, 0).into(),
            ),
            (Ipv6Addr::LOCALHOST.into(), Ipv6Addr::UNSPECIFIED.into()),
        ] {
            let (address, expected): (IpAddr, IpAddr) = (address, expected);
            assert_eq!(peer(address), expected, "{address}");
        }
    }

    #[test]
    fn whoever_is_gone_is_forgotten() {
        let (peers, address) = (Peers::default(), Ipv4Addr::new(192, 0, 2, 1).into());
        let seats = [peers.admit(address, 2), peers.admit(address, 2)];
        assert!(seats.iter().all(Option::is_some) && peers.admit(address, 2).is_none());
        assert!(peers.admit(Ipv4Addr::LOCALHOST.into(), 2).is_some(), "others have their own count");
        drop(seats);
        assert!(peers.counts().is_empty());
    }
}

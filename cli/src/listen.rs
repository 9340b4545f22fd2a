//! Addresses to listen on: how to write them, and what to do if one is not available.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::anyhow;

/// The gate's default address.
pub const GATE: &str = "127.0.0.1:3000";
/// The emulator's default address.
pub const EMULATOR: &str = "127.0.0.1:3001";

/// Reads `ADDRESS:PORT`, `localhost:PORT` or `PORT`.
pub fn address(text: &str) -> Result<SocketAddr, &'static str> {
    let port = text.strip_prefix("localhost:").or_else(|| text.strip_prefix(':')).unwrap_or(text);
    match port.parse::<u16>() {
        Ok(port) => Ok((Ipv4Addr::LOCALHOST, port).into()),
        Err(_) => text.parse().map_err(|_| "expected an address with a port, such as 127.0.0.1:3000, or only a port"),
    }
}

/// The message for an address that is already in use.
pub fn busy(address: SocketAddr, option: &str) -> anyhow::Error {
    anyhow!(
        "Port {} on {} is in use: stop the program that uses it, or choose another address with `{option}`.",
        address.port(),
        address.ip()
    )
}

/// Says that the system does not allow listening there.
pub fn refused(address: SocketAddr, reason: &std::io::Error, option: &str) -> anyhow::Error {
    anyhow!("Cannot listen on {address}: {reason}; choose another address with `{option}`.")
}

/// An address at which this machine reaches a listener: one that listens everywhere is also on the loopback address.
pub fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

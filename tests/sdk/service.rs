//! An emulator with the system's clock, since the SDKs sign with it.

use std::io::Write;
use std::net::Ipv4Addr;
use std::process::Command;

use postern_emulator::{Config, Emulator, Store, Tls};
use tempfile::NamedTempFile;
use tokio::runtime::Runtime;

pub struct Service {
    pub endpoint: String,
    pub connection_string: String,
    pub store: Store,
    authority: Option<NamedTempFile>,
    _runtime: Runtime,
}

impl Service {
    pub fn http() -> Service {
        Service::start(None)
    }

    pub fn https() -> Service {
        Service::start(Some(Tls::generate(Ipv4Addr::LOCALHOST.into()).unwrap()))
    }

    fn start(tls: Option<Tls>) -> Service {
        let authority = tls.as_ref().map(|tls| {
            let mut file = NamedTempFile::new().unwrap();
            file.write_all(tls.authority().as_bytes()).unwrap();
            file
        });
        let runtime = Runtime::new().unwrap();
        let config = Config { tls, ..Config::default() };
        let emulator = runtime.block_on(Emulator::bind((Ipv4Addr::LOCALHOST, 0).into(), config)).unwrap();
        let (endpoint, connection_string) = (emulator.endpoint(), emulator.connection_string());
        let store = emulator.store();
        runtime.spawn(emulator.serve(std::future::pending()));
        Service { endpoint, connection_string, store, authority, _runtime: runtime }
    }

    /// The same client, configured to trust the emulator's authority as `postern emulator --tls` says.
    pub fn trusted_by(&self, mut client: Command) -> Command {
        if let Some(file) = &self.authority {
            for name in ["NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"] {
                client.env(name, file.path());
            }
        }
        // The machine's proxy must not be used for the loopback address.
        client.env("NO_PROXY", "*").env("no_proxy", "*");
        client
    }
}

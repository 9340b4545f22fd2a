//! The contestants: every way to do the job, by name.

use crate::native;
use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use postern::policy::Files;
use postern_engine::Flavour;
use postern_runtime::{Cache, Guest, Host, Limits, Server};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;

/// A way to turn a request into a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Contestant {
    /// The component with the policy sealed in, reusing instances.
    Sealed,
    /// The component with the policy sealed in, a fresh instance for each request.
    SealedFresh,
    /// The unsealed component, reusing instances.
    Unsealed,
    /// The unsealed component, a fresh instance for each request.
    UnsealedFresh,
    /// The minimal component, reusing instances.
    Floor,
    /// The minimal component, a fresh instance for each request.
    FloorFresh,
    /// The same core behind hyper.
    Native,
    /// fastify, ajv, handlebars and ACS's SDK for JavaScript.
    Node,
    /// FastAPI, jsonschema, jinja2 and ACS's SDK for Python.
    Python,
}

/// The key that every contestant signs with; the sink does not check it.
pub const ACCESS_KEY: &str = "cG9zdGVybi1lbXVsYXRvci1kZXZlbG9wbWVudC1rZXk=";

impl Contestant {
    /// Its name in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sealed => "sealed, instances reused",
            Self::SealedFresh => "sealed, fresh instances",
            Self::Unsealed => "unsealed, instances reused",
            Self::UnsealedFresh => "unsealed, fresh instances",
            Self::Floor => "floor, instances reused",
            Self::FloorFresh => "floor, fresh instances",
            Self::Native => "native core behind hyper",
            Self::Node => "Node: fastify, ACS SDK",
            Self::Python => "Python: FastAPI, ACS SDK",
        }
    }

    const fn is_fresh(self) -> bool {
        matches!(self, Self::SealedFresh | Self::UnsealedFresh | Self::FloorFresh)
    }

    /// The component's bytes; none for the other kinds.
    pub fn component(self) -> Result<Option<Vec<u8>>> {
        match self {
            Self::Sealed | Self::SealedFresh => Ok(Some(std::fs::read(sealed_component()?)?)),
            Self::Unsealed | Self::UnsealedFresh => Ok(Some(postern_engine::component(Flavour::Wasi)?.into_owned())),
            Self::Floor | Self::FloorFresh => Ok(Some(std::fs::read(crate::floor::path()?)?)),
            Self::Native | Self::Node | Self::Python => Ok(None),
        }
    }

    /// Serves in this process until it is killed; prints its address to standard output.
    pub async fn serve(self, endpoint: &str) -> Result<()> {
        match self {
            Self::Native => {
                let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
                println!("{}", listener.local_addr()?);
                native::serve(listener, &policy(), settings(endpoint)).await
            }
            Self::Node | Self::Python => bail!("{} is not served by this program", self.name()),
            _ => self.embed(endpoint).await,
        }
    }

    async fn embed(self, endpoint: &str) -> Result<()> {
        let component = self.component()?.context("a component")?;
        let guest = Guest {
            component: component.into(),
            settings: settings(endpoint),
            policy_dir: (!matches!(self, Self::Sealed | Self::SealedFresh)).then(policy),
            allowed_outbound: vec![endpoint.parse()?],
            ..Guest::default()
        };
        let mut limits = Limits::default();
        if self.is_fresh() {
            limits.requests_per_instance = 1;
        }
        let host = Host::new(limits, Some(cache()?), Arc::new(|_| ()))?;
        host.load(guest).await?;
        let server = Server::bind(([127, 0, 0, 1], 0).into()).await?;
        println!("{}", server.local_addr());
        server.serve(host, std::future::pending()).await;
        Ok(())
    }
}

/// Settings by snake_case name.
pub fn settings(endpoint: &str) -> BTreeMap<String, String> {
    let settings = [("acs_endpoint", endpoint), ("acs_access_key", ACCESS_KEY), ("alerts_secret", "budget")];
    settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// The workspace's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Seals the measurements' policy into the component.
pub fn seal() -> Result<()> {
    let files = Files::read(&policy())?.sealed();
    let sealed = postern_runtime::seal(&postern_engine::component(Flavour::Wasi)?, &files, Some(&cache()?))?;
    Ok(std::fs::write(sealed_component()?, sealed.component)?)
}

fn sealed_component() -> Result<PathBuf> {
    Ok(work_directory()?.join("sealed.wasm"))
}

fn cache() -> Result<Cache> {
    Ok(Cache::open(work_directory()?.join("compiled"))?)
}

fn policy() -> PathBuf {
    root().join("tests/fixtures/cost/policy")
}

/// Where this program stores what it builds and installs.
pub fn work_directory() -> Result<PathBuf> {
    let directory = root().join("target/side-by-side");
    std::fs::create_dir_all(&directory)?;
    Ok(directory)
}

//! `postern seal`: a policy becomes a component.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use postern::policy::{Digest, Policy};
use postern_engine::Flavour;
use postern_lint::approval::{self, Approval};
use postern_runtime::seal;

use crate::description::Description;
use crate::directory::Directory;
use crate::engine::Engine;
use crate::{cache, console};

/// Seal a policy into a component that needs no other file
///
/// Only a policy that is free of errors and fully approved can be sealed. The component is ready from its first request
/// on, and what it may send cannot be changed in it. The same policy and engine produce the same bytes. It contains no
/// secret: hosts supply the settings when it runs.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  postern seal --host spin -o postern-spin.wasm")]
pub struct Seal {
    /// The directory that contains postern.toml
    #[arg(value_name = "DIR", default_value = ".")]
    directory: PathBuf,

    /// The kind of host that the component is for
    #[arg(long, value_name = "HOST", default_value = "wasi", value_parser = hosts())]
    host: Flavour,

    /// Seal into the unsealed component in this file instead of the built-in one
    #[arg(long, value_name = "FILE", conflicts_with = "host")]
    engine: Option<PathBuf>,

    /// The file to write the component to
    #[arg(short, long, value_name = "FILE", default_value = "postern.wasm")]
    output: PathBuf,
}

/// The names of flavours, with the hosts of each, as clap shows them.
fn hosts() -> impl TypedValueParser<Value = Flavour> {
    let values = Flavour::ALL.map(|flavour| PossibleValue::new(flavour.name()).help(flavour.hosts()));
    PossibleValuesParser::new(values).try_map(|name| {
        let named = Flavour::ALL.into_iter().find(|flavour| flavour.name() == name);
        named.ok_or("not a kind of host")
    })
}

impl Seal {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let directory = Directory::read(&self.directory)?;
        let (policy, approvals) = fit(&directory)?;
        let engine = match &self.engine {
            Some(path) => Engine::read(path)?,
            None => Engine::own(self.host)?,
        };
        let started = Instant::now();
        let sealed = seal(&engine.component, &directory.files().sealed(), cache::open().as_ref())?;
        let took = started.elapsed();
        let (mut component, description) = (sealed.component, Description::of(&policy, &approvals, &engine));
        description.add_to(&mut component)?;
        fs::write(&self.output, &component).with_context(|| format!("Cannot write {}", self.output.display()))?;

        console::say(format_args!("Component  {}", self.output.display()));
        console::say(format_args!("  size     {:.2} MB", component.len() as f64 / 1e6));
        console::say(format_args!("  sha256   {}", Digest::of_bytes(&component)));
        for (index, line) in imports(&component)?.iter().enumerate() {
            console::say(format_args!("  {:<8} {line}", if index == 0 { "imports" } else { "" }));
        }
        console::say(description);
        console::say(format_args!(
            "Sealed in {:.1} s, of which initialisation took {:.1} ms.",
            took.as_secs_f64(),
            sealed.initialisation.as_secs_f64() * 1e3
        ));
        Ok(ExitCode::SUCCESS)
    }
}

/// The policy and who approved it, if it may be deployed.
fn fit(directory: &Directory) -> anyhow::Result<(Policy, BTreeMap<String, Approval>)> {
    let (policy, _) = directory.proven()?;
    let broken = |finding| directory.broken(vec![finding]);
    let open = approval::unapproved(directory.files()).map_err(broken)?;
    ensure!(
        open.is_empty(),
        "Not approved: {}. Review and approve with `postern approve --all --by YOU@YOUR-DOMAIN`.",
        open.iter().map(|open| open.name.as_str()).collect::<Vec<_>>().join(", ")
    );
    Ok((policy, approval::approvals(directory.files()).map_err(broken)?))
}

/// The packages a component imports interfaces of.
fn imports(component: &[u8]) -> anyhow::Result<Vec<String>> {
    let mut packages: Vec<_> = postern_runtime::imports(component)?.iter().map(|name| package(name)).collect();
    packages.sort();
    packages.dedup();
    Ok(packages)
}

/// `wasi:cli@0.2.0` of `wasi:cli/stdout@0.2.0`.
fn package(interface: &str) -> String {
    let (name, version) = interface.split_once('@').unwrap_or((interface, ""));
    let package = name.split('/').next().unwrap_or(name);
    if version.is_empty() { package.to_owned() } else { format!("{package}@{version}") }
}

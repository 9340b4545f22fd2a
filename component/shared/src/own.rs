//! The gate of this instance: sealed into the component, or created from the mounted policy at the first request.

use std::path::Path;
use std::sync::OnceLock;

use postern::gate::Gate;
use postern::policy::{Diagnostic, Files, POLICY_FILE, Place, Policy};

use crate::{SeedSource, seed};

/// Where a host mounts the policy for a component that is not sealed.
const POLICY_DIRECTORY: &str = "/policy";

static GATE: OnceLock<Gate> = OnceLock::new();

/// The gate.
pub fn gate(random: SeedSource) -> &'static Gate {
    GATE.get_or_init(|| {
        seed::install(random);
        Gate::new(mounted())
    })
}

/// Whether a gate exists: before that, the component has not seen any input from strangers.
pub fn exists() -> bool {
    GATE.get().is_some()
}

fn mounted() -> Result<Policy, Vec<Diagnostic>> {
    match Files::read(Path::new(POLICY_DIRECTORY)) {
        Ok(files) => load(&files),
        Err(error) => {
            let help = "Mount the policy directory at /policy.";
            Err(vec![Diagnostic::error(POLICY_FILE, Place::File, format!("{error}."), help)])
        }
    }
}

/// The only way to create a policy. The sealer finds this function by its name and removes it from the sealed
/// component, with everything that only it reaches: parsers for TOML, compilers for schemas, patterns and templates.
#[allow(unsafe_code, reason = "the name is nobody else's")]
#[unsafe(export_name = "postern-load")]
#[inline(never)]
fn load(files: &Files) -> Result<Policy, Vec<Diagnostic>> {
    Policy::load(files)
}

/// The function for the sealer. It gets texts, because a snapshot of a component that had read files or a clock would
/// keep handles and values of a host that no longer exists.
pub mod sealable {
    #![allow(missing_docs, unsafe_code, reason = "the interface is generated")]

    wit_bindgen::generate!({
        inline: "
            package postern:gate;

            world sealable {
                // Creates the gate from a policy's files, by path and text, for a snapshot of this instance. The error
                // says why the policy cannot be used, one sentence per line.
                export seal: func(files: list<tuple<string, string>>) -> result<_, string>;
            }
        ",
        pub_export_macro: true,
        export_macro_name: "export_sealable",
        default_bindings_module: "postern_component::sealable",
    });
}

/// Creates the gate from a policy's files, by path and text.
///
/// # Errors
/// If a gate already exists, or the policy is refused; one finding per line.
pub fn seal(random: SeedSource, files: Vec<(String, String)>) -> Result<(), String> {
    if exists() {
        return Err("This component has a policy already.".to_owned());
    }
    seed::install(random);
    let policy = load(&files.into_iter().collect()).map_err(|findings| sentences(&findings))?;
    GATE.get_or_init(|| Gate::new(Ok(policy)));
    Ok(())
}

fn sentences(findings: &[Diagnostic]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

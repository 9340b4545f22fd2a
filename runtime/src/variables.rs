//! Spin's variables interface in its two versions, from which the Spin flavours read their settings.

use std::collections::BTreeMap;
use std::sync::Arc;
use wasmtime::component::{Accessor, HasData, Linker};

mod bindings {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "postern:runtime/settings",
    });
}

use bindings::fermyon::spin::variables as p2;
use bindings::spin::variables::variables as p3;

/// Settings by snake_case name.
pub(crate) type Settings = Arc<BTreeMap<String, String>>;

struct Variables;

impl HasData for Variables {
    type Data<'a> = &'a mut Settings;
}

impl p2::Host for &mut Settings {
    fn get(&mut self, name: String) -> Result<String, p2::Error> {
        find(self, &name).map_err(|error| match error {
            VariableError::InvalidName => p2::Error::InvalidName(name),
            VariableError::Undefined => p2::Error::Undefined(name),
        })
    }
}

impl p3::Host for &mut Settings {}

impl<T> p3::HostWithStore<T> for Variables {
    async fn get(accessor: &Accessor<T, Self>, name: String) -> Result<String, p3::Error> {
        accessor.with(|mut view| find(view.get(), &name)).map_err(|error| match error {
            VariableError::InvalidName => p3::Error::InvalidName(name),
            VariableError::Undefined => p3::Error::Undefined(name),
        })
    }
}

/// Why a variable has no value.
enum VariableError {
    InvalidName,
    Undefined,
}

fn find(settings: &Settings, name: &str) -> Result<String, VariableError> {
    if !is_name(name) {
        return Err(VariableError::InvalidName);
    }
    settings.get(name).cloned().ok_or(VariableError::Undefined)
}

fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

pub(crate) fn link<T: Send + 'static>(
    linker: &mut Linker<T>,
    settings: fn(&mut T) -> &mut Settings,
) -> wasmtime::Result<()> {
    p2::add_to_linker::<T, Variables>(linker, settings)?;
    p3::add_to_linker::<T, Variables>(linker, settings)
}

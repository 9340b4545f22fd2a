//! Spin's variables interface, by which the `spin` flavour reads its settings.

use std::collections::BTreeMap;
use std::sync::Arc;
use wasmtime::component::{Accessor, HasData, Linker};

mod bindings {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "postern:runtime/settings",
    });
}

use bindings::spin::variables::variables::{Error, Host, HostWithStore, add_to_linker};

/// Settings by lower_snake name.
pub(crate) type Settings = Arc<BTreeMap<String, String>>;

struct Variables;

impl HasData for Variables {
    type Data<'a> = &'a mut Settings;
}

impl Host for &mut Settings {}

impl<T> HostWithStore<T> for Variables {
    async fn get(accessor: &Accessor<T, Self>, name: String) -> Result<String, Error> {
        accessor.with(|mut view| find(view.get(), name))
    }
}

fn find(settings: &Settings, name: String) -> Result<String, Error> {
    if !is_name(&name) {
        return Err(Error::InvalidName(name));
    }
    settings.get(&name).cloned().ok_or(Error::Undefined(name))
}

fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

pub(crate) fn link<T: Send + 'static>(
    linker: &mut Linker<T>,
    settings: fn(&mut T) -> &mut Settings,
) -> wasmtime::Result<()> {
    add_to_linker::<T, Variables>(linker, settings)
}

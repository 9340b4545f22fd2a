//! A custom section of a component, which can be read without running it.

use crate::names::NamesError;
use wasm_encoder::{ComponentSection, CustomSection};
use wasmparser::{Parser, Payload};

/// Adds a custom section to the end of a component.
pub fn add_section(component: &mut Vec<u8>, name: &str, data: &[u8]) {
    CustomSection { name: name.into(), data: data.into() }.append_to_component(component);
}

/// The first custom section of that name of the outermost component.
pub fn find_section<'a>(component: &'a [u8], name: &str) -> Result<Option<&'a [u8]>, NamesError> {
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(component) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::CustomSection(section) if depth == 0 && section.name() == name => return Ok(Some(section.data())),
            _ => {}
        }
    }
    Ok(None)
}

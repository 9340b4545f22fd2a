//! The names a component imports and exports, read without compiling it.

use wasmparser::{Parser, Payload};

/// The bytes are not a component.
#[derive(Debug, thiserror::Error)]
#[error("This is not a WebAssembly component: {0}.")]
pub struct NamesError(#[from] wasmparser::BinaryReaderError);

/// The full names of what a component imports, sorted.
pub fn imports(component: &[u8]) -> Result<Vec<String>, NamesError> {
    names(component, |payload, found| {
        if let Payload::ComponentImportSection(section) = payload {
            for import in section {
                found.push(import?.name.name.to_owned());
            }
        }
        Ok(())
    })
}

/// The full names of what a component exports, sorted.
pub fn exports(component: &[u8]) -> Result<Vec<String>, NamesError> {
    names(component, |payload, found| {
        if let Payload::ComponentExportSection(section) = payload {
            for export in section {
                found.push(export?.name.name.to_owned());
            }
        }
        Ok(())
    })
}

type Collect = fn(Payload<'_>, &mut Vec<String>) -> Result<(), NamesError>;

/// Only the outermost component counts, not those nested in it.
fn names(component: &[u8], collect: Collect) -> Result<Vec<String>, NamesError> {
    let mut found = Vec::new();
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(component) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            payload if depth == 0 => collect(payload, &mut found)?,
            _ => {}
        }
    }
    found.sort();
    Ok(found)
}

//! Removes code from a component: one of its core functions, and everything that only this function reaches.
//!
//! Functions keep their indices and types and become a trap, so nothing else in the component changes. Functions in a
//! table stay, because nobody knows which call through a table reaches which function.

use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;

use wasm_encoder::{CodeSection, Component, Module, RawSection};
use wasmparser::{
    BinaryReaderError, ConstExpr, ElementItems, ExternalKind, FunctionBody, Operator, OperatorsReader, Parser, Payload,
    TypeRef,
};

/// No locals, `unreachable`, `end`: a body for every type.
const TRAP: [u8; 3] = [0x00, 0x00, 0x0b];

/// The component without the function that one of its core modules exports under this name, and without everything that
/// only this function reaches. Unchanged if there is no such function.
pub(crate) fn prune(component: &[u8], export: &str) -> Result<Vec<u8>, BinaryReaderError> {
    let mut pruned = Component::new();
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload?;
        if let (0, Some((id, range))) = (depth, payload.as_section()) {
            let data = bytes(component, range);
            match payload {
                Payload::ModuleSection { .. } => {
                    pruned.section(&RawSection { id, data: &prune_module(data, export)? });
                }
                _ => {
                    pruned.section(&RawSection { id, data });
                }
            }
        }
        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(pruned.finish())
}

fn bytes(all: &[u8], range: Range<usize>) -> &[u8] {
    all.get(range).unwrap_or_default()
}

fn prune_module(module: &[u8], export: &str) -> Result<Vec<u8>, BinaryReaderError> {
    let functions = Functions::read(module, export)?;
    let Some(cut) = functions.cut else { return Ok(module.to_owned()) };
    let alive = functions.alive(cut)?;
    let mut pruned = Module::new();
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::CodeSectionStart { .. } => {
                let mut code = CodeSection::new();
                for (index, body) in (functions.imported..).zip(&functions.bodies) {
                    code.raw(if alive.contains(&index) { bytes(module, body.range()) } else { &TRAP });
                }
                pruned.section(&code);
            }
            payload => {
                if let Some((id, range)) = payload.as_section() {
                    pruned.section(&RawSection { id, data: bytes(module, range) });
                }
            }
        }
    }
    Ok(pruned.finish())
}

/// The functions of a module, by index.
struct Functions<'a> {
    imported: u32,
    bodies: Vec<FunctionBody<'a>>,
    /// The functions that can be called from outside, or from anywhere.
    roots: Vec<u32>,
    /// The function to remove.
    cut: Option<u32>,
}

impl<'a> Functions<'a> {
    fn read(module: &'a [u8], export: &str) -> Result<Self, BinaryReaderError> {
        let mut functions = Self { imported: 0, bodies: Vec::new(), roots: Vec::new(), cut: None };
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        functions.imported += u32::from(matches!(import?.ty, TypeRef::Func(_) | TypeRef::FuncExact(_)));
                    }
                }
                Payload::ExportSection(exports) => {
                    for one in exports {
                        let one = one?;
                        match one.kind {
                            ExternalKind::Func | ExternalKind::FuncExact if one.name == export => {
                                functions.cut = Some(one.index);
                            }
                            ExternalKind::Func | ExternalKind::FuncExact => functions.roots.push(one.index),
                            _ => {}
                        }
                    }
                }
                Payload::StartSection { func, .. } => functions.roots.push(func),
                Payload::GlobalSection(globals) => {
                    for global in globals {
                        functions.add_constant(&global?.init_expr)?;
                    }
                }
                Payload::ElementSection(elements) => {
                    for element in elements {
                        functions.add_elements(element?.items)?;
                    }
                }
                Payload::CodeSectionEntry(body) => functions.bodies.push(body),
                _ => {}
            }
        }
        Ok(functions)
    }

    fn add_elements(&mut self, items: ElementItems<'_>) -> Result<(), BinaryReaderError> {
        match items {
            ElementItems::Functions(functions) => {
                for function in functions {
                    self.roots.push(function?);
                }
            }
            ElementItems::Expressions(_, expressions) => {
                for expression in expressions {
                    self.add_constant(&expression?)?;
                }
            }
        }
        Ok(())
    }

    fn add_constant(&mut self, expression: &ConstExpr<'_>) -> Result<(), BinaryReaderError> {
        called(expression.get_operators_reader(), |function| self.roots.push(function))
    }

    /// Everything that the roots reach without the function to remove.
    fn alive(&self, cut: u32) -> Result<BTreeSet<u32>, BinaryReaderError> {
        let mut alive = BTreeSet::new();
        let mut open: VecDeque<u32> = self.roots.iter().copied().collect();
        while let Some(function) = open.pop_front() {
            if function == cut || !alive.insert(function) {
                continue;
            }
            let body = function.checked_sub(self.imported).and_then(|own| self.bodies.get(own as usize));
            if let Some(body) = body {
                called(body.get_operators_reader()?, |function| open.push_back(function))?;
            }
        }
        Ok(alive)
    }
}

/// Reports each function that the operators call or name.
fn called(operators: OperatorsReader<'_>, mut tell: impl FnMut(u32)) -> Result<(), BinaryReaderError> {
    for operator in operators {
        if let Operator::Call { function_index }
        | Operator::ReturnCall { function_index }
        | Operator::RefFunc { function_index } = operator?
        {
            tell(function_index);
        }
    }
    Ok(())
}

//! Turns a form's fields into a payload: nested by their names where the schema nests, typed as the schema says.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::coerce::coerce;
use super::name::{Step, steps};
use super::shape::Shape;
use super::{Field, Filled};
use crate::pointer;
use crate::policy::{MAX_DEPTH, MAX_FIELDS, Schema};

/// Two fields conflict: one sets a property, the other one sets a property below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contradiction;

/// A place that fields fill: a key for each step, entries of lists by their number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Member(String),
    Entry(usize),
}

/// What the fields say about a place.
enum Node<'a> {
    Texts(Vec<String>, Shape<'a>),
    Members(BTreeMap<String, Node<'a>>),
    Entries(BTreeMap<usize, Node<'a>>),
}

/// Builds the payload, and the list of what was filled in, in the order in which it was sent.
///
/// # Errors
/// If one field sets a property, and another one sets a property below it.
pub fn assemble(schema: &Schema, fields: Vec<Field>) -> Result<(Value, Vec<Filled>), Contradiction> {
    let root = Shape::root(schema.document());
    let mut payload = Node::Members(BTreeMap::new());
    let mut order: Vec<Filled> = Vec::new();
    for Field { name, text } in fields {
        let (keys, shape) = place(root, &name);
        let filled = filled(root, &keys);
        if !order.contains(&filled) {
            order.push(filled);
        }
        payload.add(&keys, text, shape)?;
    }
    let payload = payload.value().unwrap_or_else(|| Value::Object(Map::new()));
    order.retain(|filled| payload.pointer(&filled.pointer).is_some());
    Ok((payload, order))
}

/// The list of what was filled in, for JSON sent by a script: its members in the order in which they were sent.
pub fn members(schema: &Schema, mut names: Vec<String>) -> Vec<Filled> {
    let root = Shape::root(schema.document());
    names.truncate(MAX_FIELDS);
    let mut order: Vec<Filled> = Vec::new();
    for name in names {
        let filled = filled(root, &[Key::Member(name)]);
        if !order.contains(&filled) {
            order.push(filled);
        }
    }
    order
}

/// The list of what was filled in, from its pointers.
pub fn labelled(schema: &Schema, pointers: &[String]) -> Vec<Filled> {
    let root = Shape::root(schema.document());
    let keys = |pointer: &String| pointer::names(pointer).map(Key::Member).collect::<Vec<_>>();
    pointers.iter().map(|pointer| filled(root, &keys(pointer))).collect()
}

/// The place that a field fills, as a pointer; its name for people; and what the schema says about it.
pub fn place_of<'a>(schema: &'a Schema, name: &str) -> (String, String, Shape<'a>) {
    let root = Shape::root(schema.document());
    let (keys, shape) = place(root, name);
    let Filled { pointer, label } = filled(root, &keys);
    (pointer, label, shape)
}

/// Where a field belongs. The schema decides: a property of exactly that name comes first, brackets and dots mean
/// nesting only where the schema nests, and any other name stays whole.
fn place<'a>(root: Shape<'a>, name: &str) -> (Vec<Key>, Shape<'a>) {
    let literal = || vec![Key::Member(name.to_owned())];
    if let Some(shape) = root.member(name) {
        return (literal(), shape);
    }
    let nested = steps(name).filter(|steps| steps.len() < MAX_DEPTH).and_then(|steps| walk(root, &steps));
    nested.unwrap_or_else(|| (literal(), Shape::UNKNOWN))
}

fn walk<'a>(root: Shape<'a>, steps: &[Step<'_>]) -> Option<(Vec<Key>, Shape<'a>)> {
    let (mut keys, mut shape) = (Vec::new(), root);
    for (index, step) in steps.iter().enumerate() {
        match (step, shape.items()) {
            // The list itself takes the texts, so that `a[]` and a repeated `a` are the same.
            (Step::Append, Some(_)) if index + 1 == steps.len() => return Some((keys, shape)),
            (Step::Below(number), Some(items)) => {
                // A longer number has no meaning: only the order of entries counts.
                keys.push(Key::Entry(number.parse::<u16>().ok()?.into()));
                shape = items;
            }
            (Step::Below(name), None) => {
                shape = shape.member(name)?;
                keys.push(Key::Member((*name).to_owned()));
            }
            (Step::Append, _) => return None,
        }
    }
    Some((keys, shape))
}

/// What a mail's table of all fields shows for a place: lists are one row.
fn filled(root: Shape<'_>, keys: &[Key]) -> Filled {
    let (mut pointer, mut names, mut shape) = (String::new(), Vec::new(), Some(root));
    for key in keys {
        let Key::Member(name) = key else { break };
        pointer = pointer::join(&pointer, name);
        names.push(name.as_str());
        shape = shape.and_then(|shape| shape.member(name));
    }
    let label = shape.and_then(Shape::title).map_or_else(|| names.join("."), str::to_owned);
    Filled { pointer, label }
}

impl<'a> Node<'a> {
    fn add(&mut self, keys: &[Key], text: String, shape: Shape<'a>) -> Result<(), Contradiction> {
        let Some((key, rest)) = keys.split_first() else {
            let Self::Texts(texts, _) = self else { return Err(Contradiction) };
            texts.push(text);
            return Ok(());
        };
        let fresh = || match rest.first() {
            None => Self::Texts(Vec::new(), shape),
            Some(Key::Member(_)) => Self::Members(BTreeMap::new()),
            Some(Key::Entry(_)) => Self::Entries(BTreeMap::new()),
        };
        let below = match (self, key) {
            (Self::Members(members), Key::Member(name)) => members.entry(name.clone()).or_insert_with(fresh),
            (Self::Entries(entries), Key::Entry(number)) => entries.entry(*number).or_insert_with(fresh),
            _ => return Err(Contradiction),
        };
        below.add(rest, text, shape)
    }

    /// The value; `None` if nothing was filled in.
    fn value(self) -> Option<Value> {
        match self {
            Self::Texts(texts, shape) => coerce(&texts, shape),
            Self::Members(members) => {
                let members = members.into_iter().filter_map(|(name, node)| Some((name, node.value()?)));
                Some(Value::Object(members.collect()))
                    .filter(|object| object.as_object().is_some_and(|o| !o.is_empty()))
            }
            Self::Entries(entries) => {
                let values: Vec<_> = entries.into_values().filter_map(Self::value).collect();
                (!values.is_empty()).then_some(Value::Array(values))
            }
        }
    }
}

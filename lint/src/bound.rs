//! Bounds in the schemas of events: an event that is refused because of a text or a list that its mail cuts or does not
//! show reaches nobody, so each bound must have a use; and what a schema promises to accept must fit into a body.

use std::collections::{BTreeMap, BTreeSet};

use postern::decode::{MAX_VALUES, OBJECT_VALUES};
use postern::pointer;
use postern::policy::{Diagnostic, Kind, MAX_BODY_LIMIT, Mail, Place, Route};
use serde_json::Value;

use crate::field::{Field, MAX_DEPTH, Step, Types};
use crate::shown::{Extent, Shown};
use crate::template::Report;

/// Finds bounds without a use, and bounds that no body reaches, in the schemas that only event routes use. A schema of
/// several routes is looked at once, with the mails of all.
pub fn warnings(routes: &[(&Route, Vec<Report<'_>>)]) -> Vec<Diagnostic> {
    let mut by_schema: BTreeMap<&str, Vec<&(&Route, Vec<Report<'_>>)>> = BTreeMap::new();
    for each in routes {
        by_schema.entry(&each.0.schema_name).or_default().push(each);
    }
    let of_events = by_schema.into_values().filter(|routes| routes.iter().all(|(route, _)| route.kind == Kind::Event));
    of_events.flat_map(|routes| of_schema(&routes)).collect()
}

fn of_schema(routes: &[&(&Route, Vec<Report<'_>>)]) -> Vec<Diagnostic> {
    let Some((route, _)) = routes.first() else { return Vec::new() };
    let root = Field::root(route.schema.document());
    let reports = || routes.iter().flat_map(|(_, reports)| reports);
    let uses = Uses {
        shown: Shown::by(reports()),
        used: reports().flat_map(|report| report.used.iter().map(String::as_str)).collect(),
        addresses: routes.iter().flat_map(|(route, _)| &route.mails).flat_map(|mail| addresses(&root, mail)).collect(),
    };
    let body_limit = routes.iter().map(|(route, _)| route.body_limit).max().unwrap_or_default();
    let file = format!("schemas/{}.json", route.schema_name);
    let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
    let mut open = vec![("the payload".to_owned(), root)];
    while let Some((name, field)) = open.pop() {
        // A schema may refer to itself.
        if !seen.insert(field.pointer().to_owned()) {
            continue;
        }
        for (keyword, limits) in BOUNDS {
            for (place, bound) in field.says(keyword) {
                let warning = uses.without(*limits, &name, &field).map(|help| {
                    (format!("No mail needs the `{keyword}` of `{name}`; it only makes the gate refuse events."), help)
                });
                let warning = warning.or_else(|| out_of_reach(keyword, *limits, &name, &field, bound, body_limit));
                found.extend(
                    warning.map(|(message, help)| Diagnostic::warning(&file, Place::Pointer(place), message, help)),
                );
            }
        }
        let path = if field.pointer().is_empty() { "" } else { &name };
        open.extend(field.below().map(|(step, below)| (named(path, step), below)).collect::<Vec<_>>());
    }
    found
}

/// What a bound limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limits {
    Text,
    Entries,
    Number,
}

/// The keywords that bound a value.
const BOUNDS: &[(&str, Limits)] = &[
    ("maxLength", Limits::Text),
    ("maxItems", Limits::Entries),
    ("maxProperties", Limits::Entries),
    ("minimum", Limits::Number),
    ("maximum", Limits::Number),
    ("exclusiveMinimum", Limits::Number),
    ("exclusiveMaximum", Limits::Number),
];

/// What all mails do with the fields of a schema.
struct Uses<'a> {
    shown: Shown,
    used: BTreeSet<&'a str>,
    addresses: BTreeSet<String>,
}

impl Uses<'_> {
    /// Why a bound has no use, as help; `None` if it has one. A text or a list needs a bound where a template shows all
    /// of it, and a number where a mail uses it.
    fn without(&self, limits: Limits, name: &str, field: &Field<'_>) -> Option<String> {
        let (extent, what) = match limits {
            Limits::Number if self.used.contains(field.pointer()) => return None,
            Limits::Number => (Extent::Nothing, ""),
            Limits::Text if self.addresses.contains(field.pointer()) => return None,
            Limits::Text => (self.shown.text(field), "characters"),
            // A list whose entries must be unique needs a bound, see `Schema`.
            Limits::Entries if field.says("uniqueItems").next().is_some() => return None,
            Limits::Entries => (self.shown.entries(field), "entries"),
        };
        match extent {
            Extent::All => None,
            Extent::First(most) => Some(format!("Remove it: the templates show at most {most} {what} of `{name}`.")),
            Extent::Nothing => Some(format!("Remove it: no mail shows `{name}`.")),
        }
    }
}

/// Where a mail takes addresses from, as pointers in the schema.
fn addresses(root: &Field<'_>, mail: &Mail) -> Vec<String> {
    let field = |pointer: &str| {
        let found = pointer::names(pointer).try_fold(root.clone(), |field, name| Some(field.property(&name)?.0));
        found.map(|field| field.pointer().to_owned())
    };
    mail.pointers().filter_map(field).collect()
}

/// A bound that is larger than any body: the schema promises more than the route takes.
fn out_of_reach(
    keyword: &str,
    limits: Limits,
    name: &str,
    field: &Field<'_>,
    bound: &Value,
    body_limit: usize,
) -> Option<(String, String)> {
    let most = bound.as_u64().and_then(|most| usize::try_from(most).ok())?;
    let least = match limits {
        Limits::Text => Least { bytes: 1, values: 0 },
        Limits::Entries => field.item().map_or(Least::VALUE, |item| least(&item, 0)).and(Least { bytes: 1, values: 0 }),
        Limits::Number => return None,
    };
    let (bytes, values) = (most.saturating_mul(least.bytes), most.saturating_mul(least.values));
    if bytes > body_limit {
        let message =
            format!("The `{keyword}` of `{name}` allows {bytes} bytes and more, but the `body_limit` is {body_limit}.");
        let help = format!("Raise `body_limit` (the maximum is {MAX_BODY_LIMIT}), or lower `{keyword}`.");
        return Some((message, help));
    }
    (values > MAX_VALUES).then(|| {
        let message = format!(
            "The `{keyword}` of `{name}` allows {values} JSON values and more, but a body can have {MAX_VALUES}."
        );
        (message, format!("Lower `{keyword}`."))
    })
}

/// The least that a value takes of a body.
#[derive(Debug, Clone, Copy)]
struct Least {
    bytes: usize,
    values: usize,
}

impl Least {
    /// A number of one digit.
    const VALUE: Self = Self { bytes: 1, values: 1 };

    const fn and(self, other: Self) -> Self {
        Self { bytes: self.bytes.saturating_add(other.bytes), values: self.values.saturating_add(other.values) }
    }
}

fn least(field: &Field<'_>, depth: usize) -> Least {
    let types = field.types();
    if let Some(options) = field.options() {
        let shortest = options.into_iter().map(|option| option.to_string().len()).min();
        return Least { bytes: shortest.unwrap_or(1), values: 1 };
    }
    if types.may_be(Types::NUMBER) || depth > MAX_DEPTH {
        return Least::VALUE;
    }
    if types.may_be(Types::NULL.or(Types::BOOLEAN).or(Types::TEXT).or(Types::LIST)) {
        return Least { bytes: 2, values: 1 };
    }
    let required: BTreeSet<_> = field.required().collect();
    // Its braces; the last of its members has no comma.
    let object = Least { bytes: if required.is_empty() { 2 } else { 1 }, values: OBJECT_VALUES };
    let members = required.into_iter().map(|name| {
        let value = field.property(name).map_or(Least::VALUE, |(member, _)| least(&member, depth + 1));
        // Its name in quotes, a colon and a comma.
        value.and(Least { bytes: name.len() + 4, values: 0 })
    });
    members.fold(object, Least::and)
}

fn named(path: &str, step: Step<'_>) -> String {
    match step {
        Step::Name(name) if path.is_empty() => name.to_owned(),
        Step::Name(name) => format!("{path}.{name}"),
        Step::Member if path.is_empty() => "*".to_owned(),
        Step::Member => format!("{path}.*"),
        Step::Entry => format!("{path}[]"),
    }
}

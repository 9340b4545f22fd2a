//! Presets: a schema, a template, a route and example payloads for each common sender, ready for a policy.
//!
//! A preset is a folder next to this crate's sources: `preset.toml` describes it, `route.toml` is added to
//! `postern.toml`, and `schemas/` and `templates/` have the layout of a policy. Files that several presets share are in
//! `shared/`. [`Preset::add`] returns the changed policy; writing it is up to the caller.

use std::collections::BTreeSet;
use std::path::Path;

use include_dir::{Dir, include_dir};
use postern::policy::{Files, POLICY_FILE};
use serde::Deserialize;
use toml_edit::{DocumentMut, TableLike};

static LIBRARY: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR");

const ABOUT: &str = "preset.toml";
const ROUTE: &str = "route.toml";
const SHARED: &str = "shared";

/// A route for a sender, with everything that belongs to it.
#[derive(Debug)]
pub struct Preset {
    /// The name of the preset, its route, its schema and its template.
    pub name: &'static str,
    /// Its description.
    pub about: About,
    folder: &'static Dir<'static>,
}

/// The description of a preset.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// Who sends what, in one line.
    pub description: String,
    /// The page of the sender's documentation; if absent, the format is our own.
    pub documentation: Option<String>,
    /// Where the example payloads come from, as sentences.
    pub fixture: String,
    /// The versions of the sender whose payloads were tried, as sentences; none where the format is our own.
    pub tried: Option<String>,
    /// How to configure the sender, in Markdown.
    pub setup: String,
}

/// What adding a preset changes in a policy.
#[derive(Debug)]
pub struct Addition {
    /// The new text of `postern.toml`.
    pub policy: String,
    /// The files to write, by path relative to the policy; none of them exists yet.
    pub files: Vec<(String, &'static str)>,
    /// The layouts that the policy already has, and keeps.
    pub kept: Vec<String>,
    /// The settings that contain the route's secrets.
    pub settings: Vec<String>,
    /// The addresses to replace: those of senders, owners and recipients.
    pub addresses: Vec<String>,
}

/// Why a preset cannot be added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddError {
    /// There is no policy.
    #[error("There is no {POLICY_FILE} here. Create one with `postern init`, or pass its directory with --policy.")]
    NoPolicy,
    /// The policy is not TOML.
    #[error("{POLICY_FILE} is not valid TOML, so nothing can be added to it. `postern check` shows where.")]
    NotToml,
    /// The policy already has a route of that name.
    #[error("The policy already has a route `{0}`. Rename it to add the preset.")]
    Route(String),
    /// Another route already has the path.
    #[error("The route `{route}` already has the path {path}. Change it to add the preset.")]
    Path {
        /// The existing route.
        route: String,
        /// The path that both have.
        path: String,
    },
    /// A file already exists.
    #[error("{0} already exists and is not overwritten. Rename or remove it to add the preset.")]
    File(String),
    /// The preset itself is broken; the project's tests make sure that none is.
    #[error("The preset's own {0} cannot be read. This is a bug; please report it.")]
    Broken(&'static str),
}

/// All presets, sorted by name.
pub fn all() -> Vec<Preset> {
    let mut presets: Vec<_> = LIBRARY.dirs().filter_map(Preset::of).collect();
    presets.sort_by_key(|preset| preset.name);
    presets
}

impl Preset {
    /// A folder without a readable `preset.toml` is not a preset; the project's tests count the folders.
    fn of(folder: &'static Dir<'static>) -> Option<Self> {
        let name = folder.path().to_str()?;
        let about = toml::from_str(text(folder, ABOUT)?).ok()?;
        Some(Self { name, about, folder })
    }

    /// The route as it is added to `postern.toml`, without its sender.
    pub fn route(&self) -> String {
        let mut fragment = self.fragment().unwrap_or_default();
        fragment.remove("senders");
        fragment.to_string().trim_start().to_owned()
    }

    fn fragment(&self) -> Option<DocumentMut> {
        text(self.folder, ROUTE)?.parse().ok()
    }

    /// The schema, its examples, the template, and the layouts that it needs, by their paths in a policy.
    pub fn files(&self) -> Vec<(String, &'static str)> {
        let mut files: Vec<_> = below(self.folder).into_iter().filter(|(path, _)| path.contains('/')).collect();
        let mut rest = LIBRARY.get_dir(SHARED).map(below).unwrap_or_default();
        loop {
            // A layout may need another one.
            let (needed, other): (Vec<_>, Vec<_>) = rest.into_iter().partition(|(path, _)| is_needed(path, &files));
            if needed.is_empty() {
                return files;
            }
            files.extend(needed);
            rest = other;
        }
    }

    /// What adding this preset changes in a policy. Keeps a sender of the same name, and layouts: whoever changed them
    /// wants further mails to use them too.
    ///
    /// # Errors
    /// If something of the preset already exists: it never replaces anything.
    pub fn add(&self, files: &Files) -> Result<Addition, AddError> {
        let policy = files.text(POLICY_FILE).ok_or(AddError::NoPolicy)?;
        let document: DocumentMut = policy.parse().map_err(|_| AddError::NotToml)?;
        let mut fragment = self.fragment().ok_or(AddError::Broken(ROUTE))?;
        room(&document, &fragment)?;
        without_known_senders(&document, &mut fragment);
        let (there, new): (Vec<_>, Vec<_>) = self.files().into_iter().partition(|(path, _)| files.text(path).is_some());
        let kept: Vec<_> = there.into_iter().map(|(path, _)| path).collect();
        if let Some(path) = kept.iter().find(|path| !is_layout(path)) {
            return Err(AddError::File(path.clone()));
        }
        let (settings, addresses) = to_set(&fragment);
        let policy = format!("{}\n\n{}", policy.trim_end(), fragment.to_string().trim_start());
        let policy = policy.parse::<DocumentMut>().map_err(|_| AddError::NotToml)?.to_string();
        Ok(Addition { policy, files: new, kept, settings, addresses })
    }
}

fn text(folder: &'static Dir<'static>, name: &str) -> Option<&'static str> {
    folder.get_file(folder.path().join(name))?.contents_utf8()
}

/// Every file below a folder, by its path relative to the folder.
fn below(folder: &'static Dir<'static>) -> Vec<(String, &'static str)> {
    let mut found = Vec::new();
    let mut open = vec![folder];
    while let Some(inner) = open.pop() {
        open.extend(inner.dirs());
        found.extend(inner.files().filter_map(|file| {
            let path = file.path().strip_prefix(folder.path()).ok()?;
            Some((slashes(path), file.contents_utf8()?))
        }));
    }
    found.sort_unstable();
    found
}

/// Whether one of the files names a layout.
fn is_needed(layout: &str, files: &[(String, &'static str)]) -> bool {
    let name = layout.rsplit('/').next().unwrap_or_default();
    files.iter().any(|(_, text)| text.contains(&format!("\"{name}\"")))
}

fn slashes(path: &Path) -> String {
    let parts: Vec<_> = path.iter().filter_map(|part| part.to_str()).collect();
    parts.join("/")
}

fn is_layout(path: &str) -> bool {
    path.matches('/').count() == 1
}

fn tables<'a>(document: &'a DocumentMut, name: &str) -> impl Iterator<Item = (&'a str, &'a dyn TableLike)> {
    let table = document.get(name).and_then(|item| item.as_table_like());
    table.into_iter().flat_map(|table| table.iter()).filter_map(|(name, item)| Some((name, item.as_table_like()?)))
}

fn path_of(route: &dyn TableLike) -> Option<&str> {
    route.get("path")?.as_str()
}

/// Whether the routes of `fragment` have names and paths that `document` does not use.
fn room(document: &DocumentMut, fragment: &DocumentMut) -> Result<(), AddError> {
    for (name, new) in tables(fragment, "routes") {
        for (known, route) in tables(document, "routes") {
            if known == name {
                return Err(AddError::Route(name.to_owned()));
            }
            if path_of(route) == path_of(new) {
                let path = path_of(new).unwrap_or_default().to_owned();
                return Err(AddError::Path { route: known.to_owned(), path });
            }
        }
    }
    Ok(())
}

fn without_known_senders(document: &DocumentMut, fragment: &mut DocumentMut) {
    let known: BTreeSet<_> = tables(document, "senders").map(|(name, _)| name.to_owned()).collect();
    if let Some(senders) = fragment.get_mut("senders").and_then(|senders| senders.as_table_like_mut()) {
        known.iter().for_each(|name| {
            senders.remove(name);
        });
    }
}

/// The settings that a fragment names, and the addresses in it, each once.
fn to_set(fragment: &DocumentMut) -> (Vec<String>, Vec<String>) {
    let secret = |(_, route): (&str, &dyn TableLike)| {
        let auth = route.get("auth")?.as_table_like()?;
        Some(auth.get("secret")?.as_str()?.to_owned())
    };
    let settings = tables(fragment, "routes").filter_map(secret).collect();
    let text = fragment.to_string();
    let quoted = text.split('"').skip(1).step_by(2);
    let addresses: BTreeSet<_> = quoted.filter(|text| text.contains('@')).map(str::to_owned).collect();
    (settings, addresses.into_iter().collect())
}

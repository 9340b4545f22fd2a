//! Templates: a folder per mail with subject, text and optional HTML, and the layouts they share.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value};

use super::diagnostic::{Diagnostic, Findings, Place};
use super::digest::Digest;
use super::files::{Files, SAMPLE, TEMPLATES_FOLDER as FOLDER};

/// The parts of a template: file name, and whether the folder must have it.
const SUBJECT: &str = "subject.txt.j2";
const TEXT: &str = "body.txt.j2";
const HTML: &str = "body.html.j2";
/// The HTML part as people may write it instead, in MJML; the tool translates it, and the gate reads only HTML.
pub const MJML: &str = "body.mjml.j2";

/// The name of the table of all fields in a template.
pub const TABLE: &str = "fields";

/// The most instructions one part may run: a loop over hostile input ends there.
const FUEL: u64 = 2_000_000;

/// One mail's template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    name: String,
    digest: Digest,
    html: bool,
    table: bool,
}

/// All templates of a policy, compiled.
#[derive(Debug)]
pub struct Templates {
    environment: Environment<'static>,
    by_name: BTreeMap<String, Template>,
}

/// A part of a template, by what becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The subject line.
    Subject,
    /// The plain text body.
    Text,
    /// The HTML body.
    Html,
}

impl Part {
    /// All parts.
    pub const ALL: [Self; 3] = [Self::Subject, Self::Text, Self::Html];

    /// The part's file name.
    pub const fn file(self) -> &'static str {
        match self {
            Self::Subject => SUBJECT,
            Self::Text => TEXT,
            Self::Html => HTML,
        }
    }
}

impl Template {
    /// The folder's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The sha256 of the parts and of all layouts.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Whether the template has an HTML part.
    pub const fn has_html(&self) -> bool {
        self.html
    }

    /// Whether the template, or a layout, may show the table of all fields.
    pub const fn shows_table(&self) -> bool {
        self.table
    }

    /// The paths of what a template's digest covers: its parts and all layouts, because a change to a layout calls for
    /// a new review of the mails that use it.
    pub fn files<'a>(files: &'a Files, name: &str) -> impl Iterator<Item = &'a str> {
        let own = format!("{FOLDER}{name}/");
        files.paths().filter(move |path| {
            path.strip_prefix(&own).is_some_and(|file| file != SAMPLE)
                || path.strip_prefix(FOLDER).is_some_and(|file| !file.contains('/'))
        })
    }

    /// The sha256 of the files that [`Template::files`] names, with their names. MJML has the same digest as the HTML
    /// that is made from it, because people read and approve the MJML.
    pub fn digest_of(files: &Files, name: &str) -> Digest {
        Digest::of(Self::files(files, name).flat_map(|path| reviewed(path, files.text(path).unwrap_or_default())))
    }

    /// The path of one of the template's files.
    pub fn path(&self, file: &str) -> String {
        format!("{FOLDER}{}/{file}", self.name)
    }
}

impl Templates {
    /// Compiles everything below `templates/`.
    pub(super) fn load(files: &Files, findings: &mut Findings) -> Self {
        let mut templates = Self { environment: environment(), by_name: BTreeMap::new() };
        let mut names: Vec<&str> = Vec::new();
        for path in files.paths().filter(|path| path.starts_with(FOLDER)) {
            match path.get(FOLDER.len()..).and_then(|rest| rest.split_once('/')) {
                None => templates.add_layout(files, path, findings),
                Some((name, SUBJECT | TEXT | HTML)) => {
                    templates.compile(files, path, findings);
                    names.push(name);
                }
                Some((name, SAMPLE)) => names.push(name),
                Some((name, MJML)) => {
                    findings.error(
                        path,
                        Place::File,
                        "This is MJML, which the gate cannot read.",
                        "Seal the policy with `postern seal`, which turns it into HTML.",
                    );
                    names.push(name);
                }
                Some(_) => findings.error(
                    path,
                    Place::File,
                    "This file does not belong to a template.",
                    format!(
                        "A template's folder contains {SUBJECT}, {TEXT}, {HTML} or {MJML}, and {SAMPLE}; remove the file."
                    ),
                ),
            }
        }
        names.dedup();
        for name in names {
            templates.add(files, name, findings);
        }
        templates
    }

    fn add_layout(&mut self, files: &Files, path: &str, findings: &mut Findings) {
        let name = path.get(FOLDER.len()..).unwrap_or_default();
        if !(name.starts_with('_') && (name.ends_with(".txt.j2") || name.ends_with(".html.j2"))) {
            findings.error(
                path,
                Place::File,
                "This file does not belong to a template.",
                "Shared layouts are named _NAME.txt.j2 or _NAME.html.j2; each template has its own folder.",
            );
        } else if !files.paths().any(|user| user.starts_with(FOLDER) && user != path && mentions(files, user, name)) {
            findings.error(
                path,
                Place::File,
                "No template uses this layout.",
                "Use it with {% extends %}, {% include %} or {% import %}, or remove it.",
            );
        } else {
            self.compile(files, path, findings);
        }
    }

    fn compile(&mut self, files: &Files, path: &str, findings: &mut Findings) {
        let name = path.get(FOLDER.len()..).unwrap_or_default().to_owned();
        let text = files.text(path).unwrap_or_default().to_owned();
        if let Err(error) = self.environment.add_template_owned(name, text) {
            findings.0.push(finding(path, &error));
        }
    }

    fn add(&mut self, files: &Files, name: &str, findings: &mut Findings) {
        for file in [SUBJECT, TEXT, SAMPLE] {
            let path = format!("{FOLDER}{name}/{file}");
            if files.text(&path).is_none() {
                findings.error(
                    &path,
                    Place::File,
                    format!("The template `{name}` has no {file}."),
                    "Every template needs a subject, a text body and a sample payload.",
                );
            }
        }
        let html = files.text(&format!("{FOLDER}{name}/{HTML}")).is_some();
        let table = Template::files(files, name).any(|path| files.text(path).is_some_and(|text| text.contains(TABLE)));
        let template = Template { name: name.to_owned(), digest: Template::digest_of(files, name), html, table };
        self.by_name.insert(name.to_owned(), template);
    }

    /// The template of that name.
    pub fn get(&self, name: &str) -> Option<&Template> {
        self.by_name.get(name)
    }

    /// All templates, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = &Template> {
        self.by_name.values()
    }

    /// Renders one part with what its mail sees.
    ///
    /// # Errors
    /// When the part prints an undefined value, runs out of fuel, or fails otherwise.
    pub fn render(&self, template: &Template, part: Part, context: Value) -> Result<String, minijinja::Error> {
        let name = format!("{}/{}", template.name, part.file());
        self.environment.get_template(&name)?.render(context)
    }
}

/// The start of HTML that the tool made from MJML, before the MJML's sha256.
const TRANSLATED: &str = "{# made of MJML with the sha256 ";
const TRANSLATED_END: &str = " #}";

/// The first line of HTML that is made from this MJML.
pub fn translation_mark(mjml: &str) -> String {
    format!("{TRANSLATED}{}{TRANSLATED_END}", Digest::of([mjml]))
}

/// Whether a text starts like HTML that the tool made from MJML.
pub fn is_translated(html: &str) -> bool {
    mjml_digest(html).is_some()
}

fn mjml_digest(html: &str) -> Option<&str> {
    Some(html.strip_prefix(TRANSLATED)?.split_once(TRANSLATED_END)?.0)
}

/// What a template's digest takes of a file: its path and its text, or in the place of MJML and of what was made of it
/// the MJML's path and digest.
fn reviewed(path: &str, text: &str) -> [String; 2] {
    let folder = |file: &str| path.strip_suffix(file).filter(|folder| folder.ends_with('/'));
    match (folder(HTML), mjml_digest(text)) {
        (Some(folder), Some(digest)) => [format!("{folder}{MJML}"), digest.to_owned()],
        _ if folder(MJML).is_some() => [path.to_owned(), Digest::of([text]).to_string()],
        _ => [path.to_owned(), text.to_owned()],
    }
}

/// The gate's template language: undefined values are errors, and work is limited.
pub fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.set_fuel(Some(FUEL));
    environment.set_syntax(syntax());
    environment.add_filter("utc", utc);
    environment
}

/// The last second of the year 9999, after which times have no common notation.
const LAST_SECOND: f64 = 253_402_300_799.0;

/// Unix seconds as people read them, `2026-03-03 07:05 UTC`: many senders write times as numbers.
fn utc(seconds: f64) -> Result<String, minijinja::Error> {
    if !(0.0..=LAST_SECOND).contains(&seconds) {
        let reason = "utc takes seconds since 1970, up to the year 9999";
        return Err(minijinja::Error::new(ErrorKind::InvalidOperation, reason));
    }
    let time = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs_f64(seconds)).to_string();
    Ok(format!("{} UTC", time.replace('T', " ").get(..16).unwrap_or_default()))
}

/// How templates are read: a line with nothing but a block leaves no empty line.
pub fn syntax() -> SyntaxConfig {
    SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().unwrap_or_default()
}

/// What a template engine's error means to the author of the template at `path`.
pub fn finding(path: &str, error: &minijinja::Error) -> Diagnostic {
    let reason =
        error.detail().map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind()));
    let file = error.name().map_or_else(|| path.to_owned(), |name| format!("{FOLDER}{name}"));
    Diagnostic::error(
        &file,
        error.line().map_or(Place::File, Place::Line),
        format!("The template fails: {reason}."),
        "Templates use Jinja2. Wrap a value that may be missing in {% if %}.",
    )
}

fn mentions(files: &Files, path: &str, layout: &str) -> bool {
    files
        .text(path)
        .is_some_and(|text| text.contains(&format!("\"{layout}\"")) || text.contains(&format!("'{layout}'")))
}

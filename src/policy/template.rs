//! Templates: a folder for each mail with subject, text and optional HTML, and the layouts they share.

use std::collections::BTreeMap;
use std::io;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior, Value};

use super::diagnostic::{Diagnostic, Findings, Place};
use super::digest::Digest;
use super::files::{Files, SAMPLE, TEMPLATES_FOLDER as FOLDER};
use super::filter;

/// The parts of a template: file name, and whether the folder must have it.
const SUBJECT: &str = "subject.txt.j2";
const TEXT: &str = "body.txt.j2";
const HTML: &str = "body.html.j2";
/// The HTML part written in MJML instead; the tool converts it, and the gate reads only HTML.
pub const MJML: &str = "body.mjml.j2";

/// The table of all fields as a template's variable.
pub const TABLE: &str = "fields";

/// How many instructions one part may run, so that a loop over hostile input ends.
const FUEL: u64 = 2_000_000;

/// The most bytes of one part: a loop that prints a long value again and again ends there, before it uses up the
/// instance's memory. A text and an HTML part of this size fit into a request to ACS even if every byte is escaped.
pub const MAX_PART_BYTES: usize = 2_500_000;

/// One mail's template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    name: String,
    digest: Digest,
    html: bool,
    table: bool,
}

/// All templates of a policy, compiled. HTML and text are compiled separately, so whether a value is escaped depends
/// only on the part that is rendered, whatever it includes.
#[derive(Debug)]
pub struct Templates {
    texts: Environment<'static>,
    pages: Environment<'static>,
    by_name: BTreeMap<String, Template>,
}

/// A part of a mail.
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

    /// The markup of the part.
    pub const fn markup(self) -> Markup {
        match self {
            Self::Subject | Self::Text => Markup::Text,
            Self::Html => Markup::Html,
        }
    }
}

/// The markup of a part or a layout, by its file's extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Markup {
    /// Plain text: values appear unchanged.
    Text,
    /// HTML: every value is escaped.
    Html,
}

impl Markup {
    /// The extension of its files.
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Text => ".txt.j2",
            Self::Html => ".html.j2",
        }
    }

    /// The other markup.
    pub const fn other(self) -> Self {
        match self {
            Self::Text => Self::Html,
            Self::Html => Self::Text,
        }
    }

    /// The markup of a file; `None` if its name does not show it.
    pub fn of(path: &str) -> Option<Self> {
        [Self::Text, Self::Html].into_iter().find(|markup| path.ends_with(markup.ending()))
    }

    const fn escape(self) -> AutoEscape {
        match self {
            Self::Text => AutoEscape::None,
            Self::Html => AutoEscape::Html,
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

    /// The paths of the files that a template's digest covers: its parts and all layouts, because a changed layout
    /// needs a new review of the mails that use it.
    pub fn files<'a>(files: &'a Files, name: &str) -> impl Iterator<Item = &'a str> {
        let own = format!("{FOLDER}{name}/");
        files.paths().filter(move |path| {
            path.strip_prefix(&own).is_some_and(|file| file != SAMPLE)
                || path.strip_prefix(FOLDER).is_some_and(|file| !file.contains('/'))
        })
    }

    /// The sha256 of the files that [`Template::files`] names, with their names. MJML has the same digest as the HTML
    /// made from it, because people read and approve the MJML.
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
        let (texts, pages) = (environment(Markup::Text), environment(Markup::Html));
        let mut templates = Self { texts, pages, by_name: BTreeMap::new() };
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
        if !name.starts_with('_') || Markup::of(name).is_none() {
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
        let Some(markup) = Markup::of(path) else { return };
        let name = path.get(FOLDER.len()..).unwrap_or_default().to_owned();
        let text = files.text(path).unwrap_or_default().to_owned();
        findings.0.extend(strangers(path, &text, markup));
        if let Err(error) = self.environment_mut(markup).add_template_owned(name, text) {
            findings.0.push(finding(path, &error));
        }
    }

    const fn environment_mut(&mut self, markup: Markup) -> &mut Environment<'static> {
        match markup {
            Markup::Text => &mut self.texts,
            Markup::Html => &mut self.pages,
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

    /// Renders one part with the variables of its mail.
    ///
    /// # Errors
    /// If the part prints an undefined value, runs out of fuel, becomes longer than [`MAX_PART_BYTES`], or fails
    /// otherwise.
    pub fn render(&self, template: &Template, part: Part, context: Value) -> Result<String, minijinja::Error> {
        let name = format!("{}/{}", template.name, part.file());
        let environment = match part.markup() {
            Markup::Text => &self.texts,
            Markup::Html => &self.pages,
        };
        let mut written = Bounded(Vec::new());
        environment.get_template(&name)?.render_captured_to(context, &mut written).map_err(|error| {
            match error.kind() {
                ErrorKind::WriteFailure => too_long(),
                _ => error,
            }
        })?;
        String::from_utf8(written.0)
            .map_err(|error| minijinja::Error::new(ErrorKind::WriteFailure, "the part is not UTF-8").with_source(error))
    }
}

fn too_long() -> minijinja::Error {
    minijinja::Error::new(ErrorKind::WriteFailure, format!("a part can have at most {MAX_PART_BYTES} bytes"))
}

/// What a template has written, up to [`MAX_PART_BYTES`].
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len().saturating_add(bytes.len()) > MAX_PART_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The first line of HTML made from MJML, up to the MJML's sha256.
const TRANSLATED: &str = "{# made of MJML with the sha256 ";
const TRANSLATED_END: &str = " #}";

/// The first line of HTML made from this MJML.
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

/// What a file adds to a template's digest: its path and its text or, for MJML and HTML made from it, the MJML's path
/// and digest.
fn reviewed(path: &str, text: &str) -> [String; 2] {
    let folder = |file: &str| path.strip_suffix(file).filter(|folder| folder.ends_with('/'));
    match (folder(HTML), mjml_digest(text)) {
        (Some(folder), Some(digest)) => [format!("{folder}{MJML}"), digest.to_owned()],
        _ if folder(MJML).is_some() => [path.to_owned(), Digest::of([text]).to_string()],
        _ => [path.to_owned(), text.to_owned()],
    }
}

/// The gate's template language: undefined values are errors, work is limited, and values are escaped for the markup of
/// the part, whatever a file's name is.
pub fn environment(markup: Markup) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(move |_| markup.escape());
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.set_fuel(Some(FUEL));
    environment.set_syntax(syntax());
    filter::add(&mut environment);
    environment
}

/// How templates are read: a line that contains only a block leaves no empty line.
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

/// Names in quotes of files in the other markup. Their values would be escaped for that markup and not for the mail's,
/// so the engine does not find such files; this tells the author why.
fn strangers(path: &str, text: &str, markup: Markup) -> impl Iterator<Item = Diagnostic> {
    let other = markup.other().ending();
    let quoted = text.match_indices(other).filter(|(at, _)| {
        let behind = text.get(at + other.len()..).unwrap_or_default();
        behind.starts_with(['"', '\''])
    });
    quoted.map(move |(at, _)| {
        let end = at + other.len();
        let start = text.get(..at).and_then(|before| before.rfind(['"', '\''])).map_or(at, |quote| quote + 1);
        let name = text.get(start..end).unwrap_or_default();
        let (kind, own) = match markup {
            Markup::Html => ("HTML", "_NAME.html.j2"),
            Markup::Text => ("Plain text", "_NAME.txt.j2"),
        };
        let message = format!("{kind} cannot use `{name}`, because values are escaped in HTML only.");
        let help = format!("Put what this file needs into a layout named {own}.");
        Diagnostic::error(path, Place::Span(start..end), message, help)
    })
}

fn mentions(files: &Files, path: &str, layout: &str) -> bool {
    files
        .text(path)
        .is_some_and(|text| text.contains(&format!("\"{layout}\"")) || text.contains(&format!("'{layout}'")))
}

//! `postern preview`: renders a template with a payload, with the core's own renderer.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use postern::policy::{Diagnostic, Files, Place, Policy, Template};
use postern::render::{self, Parts};
use postern::texts::Texts;
use postern::validate;
use serde_json::{Value, json};

use super::{PolicyOption, known};
use crate::console::{self, BOLD, DIM};
use crate::directory::Directory;
use crate::payload::Payload;
use crate::{report, visible};

/// Render a template with its sample, or with another payload
///
/// As at the gate, the payload must match the schema of every route that uses the template.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  postern preview contact-notify --html > mail.html")]
pub struct Preview {
    /// The template's name: its folder in templates/
    #[arg(value_name = "TEMPLATE")]
    template: String,

    #[command(flatten)]
    policy: PolicyOption,

    /// The payload to render instead of the template's sample.json; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    sample: Option<PathBuf>,

    /// Print only the text body
    #[arg(long, group = "output")]
    text: bool,

    /// Print only the HTML body
    #[arg(long, group = "output")]
    html: bool,

    /// Print subject, text and html as one JSON object
    #[arg(long, group = "output")]
    json: bool,
}

impl Preview {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let directory = Directory::read(&self.policy.directory)?;
        let policy = directory.policy()?;
        let template = find(&policy, &self.template)?;
        let payload = Payload::read(self.sample.as_deref(), template, directory.files())?;
        let base = if self.sample.is_some() { Path::new(".") } else { directory.path() };
        let parts = render(&policy, template, &payload, base, &directory)?;
        self.print(template, &parts)?;
        Ok(ExitCode::SUCCESS)
    }

    fn print(&self, template: &Template, parts: &Parts) -> anyhow::Result<()> {
        if self.json {
            let object = json!({ "subject": parts.subject, "text": parts.text, "html": parts.html });
            console::say(serde_json::to_string_pretty(&object)?);
        } else if self.html {
            let missing = || format!("The template `{}` has no HTML body.", template.name());
            console::hand_over(parts.html.as_deref().with_context(missing)?.trim_end());
        } else if self.text {
            console::hand_over(parts.text.trim_end());
        } else {
            let (subject, text) = (visible::line(&parts.subject), visible::text(parts.text.trim_end()));
            console::say(format_args!("{BOLD}Subject:{BOLD:#} {subject}\n\n{text}"));
            if let Some(html) = &parts.html {
                console::say(format_args!(
                    "\n{DIM}The HTML body has {} bytes; print it with --html.{DIM:#}",
                    html.len()
                ));
            }
        }
        Ok(())
    }
}

/// Takes a template's folder for its name, because shells complete paths.
fn find<'a>(policy: &'a Policy, name: &str) -> anyhow::Result<&'a Template> {
    let folder = Path::new(name).file_name().and_then(|name| name.to_str()).unwrap_or(name);
    let names = || known(policy.templates().iter().map(Template::name));
    policy.templates().get(folder).with_context(|| format!("There is no template `{name}`; {}.", names()))
}

fn render(
    policy: &Policy,
    template: &Template,
    payload: &Payload,
    base: &Path,
    directory: &Directory,
) -> anyhow::Result<Parts> {
    let text = String::from_utf8_lossy(&payload.bytes);
    let findings = match serde_json::from_str(&text) {
        Ok(value) => match violations(policy, template, &payload.origin, &value) {
            none if none.is_empty() => {
                let mut mails = policy.routes().flat_map(|route| route.mails.iter().map(move |mail| (route, mail)));
                let used = mails.find(|(_, mail)| mail.template == *template);
                let (route, mail) = used.context("No mail uses this template.")?;
                let parts = render::render_sample(policy.templates(), route, mail, &value, &text);
                return parts.map_err(|error| directory.broken(vec![error.finding(template)]).into());
            }
            findings => findings,
        },
        Err(error) => {
            let message = format!("The payload is not JSON: {error}.");
            vec![Diagnostic::error(&payload.origin, Place::Line(error.line()), message, "Fix the JSON syntax.")]
        }
    };
    let payload = Files::from_iter([(payload.origin.as_str(), text)]);
    console::complain(report::text(base, &payload, &findings).trim_end());
    anyhow::bail!("The gate would refuse this payload.")
}

/// How the payload breaks the schemas of the routes that use the template.
fn violations(policy: &Policy, template: &Template, origin: &str, payload: &Value) -> Vec<Diagnostic> {
    let uses = |route: &&postern::policy::Route| route.mails.iter().any(|mail| mail.template == *template);
    let violations = policy.routes().filter(uses).flat_map(|route| {
        validate::violations(&route.schema, payload, Texts::neutral()).into_iter().map(move |violation| {
            let message =
                format!("The payload does not match the schema `{}`: {}", route.schema_name, violation.detail);
            let help = format!("The rule is `{}` at `{}`.", violation.keyword, violation.pointer);
            Diagnostic::error(origin, Place::Pointer(violation.pointer), message, help)
        })
    });
    let mut violations: Vec<_> = violations.collect();
    violations.dedup();
    violations
}

//! The checks that a policy must pass before it is deployed.
//!
//! [`check`] is the entry point. The core reads the files into a policy and refuses what cannot be loaded; this crate
//! proves properties of a policy that loads: what a mail would say (`template/`), to whom (`purpose`, `echo`,
//! `confirmation`), how it would look to a mailbox (`delivery`), and whether samples and examples keep their promises
//! (`sample`, `example`), and who could call it with another's request (`shared_secret`). None of it is part of the component. [`approval`] records who approved what.

pub mod approval;
pub mod character;
mod confirmation;
mod delivery;
mod echo;
mod example;
mod field;
mod html;
mod maximum;
pub mod mjml;
mod pattern;
mod pointer;
pub mod purpose;
mod sample;
mod shared_secret;
mod template;
mod unused;

use postern::policy::{Diagnostic, Files, Mail, Place, Policy, Route, Severity, TEMPLATES_FOLDER};

use mjml::Translation;
use template::{Report, Sources};

/// Every finding about a policy: what keeps it from loading, and what the proofs disprove.
///
/// The policy may be deployed when no finding has severity error. Findings are sorted by file and line.
pub fn check(sources: &Files) -> Vec<Diagnostic> {
    let translation = Translation::of(sources);
    let files = translation.files();
    let (policy, findings) = Policy::examine(files);
    let mut findings = Findings(findings);
    findings.0.extend(translation.findings().iter().cloned());
    let mut unseen = Findings::default();
    character::check(sources, &mut unseen);
    // A template that does not compile would fail every check, and the second finding would only hide the first.
    let compiles = !findings.0.iter().any(|finding| finding.file.starts_with(TEMPLATES_FOLDER));
    if let Some(policy) = policy {
        let sources = if compiles { Sources::parse(files) } else { Sources::default() };
        let checker = Checker { files, policy: &policy, sources: &sources, compiles };
        shared_secret::check(&policy, files, &mut findings);
        let notes: Vec<_> = policy.routes().map(|route| checker.route(route, &mut findings)).collect();
        // An error already explains what is missing.
        if !findings.0.iter().any(|finding| finding.severity == Severity::Error) {
            findings.0.extend(notes.into_iter().flatten());
        }
    }
    findings.0 = findings.0.into_iter().map(|finding| translation.original(finding)).collect();
    // These are about the files as people wrote them.
    findings.0.extend(unseen.0);
    findings.sorted(sources)
}

/// What every check may look at.
struct Checker<'a> {
    files: &'a Files,
    policy: &'a Policy,
    sources: &'a Sources<'a>,
    compiles: bool,
}

impl<'a> Checker<'a> {
    /// Gives what is worth knowing where nothing is wrong.
    fn route(&self, route: &'a Route, findings: &mut Findings) -> Vec<Diagnostic> {
        example::check(route, self.files, findings);
        for mail in &route.mails {
            purpose::check(route, mail, findings);
        }
        if !self.compiles {
            return Vec::new();
        }
        let reports: Vec<_> = route.mails.iter().map(|mail| self.mail(route, mail, findings)).collect();
        unused::notes(route, &reports)
    }

    fn mail(&self, route: &'a Route, mail: &'a Mail, findings: &mut Findings) -> Report<'a> {
        let report = template::walk(self.sources, route, mail);
        findings.0.extend(report.findings.iter().cloned());
        echo::check(route, mail, &report, findings);
        confirmation::check(route, mail, &report, findings);
        let sample = sample::check(route, mail, self.files, findings);
        // What the schema does not guarantee would fail here too, with a worse message.
        if report.findings.is_empty() {
            let shown = sample.map(|(sample, text)| sample::render(self.policy, route, mail, &sample, text));
            match shown.transpose() {
                Ok(parts) => delivery::check(self, route, mail, &report, parts.as_ref(), findings),
                Err(finding) => findings.0.push(finding),
            }
        }
        report
    }
}

/// Findings, gathered so that an author sees all at once.
#[derive(Debug, Default)]
struct Findings(Vec<Diagnostic>);

impl Findings {
    fn error(&mut self, file: &str, place: Place, message: impl Into<String>, help: impl Into<String>) {
        self.0.push(Diagnostic::error(file, place, message, help));
    }

    fn warning(&mut self, file: &str, place: Place, message: impl Into<String>, help: impl Into<String>) {
        self.0.push(Diagnostic::warning(file, place, message, help));
    }

    /// Sorted for a reader, each once: a layout is looked at with every template that uses it.
    fn sorted(mut self, files: &Files) -> Vec<Diagnostic> {
        let mut each: Vec<Diagnostic> = Vec::new();
        for finding in self.0.drain(..) {
            if !each.contains(&finding) {
                each.push(finding);
            }
        }
        each.sort_by_cached_key(|finding| (finding.file.clone(), finding.line(files), finding.severity));
        each
    }
}

//! The checks that a policy must pass before it is deployed.
//!
//! [`check`] is the entry point. The core turns the files into a policy and refuses what cannot be loaded; this crate
//! proves properties of a policy that loads: what a mail would say (`template/`), to whom (`purpose`, `echo`,
//! `confirmation`), how a mailbox would judge it (`delivery`), whether samples and examples match their schemas
//! (`sample`, `example`), whether schemas of events have bounds that no mail needs (`bound`), and whether a request to
//! one route passes on another (`shared_secret`). None of it is part of the component. [`approval`] records who approved
//! what.

pub mod approval;
mod bound;
pub mod character;
mod confirmation;
mod delivery;
mod echo;
mod example;
mod field;
mod honeypot;
mod html;
mod maximum;
pub mod mjml;
mod pattern;
pub mod purpose;
mod sample;
mod shared_secret;
mod shown;
mod template;
mod unused;

use postern::policy::{Diagnostic, Files, Mail, Place, Policy, Route, Severity, TEMPLATES_FOLDER};

use mjml::Translation;
use template::{Report, Sources};

/// Every finding about a policy: the errors that keep it from loading, and those of the proofs.
///
/// The policy may be deployed if no finding has severity error. Findings are sorted by file and line.
pub fn check(sources: &Files) -> Vec<Diagnostic> {
    let translation = Translation::of(sources);
    let files = translation.files();
    let (policy, findings) = Policy::examine(files);
    let mut findings = Findings(findings);
    findings.0.extend(translation.findings().iter().cloned());
    let mut unseen = Findings::default();
    character::check(sources, &mut unseen);
    // A template that does not compile would fail every check, and the further findings would only hide the first.
    let compiles = !findings.0.iter().any(|finding| finding.file.starts_with(TEMPLATES_FOLDER));
    if let Some(policy) = policy {
        let sources = if compiles { Sources::parse(files) } else { Sources::default() };
        let checker = Checker { files, policy: &policy, sources: &sources, compiles };
        shared_secret::check(&policy, files, &mut findings);
        let routes: Vec<_> = policy.routes().map(|route| (route, checker.route(route, &mut findings))).collect();
        // An error already explains what is missing.
        if !findings.0.iter().any(|finding| finding.severity == Severity::Error) {
            findings.0.extend(routes.iter().flat_map(|(route, reports)| unused::notes(route, reports)));
            findings.0.extend(bound::warnings(&routes));
        }
    }
    findings.0 = findings.0.into_iter().map(|finding| translation.original(finding)).collect();
    // These findings are about the files as people wrote them.
    findings.0.extend(unseen.0);
    findings.sorted(sources)
}

/// What every check can use.
struct Checker<'a> {
    files: &'a Files,
    policy: &'a Policy,
    sources: &'a Sources<'a>,
    compiles: bool,
}

impl<'a> Checker<'a> {
    /// Gives what each mail does with the payload, for what is worth knowing where nothing is wrong.
    fn route(&self, route: &'a Route, findings: &mut Findings) -> Vec<Report<'a>> {
        example::check(route, self.files, findings);
        honeypot::check(route, findings);
        for mail in &route.mails {
            purpose::check(route, mail, findings);
        }
        if !self.compiles {
            return Vec::new();
        }
        route.mails.iter().map(|mail| self.mail(route, mail, findings)).collect()
    }

    fn mail(&self, route: &'a Route, mail: &'a Mail, findings: &mut Findings) -> Report<'a> {
        let report = template::walk(self.sources, route, mail);
        findings.0.extend(report.findings.iter().cloned());
        echo::check(route, mail, &report, findings);
        confirmation::check(route, mail, &report, findings);
        let sample = sample::check(route, mail, self.files, findings);
        // A sample that violates its schema would fail here too, with a worse message.
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

/// Collects findings, so that an author sees all of them at once.
#[derive(Debug, Default)]
struct Findings(Vec<Diagnostic>);

impl Findings {
    fn error(&mut self, file: &str, place: Place, message: impl Into<String>, help: impl Into<String>) {
        self.0.push(Diagnostic::error(file, place, message, help));
    }

    fn warning(&mut self, file: &str, place: Place, message: impl Into<String>, help: impl Into<String>) {
        self.0.push(Diagnostic::warning(file, place, message, help));
    }

    /// Sorted for a reader, each once: the checks of every template examine the layouts that it uses.
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

//! The proofs a policy must pass before it is deployed: every mail, tried with its sample.

use serde_json::Value;

use super::diagnostic::{Diagnostic, Place};
use super::files::Files;
use super::template::SAMPLE;
use super::{Findings, Mail, POLICY_FILE, Policy, Route};
use crate::render;
use crate::validate;

/// Every finding about a policy: what keeps it from loading, and what its samples disprove.
///
/// The policy may be deployed when no finding has severity error.
pub fn check(files: &Files) -> Vec<Diagnostic> {
    let mut findings = Findings::default();
    if let Some(policy) = Policy::assemble(files, &mut findings) {
        for route in policy.routes() {
            for mail in &route.mails {
                check_sample(&policy, route, mail, files, &mut findings);
            }
        }
    }
    findings.0.sort_by(|a, b| (&a.file, a.line(files), a.severity).cmp(&(&b.file, b.line(files), b.severity)));
    findings.0.dedup();
    findings.0
}

fn check_sample(policy: &Policy, route: &Route, mail: &Mail, files: &Files, findings: &mut Findings) {
    let path = mail.template.path(SAMPLE);
    let Some(text) = files.text(&path) else { return };
    let sample: Value = match serde_json::from_str(text) {
        Ok(sample) => sample,
        Err(reason) => {
            findings.error(
                &path,
                Place::Line(reason.line()),
                format!("This is not JSON: {reason}."),
                "Correct the text.",
            );
            return;
        }
    };
    let violations = validate::violations(&route.schema, &sample);
    for violation in &violations {
        findings.error(
            &path,
            Place::Pointer(violation.pointer.clone()),
            format!("The sample does not fit the schema `{}`: {}", route.schema_name, violation.detail),
            "Samples are payloads the route would accept.",
        );
    }
    if !violations.is_empty() {
        return;
    }
    if let Some(when) = &mail.when
        && !when.validator().is_valid(&sample)
    {
        findings.error(
            POLICY_FILE,
            mail.place.clone(),
            format!("The mail `{}` is not shown to be reachable: its condition rejects {path}.", mail.name),
            "Correct the condition, or make the sample one that it accepts.",
        );
    }
    if let Err(failure) = render::render_parts(policy.templates(), &mail.template, &sample) {
        let finding = failure.finding(&mail.template);
        // A part that is missing or does not compile has been told.
        if !findings.0.iter().any(|earlier| earlier.file == finding.file) {
            findings.0.push(finding);
        }
    }
}

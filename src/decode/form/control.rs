//! Fields that are meant for the gate and not for the mail, following the conventions of form services.

use serde_json::{Map, Value};

use super::Field;
use crate::policy::{Form, PROOF_FIELD, TOKEN_FIELD, WIDGET_FIELDS};

/// What control fields said.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Controls {
    /// A field that people do not see was filled in.
    pub trapped: bool,
    /// Where the visitor should go afterwards.
    pub next: Option<String>,
    /// The form token.
    pub token: Option<String>,
    /// The solution of the proof of work.
    pub proof_of_work: Option<String>,
    /// The captcha's solution.
    pub captcha: Option<String>,
    /// The names of the control fields in the form: an error page contains them again, but does not show them.
    pub names: Vec<String>,
    /// Fields that a form service would have obeyed and the gate ignores, each once.
    pub ignored: Vec<&'static str>,
}

impl Controls {
    /// Takes the control fields out of a form's fields.
    pub fn of_fields(form: &Form, fields: &mut Vec<Field>, known: impl Fn(&str) -> bool) -> Self {
        let mut controls = Self::default();
        fields.retain(|field| !controls.take(form, &field.name, Some(&field.text), &known));
        controls
    }

    /// Takes the control fields out of a script's JSON.
    pub fn of_members(form: &Form, members: &mut Map<String, Value>, known: impl Fn(&str) -> bool) -> Self {
        let mut controls = Self::default();
        members.retain(|name, value| !controls.take(form, name, text(value), &known));
        controls
    }

    /// Whether a field is a control field; if so, notes its text. `known` says which names the schema has.
    fn take(&mut self, form: &Form, name: &str, text: Option<&str>, known: &impl Fn(&str) -> bool) -> bool {
        let mut taken = self.proves(form, name, text);
        taken |= WIDGET_FIELDS.iter().any(|(field, _)| *field == name) && !known(name);
        let hidden = form.honeypot.as_ref().is_some_and(|honeypot| honeypot.name == name);
        if hidden || form.conventions.iter().any(|one| one.honeypot == name) {
            self.trapped |= text != Some("");
            taken = true;
        }
        for convention in &form.conventions {
            if convention.next == Some(name) {
                self.next = text.filter(|text| !text.is_empty()).map(str::to_owned);
                taken = true;
            }
            if let Some(ignored) = convention.ignored.iter().find(|ignored| **ignored == name) {
                if !self.ignored.contains(ignored) {
                    self.ignored.push(ignored);
                }
                taken = true;
            }
            taken |= convention.offered.contains(&name) && !known(name);
        }
        if taken && !self.names.iter().any(|known| known == name) {
            self.names.push(name.to_owned());
        }
        taken
    }
}

impl Controls {
    /// Whether a guard of the form requires this field.
    fn proves(&mut self, form: &Form, name: &str, text: Option<&str>) -> bool {
        let place = if form.token.is_some() && name == TOKEN_FIELD {
            &mut self.token
        } else if form.proof_of_work.is_some() && name == PROOF_FIELD {
            &mut self.proof_of_work
        } else if form.captcha.as_ref().is_some_and(|guard| guard.service.field == name) {
            &mut self.captcha
        } else {
            return false;
        };
        *place = text.map(str::to_owned);
        true
    }
}

/// What a form would have sent for a value: an unticked box in a script's JSON is `false`, and an empty field is
/// `null`.
fn text(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        Value::Bool(false) | Value::Null => Some(""),
        _ => None,
    }
}

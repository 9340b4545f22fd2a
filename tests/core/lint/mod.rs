//! The proofs of `postern-lint`: each fails once, with file, line and sentence.

mod approval;
mod bound;
mod character;
mod delivery;
mod echo;
mod example;
mod honeypot;
mod markup;
mod mjml;
mod purpose;
mod shared_secret;
mod template;

use std::collections::BTreeMap;

use postern::policy::Files;

use crate::support::told;

/// A policy with a form and an event, small enough to see what an edit does. The form notifies a team.
pub struct Case(BTreeMap<String, String>);

const POLICY: &str = r#"[senders.web]
address = "web@contoso.example"
owner = "team@contoso.example"
[routes.form]
path = "/form"
kind = "form"
schema = "form"
origins = ["https://www.contoso.example"]
[[routes.form.mails]]
template = "note"
sender = "web"
purpose = "notification"
to = ["team@contoso.example"]
"#;

impl Case {
    /// A schema of these properties; a subject that needs none of them, and a text body.
    pub fn new(properties: &str, required: &str, sample: &str, text: &str) -> Self {
        let schema =
            format!("{{\n\"type\": \"object\",\n\"properties\": {{\n{properties}\n}},\n\"required\": {required}\n}}");
        let files = [
            ("postern.toml", POLICY),
            ("schemas/form.json", &schema),
            ("schemas/form.examples/valid/sample.json", sample),
            ("schemas/form.examples/invalid/type-list.json", "[]"),
            ("templates/note/subject.txt.j2", "A note"),
            ("templates/note/body.txt.j2", text),
            ("templates/note/sample.json", sample),
        ];
        Self(files.map(|(path, text)| (path.to_owned(), text.to_owned())).into())
    }

    /// The same with another file.
    pub fn with(mut self, path: &str, text: &str) -> Self {
        self.0.insert(path.to_owned(), text.to_owned());
        self
    }

    /// The same without a file.
    pub fn without(mut self, path: &str) -> Self {
        assert!(self.0.remove(path).is_some(), "{path} is there");
        self
    }

    /// The same with a text of a file replaced.
    pub fn edit(mut self, path: &str, old: &str, new: &str) -> Self {
        let text = self.0.get_mut(path).unwrap();
        assert_eq!(text.matches(old).count(), 1, "{old} is in {path} once");
        *text = text.replace(old, new);
        self
    }

    pub fn files(self) -> Files {
        self.0.into_iter().collect()
    }

    /// The findings, as `severity file:line message`.
    pub fn told(self) -> Vec<String> {
        told(&self.files())
    }
}

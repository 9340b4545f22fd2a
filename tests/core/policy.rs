//! The rules of a policy: each is broken once, and reported with file, line and sentence.

use std::collections::BTreeMap;

use postern::policy::{Files, POLICY_FILE, Policy};

use crate::support::{example, told};

const SCHEMA: &str = r#"{
  "type": "object",
  "properties": {
    "name": { "type": "string", "maxLength": 100 },
    "email": { "type": "string", "format": "email" },
    "cc": { "type": "string", "format": "email" }
  },
  "required": ["name", "email"]
}"#;

const POLICY: &str = r#"[senders.web]
address = "web@contoso.example"
owner = "team@contoso.example"
[routes.form]
path = "/form"
kind = "form"
schema = "form"
origins = ["https://www.contoso.example"]
thanks = "https://www.contoso.example/thanks"
[[routes.form.mails]]
template = "note"
sender = "web"
purpose = "notification"
to = ["team@contoso.example"]
reply_to = { field = "/email", name = "/name" }
[routes.hook]
path = "/hook"
kind = "event"
auth = { scheme = "github", secret = "hook_secret" }
schema = "form"
[[routes.hook.mails]]
template = "note"
sender = "web"
purpose = "alert"
to = { field = "/email", allow = ["contoso.example"] }
"#;

fn sound() -> BTreeMap<String, String> {
    [
        (POLICY_FILE, POLICY),
        ("schemas/form.json", SCHEMA),
        ("schemas/form.examples/valid/short.json", r#"{ "name": "Ada", "email": "ada@example.com" }"#),
        ("schemas/form.examples/invalid/required-name.json", r#"{ "email": "ada@example.com" }"#),
        ("templates/note/subject.txt.j2", "From {{ name }}"),
        ("templates/note/body.txt.j2", "{{ name }}\n{% if cc %}{{ cc }}{% endif %}"),
        ("templates/note/sample.json", "{\n  \"name\": \"Ada\",\n  \"email\": \"ada@example.com\"\n}"),
    ]
    .map(|(path, text)| (path.to_owned(), text.to_owned()))
    .into()
}

/// The findings about the valid policy after one text in one file was replaced.
fn findings(file: &str, old: &str, new: &str) -> Vec<String> {
    let mut files = sound();
    let text = files.entry(file.to_owned()).or_default();
    assert!(text.contains(old), "{old} is in {file}");
    *text = text.replacen(old, new, 1);
    told(&files.into_iter().collect())
}

#[test]
fn the_example_policy_and_the_sound_one_have_no_findings() {
    assert_eq!(told(&example()), Vec::<String>::new());
    assert_eq!(told(&sound().into_iter().collect()), Vec::<String>::new());
}

#[test]
fn the_digest_is_that_of_what_decides() {
    let digest = |change: &dyn Fn(&mut BTreeMap<String, String>)| {
        let mut files = sound();
        change(&mut files);
        files.into_iter().collect::<Files>().digest()
    };
    let first = digest(&|_| {});
    for path in sound().keys() {
        let changed = digest(&|files| files.get_mut(path).unwrap().push(' '));
        let shows = path.ends_with("/sample.json") || path.contains(".examples/");
        assert_eq!(changed == first, shows, "{path}");
        let unix = digest(&|files| *files.get_mut(path).unwrap() += "\n");
        assert_eq!(unix, digest(&|files| *files.get_mut(path).unwrap() += "\r\n"), "{path}");
    }
    for (path, counts) in [
        ("schemas/other.json", true),
        ("templates/_layout.html.j2", true),
        ("templates/note/body.html.j2", true),
        ("templates/other/sample.json", false),
        ("schemas/form.examples/valid/one.json", false),
        ("schemas/README.md", false),
        ("approvals.toml", false),
    ] {
        let changed = digest(&|files| {
            files.insert(path.to_owned(), "{}".to_owned());
        });
        assert_eq!(changed != first, counts, "{path}");
    }
}

#[test]
fn what_decides_nothing_is_not_sealed() {
    let files: Files = sound().into_iter().collect();
    for (path, text) in files.sealed() {
        let expected = if path.ends_with("/sample.json") { "" } else { files.text(&path).unwrap() };
        assert_eq!(text, expected, "{path}");
    }
    let kept = sound().into_keys().filter(|path| !path.contains(".examples/"));
    assert!(files.sealed().into_iter().map(|(path, _)| path).eq(kept));
    let sealed: Files = files.sealed().into_iter().collect();
    assert_eq!(sealed.digest(), files.digest());
    assert!(Policy::load(&sealed).is_ok());
}

#[test]
fn rules_of_postern_toml() {
    let too_many = format!("[{}]", ["\"a@b.example\""; 11].join(","));
    for (old, new, expected) in [
        (
            "kind = \"form\"",
            "knd = \"form\"",
            "error postern.toml:6 unknown field `knd`, expected one of `path`, `kind`, `schema`, `auth`, `contract`, `envelope`, `handshake`, `origins`, `thanks`, `form`, `body_limit`, `time_budget`, `duplicate_window`, `mails`.",
        ),
        (
            "kind = \"form\"",
            "kind = \"fax\"",
            "error postern.toml:6 unknown variant `fax`, expected `form` or `event`.",
        ),
        (
            "\"notification\"",
            "\"alarm\"",
            "error postern.toml:13 `alarm` is not a purpose. Purposes are: notification, acknowledgement, alert, confirmation, verification, workflow.",
        ),
        (
            "\"notification\"",
            "\"marketing\"",
            "error postern.toml:13 `marketing` is not a purpose: Postern is for system mail, not for marketing. Purposes are: notification, acknowledgement, alert, confirmation, verification, workflow.",
        ),
        (
            "address = \"web@contoso.example\"",
            "address = \"Web <web@contoso.example>\"",
            "error postern.toml:2 `Web <web@contoso.example>` is not a plain email address such as name@example.com.",
        ),
        (
            "owner = \"team@contoso.example\"",
            "owner = \"team\"",
            "error postern.toml:3 `team` is not a plain email address such as name@example.com.",
        ),
        (
            "[routes.form]",
            "[senders.spare]\naddress = \"a@b.example\"\nowner = \"a@b.example\"\n[routes.form]",
            "warning postern.toml:4 No mail uses the sender `spare`.",
        ),
        ("path = \"/form\"", "path = \"form\"", "error postern.toml:5 `form` is not a valid path."),
        ("path = \"/form\"", "path = \"/form/../x\"", "error postern.toml:5 `/form/../x` is not a valid path."),
        ("path = \"/form\"", "path = \"/form/\"", "error postern.toml:5 `/form/` is not a valid path."),
        (
            "path = \"/form\"",
            "path = \"/healthz\"",
            "error postern.toml:5 The path `/healthz` is reserved for the gate.",
        ),
        (
            "path = \"/hook\"",
            "path = \"/form\"",
            "error postern.toml:17 The routes `form` and `hook` have the same path.",
        ),
        ("schema = \"form\"\norigins", "schema = \"from\"\norigins", "error postern.toml:7 There is no schema `from`."),
        (
            "origins = [\"https://www.contoso.example\"]\n",
            "",
            "error postern.toml:6 The form `form` does not say which sites may use it.",
        ),
        (
            "origins = [\"https://www.contoso.example\"]",
            "origins = []",
            "error postern.toml:8 `origins` is empty, so no site may use the form `form`.",
        ),
        (
            "\"https://www.contoso.example\"]",
            "\"https://www.contoso.example/\"]",
            "error postern.toml:8 `https://www.contoso.example/` is not an origin.",
        ),
        (
            "\"https://www.contoso.example\"]",
            "\"http://www.contoso.example\"]",
            "error postern.toml:8 `http://www.contoso.example` is not an origin.",
        ),
        ("\"https://www.contoso.example\"]", "\"*\"]", "error postern.toml:8 `*` is not an origin."),
        (
            "thanks = \"https:",
            "thanks = \"javascript:",
            "error postern.toml:9 `javascript://www.contoso.example/thanks` is not a URL that visitors can be sent to.",
        ),
        (
            "thanks =",
            "body_limit = 0\nthanks =",
            "error postern.toml:9 `body_limit` must be between 1 and 10485760 bytes.",
        ),
        (
            "thanks =",
            "time_budget = 30\nthanks =",
            "error postern.toml:9 `time_budget` must be between 1 and 29 seconds.",
        ),
        (
            "thanks =",
            "auth = { scheme = \"github\", secret = \"x\" }\nthanks =",
            "error postern.toml:9 The form route `form` cannot have `auth`.",
        ),
        (
            "auth = { scheme = \"github\", secret = \"hook_secret\" }\n",
            "",
            "error postern.toml:18 The event route `hook` has no `auth`, so anyone could call it.",
        ),
        ("scheme = \"github\"", "scheme = \"gitlob\"", "error postern.toml:19 There is no scheme `gitlob`."),
        (
            "secret = \"hook_secret\"",
            "secret = \"S3cr3t!\"",
            "error postern.toml:19 This is not a setting name: use lowercase letters, digits and single underscores, and start with a letter.",
        ),
        ("secret = \"hook_secret\"", "secret = []", "error postern.toml:19 A route needs between 1 and 4 secrets."),
        (
            "kind = \"event\"",
            "kind = \"event\"\norigins = [\"https://a.example\"]",
            "error postern.toml:19 The event route `hook` cannot have `origins`.",
        ),
        (
            "kind = \"event\"",
            "kind = \"event\"\nthanks = \"https://a.example\"",
            "error postern.toml:19 `thanks` is only for form routes.",
        ),
        ("template = \"note\"", "template = \"nota\"", "error postern.toml:11 There is no template `nota`."),
        ("sender = \"web\"", "sender = \"wob\"", "error postern.toml:12 There is no usable sender `wob`."),
        (
            "to = [\"team@contoso.example\"]",
            "to = []",
            "error postern.toml:14 A mail needs between 1 and 10 addresses.",
        ),
        (
            "to = [\"team@contoso.example\"]",
            &format!("to = {too_many}"),
            "error postern.toml:14 A mail needs between 1 and 10 addresses.",
        ),
        (
            "to = [\"team@contoso.example\"]",
            "to = \"team@contoso.example\"",
            "error postern.toml:14 invalid type: string \"team@contoso.example\", expected a list of addresses, or a table such as { field = \"/email\" }.",
        ),
        (
            "field = \"/email\", name",
            "field = \"/mail\", name",
            "error postern.toml:15 The schema has no property at `/mail`.",
        ),
        (
            "field = \"/email\", name",
            "field = \"/name\", name",
            "error postern.toml:15 The schema does not require an email address at `/name`.",
        ),
        ("name = \"/name\"", "name = \"/nom\"", "error postern.toml:15 The schema has no property at `/nom`."),
        (
            "field = \"/email\", allow",
            "field = \"/cc\", allow",
            "error postern.toml:25 The schema does not require `/cc`, so the mail might have no recipient.",
        ),
        (
            "allow = [\"contoso.example\"]",
            "allow = []",
            "error postern.toml:25 With an empty `allow`, no address is accepted.",
        ),
        (
            "allow = [\"contoso.example\"]",
            "allow = [\"@contoso\"]",
            "error postern.toml:25 `@contoso` is not a domain.",
        ),
        (
            "purpose = \"notification\"",
            "purpose = \"notification\"\nwhen = { required = [\"cc\"] }",
            "error postern.toml:5 Every mail of the form `form` has a `when`, so a submission might send nothing.",
        ),
        (
            "purpose = \"alert\"",
            "purpose = \"alert\"\nwhen = { requird = [\"cc\"] }",
            "error postern.toml:25 `requird` is not a keyword of JSON Schema.",
        ),
        (
            "purpose = \"alert\"",
            "purpose = \"alert\"\nwhen = { required = [\"cc\"] }",
            "error postern.toml:21 Nothing shows that the mail `note` is ever sent: its condition rejects templates/note/sample.json.",
        ),
    ] {
        let told = findings(POLICY_FILE, old, new);
        assert!(told.contains(&expected.to_owned()), "{new}:\nexpected {expected}\ntold     {told:#?}");
    }
}

#[test]
fn a_route_without_mails_or_with_two_of_one_name_is_refused() {
    let mails = POLICY.split_once("[[routes.hook.mails]]").unwrap().1;
    let hook = format!("[[routes.hook.mails]]{mails}");
    assert_eq!(findings(POLICY_FILE, &hook, ""), ["error postern.toml:17 The route `hook` sends no mail."]);
    assert_eq!(
        findings(POLICY_FILE, &hook, &format!("{hook}{hook}")),
        ["error postern.toml:26 Two mails of the route `hook` are named `note`."]
    );
    let named = hook.replace("template =", "name = \"other\"\ntemplate =");
    assert_eq!(findings(POLICY_FILE, &hook, &format!("{hook}{named}")), Vec::<String>::new());
}

#[test]
fn rules_of_schemas() {
    for (old, new, expected) in [
        (
            "\"type\": \"object\",",
            "\"type\": \"object\"",
            "error schemas/form.json:3 This is not JSON: expected `,` or `}` at line 3 column 3.",
        ),
        ("\"format\": \"email\" },", "\"format\": \"emial\" },", ""),
        (
            "\"type\": \"string\", \"maxLength\": 100 }",
            "\"typ\": \"string\" }",
            "error schemas/form.json:4 `typ` is not a keyword of JSON Schema.",
        ),
        ("\"type\": \"string\", \"maxLength\": 100 }", "\"pattern\": \"(?=x)\" }", ""),
    ] {
        let told = findings("schemas/form.json", old, new);
        if expected.is_empty() {
            assert!(told[0].starts_with("error schemas/form.json:"), "{told:?}");
            assert!(told[0].contains("The schema is invalid: "), "{told:?}");
        } else {
            assert_eq!(told, [expected]);
        }
    }
    let mut files = sound();
    files.insert("schemas/spare.json".into(), "{}".into());
    files.insert("schemas/notes.txt".into(), "x".into());
    files.insert("schemas/form.examples/notes.txt".into(), "x".into());
    assert_eq!(
        told(&files.into_iter().collect()),
        [
            "error schemas/form.examples/notes.txt:1 This file is not an example.",
            "error schemas/notes.txt:1 This file is not a schema.",
            "error schemas/spare.json:1 No route uses this schema.",
        ]
    );
}

#[test]
fn rules_of_templates() {
    for (file, old, new, expected) in [
        (
            "templates/note/body.txt.j2",
            "{{ cc }}",
            "{{ ccc }}",
            vec!["error templates/note/body.txt.j2:2 The schema `form` has no field `ccc`."],
        ),
        (
            "templates/note/body.txt.j2",
            "{% endif %}",
            "",
            vec![
                "error templates/note/body.txt.j2:2 The template fails: syntax error: unexpected end of input, expected end of block.",
            ],
        ),
        (
            "templates/note/subject.txt.j2",
            "{{ name }}",
            "{{ nome }}",
            vec!["error templates/note/subject.txt.j2:1 The schema `form` has no field `nome`."],
        ),
        (
            "templates/note/sample.json",
            "\"name\": \"Ada\"",
            "\"name\": 5",
            vec!["error templates/note/sample.json:2 The sample does not match the schema `form`: This must be text."],
        ),
        (
            "templates/note/sample.json",
            "\"Ada\",",
            "\"Ada\"",
            vec!["error templates/note/sample.json:3 This is not JSON: expected `,` or `}` at line 3 column 3."],
        ),
    ] {
        assert_eq!(findings(file, old, new), expected, "{new}");
    }
    let mut files = sound();
    files.insert("templates/readme.md".into(), "x".into());
    files.insert("templates/_layout.html.j2".into(), "x".into());
    files.insert("templates/note/body.mjml".into(), "x".into());
    files.insert("templates/spare/body.html.j2".into(), "x".into());
    assert_eq!(
        told(&files.into_iter().collect()),
        [
            "error templates/_layout.html.j2:1 No template uses this layout.",
            "error templates/note/body.mjml:1 This file does not belong to a template.",
            "error templates/readme.md:1 This file does not belong to a template.",
            "error templates/spare/body.txt.j2:1 The template `spare` has no body.txt.j2.",
            "error templates/spare/sample.json:1 The template `spare` has no sample.json.",
            "error templates/spare/subject.txt.j2:1 The template `spare` has no subject.txt.j2.",
            "error templates/spare/subject.txt.j2:1 No mail uses the template `spare`.",
        ]
    );
}

#[test]
fn an_endless_template_runs_out_of_fuel() {
    let endless = "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}";
    assert_eq!(
        findings("templates/note/subject.txt.j2", "From", endless),
        ["error templates/note/subject.txt.j2:1 The template fails: engine ran out of fuel."]
    );
}

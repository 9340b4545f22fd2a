//! `check` refuses invisible characters wherever people read a policy, but the letters of no script.

use super::Case;

fn case() -> Case {
    let properties = r#""name": {"type": "string", "maxLength": 40}"#;
    Case::new(properties, r#"["name"]"#, r#"{"name": "Ada"}"#, "{{ name }} wrote.\n")
}

fn finding(file: &str, line: usize, character: char) -> String {
    let code = u32::from(character);
    format!(
        "error {file}:{line} The character U+{code:04X} is invisible, and changes how the text around it is shown or \
         printed."
    )
}

#[test]
fn what_steers_the_text_around_it_is_refused_in_every_file() {
    assert_eq!(case().told(), Vec::<String>::new());
    let bidi = "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}";
    for character in "\u{0}\u{8}\u{b}\u{c}\r\u{1b}\u{7f}\u{9b}\u{2028}\u{2029}".chars().chain(bidi.chars()) {
        let text = format!("{{{{ name }}}}\n{{# {character} #}}wrote.\n");
        let told = case().with("templates/note/body.txt.j2", &text).told();
        assert_eq!(told, [finding("templates/note/body.txt.j2", 2, character)], "{character:?}");
    }
    for (path, text) in [
        ("postern.toml", "# \u{202e}\n"),
        ("schemas/form.json", "\u{202e}"),
        ("templates/note/sample.json", "\u{202e}"),
        ("schemas/form.examples/valid/sample.json", "\u{202e}"),
        ("templates/note/subject.txt.j2", "\u{202e}"),
    ] {
        let files = case().files();
        let old = files.text(path).unwrap();
        // In JSON, inside a string, which is where JSON allows it.
        let new = if path.ends_with(".json") {
            old.replace("name\"", &format!("name{text}\""))
        } else {
            format!("{text}{old}")
        };
        let told = case().with(path, &new).told();
        assert!(
            told.iter().any(|line| line.starts_with(&format!("error {path}:")) && line.contains("U+202E")),
            "{told:?}"
        );
    }
    let told = case().with("schemas/form.examples/valid/\u{202e}.json", r#"{"name": "Ada"}"#).told();
    assert_eq!(
        told,
        [
            "error schemas/form.examples/valid/\u{202e}.json:1 The name of this file contains the invisible character U+202E."
        ]
    );
}

#[test]
fn letters_joiners_and_line_ends_of_all_kinds_are_left_alone() {
    let text = "{{ name }}\r\n\tمرحبا שלום 👩\u{200d}💻 🏴\u{e0067}\u{e0062}\u{e007f} क्\u{200d}ष می\u{200c}خواهم ❤\u{fe0f}\r\n";
    assert_eq!(case().with("templates/note/body.txt.j2", text).told(), Vec::<String>::new());
    // If a policy needs one, an escape makes it visible.
    let escaped = "{{ name }}{{ \"\\u200f\" }}!\n";
    assert_eq!(case().with("templates/note/body.txt.j2", escaped).told(), Vec::<String>::new());
    let sample = "{\"name\": \"Ada\\u202e\"}";
    let files = case().with("templates/note/sample.json", sample);
    assert_eq!(files.told(), Vec::<String>::new());
}

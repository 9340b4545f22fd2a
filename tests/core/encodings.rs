//! What text is encoded in: as browsers, PowerShell, .NET and old pages send it, through the gate's own door.

use bytes::Bytes;
use http::Request;
use postern::gate::Gate;
use postern::policy::{Files, Policy};
use serde_json::{Value, json};

use crate::contracts::{hook, host, request};
use crate::support::*;

const BEARER: &str = "auth = { scheme = \"bearer\", secret = \"hook_secret\" }";

/// encoding.spec.whatwg.org/#names-and-labels, UTF-8 and windows-1252, for which US-ASCII is one of the labels.
const LABELS: [&str; 23] = [
    "unicode-1-1-utf-8",
    "unicode11utf8",
    "unicode20utf8",
    "utf-8",
    "utf8",
    "x-unicode20utf8",
    "ansi_x3.4-1968",
    "ascii",
    "cp1252",
    "cp819",
    "csisolatin1",
    "ibm819",
    "iso-8859-1",
    "iso-ir-100",
    "iso8859-1",
    "iso88591",
    "iso_8859-1",
    "iso_8859-1:1987",
    "l1",
    "latin1",
    "us-ascii",
    "windows-1252",
    "x-cp1252",
];

const NOT_UTF_8: &str = "The body is not UTF-8; it was probably sent as ISO-8859-1. Encode it as UTF-8, and add \
                         `; charset=utf-8` to the content type.";
const FORM_NOT_UTF_8: &str = "The form is not UTF-8. Add accept-charset=\"utf-8\" to its <form> element.";
const UNKNOWN: &str = "The charset in the content type is not supported: send UTF-8, as `; charset=utf-8`.";

fn of_type(content_type: &str, body: impl Into<Bytes>) -> Request<Bytes> {
    set_type(request(body), content_type)
}

fn set_type(mut request: Request<Bytes>, content_type: &str) -> Request<Bytes> {
    request.headers_mut().insert("content-type", content_type.parse().unwrap());
    request
}

/// The subject of the one mail that an event becomes, or the status and the sentence of its refusal.
async fn subject(gate: &Gate, request: Request<Bytes>) -> Result<String, (u16, String)> {
    let host = host([]);
    let response = call(gate, &host, request).await;
    match host.sent().as_slice() {
        [mail] if response.status() == 200 => Ok(mail["content"]["subject"].as_str().unwrap().to_owned()),
        [] => Err((response.status().as_u16(), body(&response)["detail"].as_str().unwrap().to_owned())),
        sent => unreachable!("{} and {sent:?}", response.status()),
    }
}

fn refused(status: u16, detail: &str) -> Result<String, (u16, String)> {
    Err((status, detail.to_owned()))
}

fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(unit).collect()
}

#[tokio::test]
async fn every_name_of_utf_8_and_of_ascii_is_taken() {
    let gate = gate(&hook(BEARER));
    for label in LABELS {
        for charset in [format!("charset={label}"), format!("Charset=\"{}\"", label.to_ascii_uppercase())] {
            let content_type = format!("application/json; {charset}");
            let found = subject(&gate, of_type(&content_type, r#"{"subject":"Übertragung Köln"}"#)).await;
            assert_eq!(found, Ok("Event Übertragung Köln".to_owned()), "{content_type}");
        }
    }
    for label in ["utf-7", "utf-32", "iso-8859-15", "windows-1251", "shift_jis", "x", ""] {
        let found = subject(&gate, of_type(&format!("application/json; charset={label}"), r#"{"subject":"x"}"#)).await;
        assert_eq!(found, refused(415, UNKNOWN), "{label}");
    }
}

#[tokio::test]
async fn a_sender_that_names_its_encoding_is_read_in_it() {
    let gate = gate(&hook(BEARER));
    for (label, bytes, text) in [
        ("iso-8859-1", &b"\xDCbertragung K\xF6ln"[..], "Übertragung Köln"),
        ("us-ascii", b"K\xF6ln", "Köln"),
        ("windows-1252", b"5 \x80", "5 €"),
        ("utf-16le", b"plain", "plain"),
        // What is valid UTF-8 is UTF-8: nobody writes such text in another encoding, and many declare the wrong one.
        ("iso-8859-1", "Köln".as_bytes(), "Köln"),
        ("ascii", "Сбой".as_bytes(), "Сбой"),
    ] {
        let body = [b"{\"subject\":\"", bytes, b"\"}"].concat();
        let found = subject(&gate, of_type(&format!("application/json; charset={label}"), body)).await;
        assert_eq!(found, Ok(format!("Event {text}")), "{label}");
    }
}

/// What PowerShell sends for a job called "Übertragung Köln": learn.microsoft.com/powershell/module/
/// microsoft.powershell.utility/invoke-restmethod ("Beginning in PowerShell 7.4, character encoding for requests
/// defaults to UTF-8"), PowerShell/PowerShell issues 10971 and 17872 (ISO-8859-1 before), and about_Character_Encoding
/// ("Out-File … Unicode" in Windows PowerShell).
#[tokio::test]
async fn each_version_of_powershell_gets_through_or_learns_why_not() {
    let gate = gate(&hook(BEARER));
    let json = "{\r\n    \"subject\":  \"Übertragung Köln\"\r\n}";
    let latin: Vec<u8> = json.chars().map(|character| u8::try_from(u32::from(character)).unwrap()).collect();
    let marked = format!("\u{FEFF}{json}");
    let (plain, utf8) = ("application/json", "application/json; charset=utf-8");
    let good = Ok("Event Übertragung Köln".to_owned());
    for (version, content_type, body, expected) in [
        ("all: -Body of UTF-8 bytes, as documented", utf8, json.as_bytes().to_vec(), good.clone()),
        ("all: -Body of text with a charset", utf8, json.as_bytes().to_vec(), good.clone()),
        ("7.4 and later: -Body of text", plain, json.as_bytes().to_vec(), good.clone()),
        ("5.1 and 7.0 to 7.3: -Body of text", plain, latin.clone(), refused(400, NOT_UTF_8)),
        ("5.1 and 7.0 to 7.3: charset=iso-8859-1", "application/json; charset=iso-8859-1", latin, good.clone()),
        ("5.1: Out-File, then -InFile", plain, utf16(&marked, u16::to_le_bytes), good.clone()),
        ("5.1: Out-File -Encoding utf8, then -InFile", plain, marked.clone().into(), good.clone()),
        ("5.1: Out-File -Encoding BigEndianUnicode", plain, utf16(&marked, u16::to_be_bytes), good.clone()),
        ("charset=utf-16, which .NET writes without a mark", plain, utf16(json, u16::to_le_bytes), good),
    ] {
        assert_eq!(subject(&gate, of_type(content_type, body)).await, expected, "{version}");
    }
    // What the audit line says when nobody reads the answer.
    let host = host([]);
    call(&gate, &host, of_type(plain, &b"{\"subject\":\"\xDC\"}"[..])).await;
    assert_eq!(host.line()["reason"], "malformed-body");
}

#[test]
fn every_snippet_for_powershell_sends_utf_8_bytes() {
    let preset = std::fs::read_to_string("presets/job/preset.toml").unwrap();
    let docs = std::fs::read_dir("docs").unwrap().map(|page| page.unwrap().path());
    let pages = docs.filter_map(|path| std::fs::read_to_string(path).ok()).chain([preset]);
    let mut snippets = 0;
    for page in pages {
        for snippet in page.split("```powershell\n").skip(1).map(|rest| rest.split("```").next().unwrap()) {
            if !snippet.contains("Invoke-RestMethod") && !snippet.contains("Invoke-WebRequest") {
                continue;
            }
            snippets += 1;
            for part in ["[Text.Encoding]::UTF8.GetBytes(", "; charset=utf-8\"", "-Body $body"] {
                assert!(snippet.contains(part), "{part} in {snippet}");
            }
            assert!(!snippet.contains("-Authentication"), "5.1 has no -Authentication: {snippet}");
        }
    }
    assert_eq!(snippets, 2, "docs/presets.md, and the preset that it is made of");
}

/// JavaScript's `slice` and Python's `json.dumps` write half of an emoji as an escape (RFC 8259, 8.2).
#[tokio::test]
async fn half_of_an_emoji_loses_nothing_else() {
    for (text, expected) in [
        (r"deployed \ud83d", "Event deployed \u{FFFD}"),
        (r"\udE00 deployed", "Event \u{FFFD} deployed"),
        (r"\ud83d\ude00 deployed \ud83d", "Event 😀 deployed \u{FFFD}"),
        (r"\\ud83d", r"Event \ud83d"),
    ] {
        let found = subject(&gate(&hook(BEARER)), request(format!("{{\"subject\":\"{text}\"}}"))).await;
        assert_eq!(found.as_deref(), Ok(expected));
    }
    let host = ScriptedHost::new();
    let form = r#"{"name":"Ada","email":"ada@customer.example","message":"Hello \ud83d"}"#;
    let response = call(&gate(&example()), &host, post("/contact", "application/json", form)).await;
    assert_eq!(response.status(), 200);
    assert!(host.sent()[0]["content"]["plainText"].as_str().unwrap().contains("Hello \u{FFFD}\n"));
}

/// The mails of the contact form for a body, or the sentence of its refusal.
async fn contact_mails(content_type: &str, body: impl Into<Bytes>) -> Result<Vec<Value>, String> {
    let host = ScriptedHost::new();
    let response = call(&gate(&example()), &host, post("/contact", content_type, body)).await;
    match response.status().as_u16() {
        200 | 303 => Ok(host.sent()),
        400 => Err(self::body(&response)["detail"].as_str().unwrap().to_owned()),
        status => unreachable!("{status}: {:?}", response.body()),
    }
}

const GREETING: &str = "name=J%C3%BCrgen+M%C3%BCller&email=ada%40customer.example&message=5%E2%82%AC+f%C3%BCr+%C3%96l";
const IN_WINDOWS_1252: &str = "name=J%FCrgen+M%FCller&email=ada%40customer.example&message=5%80+f%FCr+%D6l";

#[tokio::test]
async fn a_page_in_another_encoding_sends_the_same_mail_once_it_says_which() {
    let expected = contact_mails(URLENCODED, GREETING).await.unwrap();
    assert_eq!(expected[0]["content"]["subject"], "Message from Jürgen Müller");
    let raw = percent_encoding::percent_decode_str(&IN_WINDOWS_1252.replace('+', " ")).collect::<Vec<_>>();
    for body in [
        // HTML standard, 4.10.21.4: the browser fills in `_charset_`, wherever it is.
        format!("{IN_WINDOWS_1252}&_charset_=windows-1252").into_bytes(),
        format!("_charset_=ISO-8859-1&{IN_WINDOWS_1252}").into_bytes(),
        format!("_charset_=UTF-8&{GREETING}").into_bytes(),
        format!("\u{FEFF}{GREETING}").into_bytes(),
        [&raw[..], b"&_charset_=windows-1252"].concat(),
    ] {
        let what = String::from_utf8_lossy(&body).into_owned();
        assert_eq!(contact_mails(URLENCODED, body).await.as_ref(), Ok(&expected), "{what}");
    }
    let declared = format!("{URLENCODED}; charset=windows-1252");
    assert_eq!(contact_mails(&declared, IN_WINDOWS_1252).await, Ok(expected.clone()));
    // Without a word, or in an encoding that is not read: the page can send UTF-8.
    for more in ["", "&_charset_=", "&_charset_=iso-8859-2", "&_charset_=shift_jis", "&_charset_=utf-8"] {
        let found = contact_mails(URLENCODED, format!("{IN_WINDOWS_1252}{more}")).await;
        assert_eq!(found, Err(FORM_NOT_UTF_8.to_owned()), "{more}");
    }
    // The page's own word counts for more than that of a library.
    let found = contact_mails(&declared, format!("{IN_WINDOWS_1252}&_charset_=iso-8859-2")).await;
    assert_eq!(found, Err(FORM_NOT_UTF_8.to_owned()));
    // A script that collects the fields finds the name there too.
    let script =
        json!({"name": "Jürgen Müller", "email": "ada@customer.example", "message": "5€ für Öl", "_charset_": "UTF-8"});
    assert_eq!(
        contact_mails("application/json", script.to_string()).await.unwrap()[0]["content"],
        expected[0]["content"]
    );
}

#[tokio::test]
async fn a_browser_reads_what_its_page_lacks() {
    let host = ScriptedHost::new();
    let page = html(&call(&gate(&example()), &host, browser(IN_WINDOWS_1252)).await);
    assert!(page.contains("Add accept-charset=&quot;utf-8&quot; to its &lt;form&gt; element."), "{page}");
}

fn multipart(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let part = |(head, bytes): &(&str, &[u8])| {
        [b"--xyz\r\nContent-Disposition: form-data; ", head.as_bytes(), b"\r\n\r\n", bytes, b"\r\n"].concat()
    };
    [parts.iter().flat_map(part).collect(), b"--xyz--\r\n".to_vec()].concat()
}

/// RFC 7578, 4.5 (`charset` of a part) and 4.6 (`_charset_`).
#[tokio::test]
async fn parts_are_in_the_encoding_that_they_or_the_form_name() {
    let expected = contact_mails(URLENCODED, GREETING).await.unwrap();
    let form = "multipart/form-data; boundary=xyz";
    let email = ("name=\"email\"", &b"ada@customer.example"[..]);
    let (name, message) = (&b"J\xFCrgen M\xFCller"[..], &b"5\x80 f\xFCr \xD6l"[..]);
    let plain = [("name=\"name\"", name), email, ("name=\"message\"", message)];
    let said = "\r\nContent-Type: text/plain; charset=windows-1252";
    let (own_name, own_message) = (format!("name=\"name\"{said}"), format!("name=\"message\"{said}"));
    let own = [(own_name.as_str(), name), email, (own_message.as_str(), message)];
    let mixed = [(own_name.as_str(), name), email, ("name=\"message\"", "5€ für Öl".as_bytes())];
    let field = [&plain[..], &[("name=\"_charset_\"", &b"iso-8859-1"[..])]].concat();
    for (content_type, parts) in [
        (form, &own[..]),
        (form, &mixed),
        (form, &field),
        ("multipart/form-data; boundary=xyz; charset=iso-8859-1", &plain),
    ] {
        assert_eq!(contact_mails(content_type, multipart(parts)).await.as_ref(), Ok(&expected), "{parts:?}");
    }
    assert_eq!(contact_mails(form, multipart(&plain)).await, Err(FORM_NOT_UTF_8.to_owned()));
}

const SIGNED: &str = r#"auth = { scheme = "hmac", secret = "hook_secret", rule = { header = "x-signature" } }"#;
const SLACK: &str = r#"auth = { scheme = "slack", secret = "hook_secret" }"#;

/// A body signed by the route's scheme, which signs no content type.
fn signed(files: &Files, content_type: &str, body: &[u8]) -> Request<Bytes> {
    let policy = Policy::load(files).unwrap();
    let scheme = &policy.route("/hook").unwrap().auth.as_ref().unwrap().scheme;
    let now = std::time::UNIX_EPOCH + std::time::Duration::from_secs(NOW);
    let made = postern::auth::sign(scheme, "s3cret", "", now, false, body).unwrap();
    let mut request = post("/hook", content_type, body.to_vec());
    request.headers_mut().extend(made.headers.into_iter().map(|(name, value)| (name, value.parse().unwrap())));
    request
}

/// Whoever has recorded a signed request can send it with another content type.
#[tokio::test]
async fn a_signed_body_has_one_text_whatever_its_content_type_says() {
    let files = hook(SIGNED);
    let gate = gate(&files);
    for (bytes, text) in [(&b"\xDCber"[..], None), ("Über".as_bytes(), Some("Über")), (b"\xC3\x9Cber", Some("Über"))]
    {
        let json = [b"{\"subject\":\"", bytes, b"\"}"].concat();
        for charset in ["", "; charset=utf-8", "; charset=iso-8859-1", "; charset=ascii", "; charset=utf-16"] {
            let found = subject(&gate, signed(&files, &format!("application/json{charset}"), &json)).await;
            let expected = match (text, charset) {
                (Some(text), _) => Ok(format!("Event {text}")),
                (None, "; charset=iso-8859-1" | "; charset=ascii") => Ok("Event Über".to_owned()),
                (None, _) => refused(400, NOT_UTF_8),
            };
            assert_eq!(found, expected, "{charset}");
        }
        for charset in ["windows-1251", "iso-8859-15", "shift_jis", "gbk", "macintosh"] {
            let found = subject(&gate, signed(&files, &format!("application/json; charset={charset}"), &json)).await;
            assert_eq!(found, refused(415, UNKNOWN), "{charset}");
        }
    }
}

#[tokio::test]
async fn signed_json_is_no_form_in_any_encoding() {
    let files = hook(SLACK);
    let gate = gate(&files);
    let json = r#"{"note":"&subject=Your+account+is+closed&"}"#;
    let marked = format!("\u{FEFF}{json}");
    for body in [
        json.as_bytes().to_vec(),
        marked.clone().into_bytes(),
        format!("\u{FEFF} \r\n{json}").into_bytes(),
        utf16(json, u16::to_le_bytes),
        utf16(json, u16::to_be_bytes),
        utf16(&marked, u16::to_le_bytes),
        utf16(&marked, u16::to_be_bytes),
    ] {
        for charset in ["", "; charset=iso-8859-1"] {
            let request = signed(&files, &format!("{URLENCODED}{charset}"), &body);
            let (status, _) = subject(&gate, request).await.unwrap_err();
            assert_eq!(status, 400, "slack's status for what is of no use: {body:?}");
        }
        assert!(subject(&gate, signed(&files, "application/json", &body)).await.is_ok());
    }
}

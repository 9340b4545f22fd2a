//! Honeypots that browsers fill in.

use super::Case;

fn told(honeypot: &str) -> Vec<String> {
    let case = Case::new("", "[]", "{}", "Hello");
    let form = format!("[routes.form.form]\nhoneypot = \"{honeypot}\"\n[[routes.form.mails]]");
    case.edit("postern.toml", "[[routes.form.mails]]", &form).told()
}

#[test]
fn a_honeypot_called_like_something_in_a_profile_is_a_warning() {
    // HTML's autofill field names (html.spec.whatwg.org, "autofill"); components/autofill of Chromium; and
    // in2code-de/powermail#102, solspace/craft-express-forms#51, markets/invisible_captcha#80, craftcms/contact-form#54.
    for name in [
        "name",
        "given-name",
        "organization-title",
        "address-level2",
        "country",
        "postal-code",
        "cc-csc",
        "bday-year",
        "tel-national",
        "email",
        "one-time-code",
        "website",
        "your_url",
        "url2",
        "Company",
        "phone",
        "zip",
        "email2",
        "home_page_homepage",
        "nickname",
        "cityName",
        "fax",
    ] {
        let message = format!(
            "warning postern.toml:10 Autofill may fill in the honeypot `{name}`, and the gate would silently drop a \
             person's form."
        );
        assert_eq!(told(name), [message]);
    }
    for name in ["feedback_note", "trap", "telling", "curl_it", "hotel", "essex"] {
        assert_eq!(told(name), [""; 0], "{name}");
    }
}

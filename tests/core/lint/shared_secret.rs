//! A recorded request passes on every route that shares its secret, unless its scheme signs the address.

use super::Case;

/// A policy with two routes for events, whose callers are checked like this; and what is found of it.
fn about(one: &str, other: &str) -> Vec<String> {
    let case = Case::new(r#""name": {"type": "string"}"#, r#"["name"]"#, r#"{"name": "Ada"}"#, "{{ name }}\n");
    let route = |name: &str, auth: &str| {
        format!(
            "[routes.{name}]\npath = \"/{name}\"\nkind = \"event\"\nschema = \"form\"\nauth = {{ {auth} }}\n\
             [[routes.{name}.mails]]\ntemplate = \"note\"\nsender = \"web\"\npurpose = \"alert\"\n\
             to = [\"team@contoso.example\"]\n"
        )
    };
    let senders = "[senders.web]\naddress = \"web@contoso.example\"\nowner = \"team@contoso.example\"\n";
    case.with("postern.toml", &[senders, &route("one", one), &route("two", other)].concat()).told()
}

fn warning(scheme: &str) -> String {
    format!(
        "warning postern.toml:18 The routes `one` and `two` share the secret `a`. The scheme `{scheme}` does not sign the \
         path, so a request that someone recorded for one of them passes at the other."
    )
}

#[test]
fn routes_that_share_a_secret_are_reported_where_the_path_is_not_signed() {
    for scheme in ["github", "shopify", "stripe", "slack", "standard-webhooks", "svix", "sendgrid"] {
        let auth = |secret: &str| format!("scheme = \"{scheme}\", secret = {secret}");
        assert_eq!(about(&auth("\"a\""), &auth("\"a\"")), [warning(scheme)]);
        // While one of them is replaced.
        assert_eq!(about(&auth("[\"b\", \"a\"]"), &auth("[\"a\", \"c\"]")), [warning(scheme)]);
        assert_eq!(about(&auth("\"a\""), &auth("\"b\"")), [""; 0], "{scheme}");
    }
    let rule = |header: &str| format!("scheme = \"hmac\", secret = \"a\", rule = {{ header = \"{header}\" }}");
    assert_eq!(about(&rule("x-one"), &rule("x-one")), [warning("hmac")]);
}

#[test]
fn a_signature_that_another_route_does_not_take_is_no_trouble() {
    let rule = |header: &str| format!("scheme = \"hmac\", secret = \"a\", rule = {{ header = \"{header}\" }}");
    let twilio =
        |path: &str| format!("scheme = \"twilio\", secret = \"a\", url = \"https://mail.contoso.example/{path}\"");
    let named = |scheme: &str| format!("scheme = \"{scheme}\", secret = \"a\"");
    for (one, other) in [
        (rule("x-one"), rule("x-two")),
        (named("github"), named("shopify")),
        // It signs the address.
        (twilio("one"), twilio("two")),
        // Whoever has recorded such a request has the secret.
        (named("bearer"), named("bearer")),
    ] {
        assert_eq!(about(&one, &other), [""; 0], "{one} {other}");
    }
}

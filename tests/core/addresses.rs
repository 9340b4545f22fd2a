//! Addresses that a payload chooses: the gate accepts those of real people, and none that could lead to another server.

use postern::gate::Gate;
use postern::policy::Files;
use serde_json::json;

use crate::support::*;

/// The example's contact form, whose confirmation only goes to visitors at one domain.
fn narrowed() -> Files {
    let files = example();
    let text = |path: &str| {
        let text = files.text(path).unwrap();
        let field = "\nto = { field = \"/email\"";
        assert!(path != "postern.toml" || text.contains(field));
        text.replace(field, &format!("{field}, allow = [\"contoso.example\"]"))
    };
    files.paths().map(|path| (path.to_owned(), text(path))).collect()
}

/// The status of a form with this address, and the recipients of its mails.
async fn outcome(gate: &Gate, address: &str) -> (u16, Vec<String>) {
    let host = ScriptedHost::new();
    let mut payload = contact();
    payload["email"] = json!(address);
    let response = call(gate, &host, contact_request(&payload)).await;
    if response.status() != 200 {
        let wrong = &body(&response)["errors"][0];
        assert_eq!((&wrong["pointer"], &wrong["keyword"]), (&json!("/email"), &json!("format")), "{address}");
    }
    let to = |mail: serde_json::Value| mail["recipients"]["to"][0]["address"].as_str().unwrap().to_owned();
    (response.status().as_u16(), host.sent().into_iter().map(to).collect())
}

#[tokio::test]
async fn addresses_of_real_people_are_taken_as_they_are() {
    for gate in [gate(&example()), gate(&narrowed())] {
        for local in [
            "ada",
            "First.Last",
            "first_last-2",
            "ada+news",
            "ada+list=2026",
            "o'brien",
            "r&d",
            "a/b",
            "x{y}~z",
            "who?",
            "prvs=0123abcdef=ada",
            "2026",
        ] {
            let address = format!("{local}@contoso.example");
            let (status, to) = outcome(&gate, &address).await;
            assert!(status == 200 && to.contains(&address), "{address}: {status} {to:?}");
        }
    }
}

#[tokio::test]
async fn addresses_that_mail_software_may_read_in_another_way_are_refused() {
    for gate in [gate(&example()), gate(&narrowed())] {
        for address in [
            "=?utf-8?q?x=40evil.example=3e=20?=@contoso.example",
            "=?x?q?=41=42?=foobar@contoso.example",
            "a=?utf-8?b?eA==?=@contoso.example",
            "=?@contoso.example",
            "user%evil.example@contoso.example",
            "evil.example!user@contoso.example",
            "user%evil.example!x@contoso.example",
            "a@b/c.example",
            "a@x?y.example",
            "a@b=c%d.example",
            "a@b'c.example",
            "a@b!c.example",
            "a@b_c.example",
            "a@contoso.example.",
            "a@evil.example@contoso.example",
            "@evil.example:a@contoso.example",
            "\"a@evil.example\"@contoso.example",
            "a(c)@contoso.example",
            "a@contoso\u{2024}example",
            "a@contoso.example\u{2024}evil.example",
        ] {
            assert_eq!(outcome(&gate, address).await, (422, Vec::new()), "{address}");
        }
    }
}

#[test]
fn a_policy_that_names_such_an_address_learns_why() {
    let files = example();
    let plain = "is not a plain email address such as name@example.com.";
    let safe = "is not a safe email address: \
                `%`, `!` and `=?` before the `@` make some mail servers deliver it elsewhere.";
    for (address, why) in [
        ("evil.example!user@contoso.example", safe),
        ("user%evil.example@contoso.example", safe),
        ("=?x?q?=41?=@contoso.example", safe),
        // The schema already refuses a payload's address with such a domain.
        ("a@b/c.example", plain),
        ("a@x?y.example", plain),
        ("a@b_c.example", plain),
    ] {
        let text = |path: &str| {
            let text = files.text(path).unwrap();
            let sender = "address = \"forms@contoso.example\"";
            assert!(path != "postern.toml" || text.contains(sender));
            text.replace(sender, &format!("address = \"{address}\""))
        };
        let changed: Files = files.paths().map(|path| (path.to_owned(), text(path))).collect();
        assert_eq!(refused(&changed).first(), Some(&format!("`{address}` {why}")));
    }
}

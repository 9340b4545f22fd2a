//! `redirect_all_to`: in staging, every mail goes to one address and names its real recipients.

use http::Request;
use serde_json::{Value, json};

use crate::support::*;

const STAGING: &str = "staging@contoso.example";

#[tokio::test]
async fn every_mail_goes_to_the_one_address_and_names_the_real_one() {
    let host = ScriptedHost::new().set("redirect_all_to", STAGING);
    let response = call(&gate(&example()), &host, contact_request(&contact())).await;
    assert_eq!(response.status(), 200);
    let seen: Vec<_> =
        host.sent().iter().map(|mail| (mail["recipients"].clone(), mail["content"]["subject"].clone())).collect();
    let to = json!({"to": [{"address": STAGING}]});
    assert_eq!(
        seen,
        [
            (to.clone(), json!("[to sales@contoso.example] Message from Ada")),
            (to, json!("[to ada@customer.example] We have received your message")),
        ]
    );
    let line = host.line();
    assert_eq!(
        (&line["redirected"], &line["mails"][1]["recipient_domains"]),
        (&json!(true), &json!(["customer.example"]))
    );
    assert!(!line.to_string().contains('@'), "{line}");
}

#[tokio::test]
async fn readiness_shows_it() {
    let ready = async |host: &ScriptedHost| {
        let response = call(&gate(&example()), host, Request::get("/readyz").body("").unwrap()).await;
        (response.status().as_u16(), body(&response))
    };
    let (status, answer) = ready(&ScriptedHost::new().set("redirect_all_to", STAGING)).await;
    assert_eq!((status, &answer["redirect_all_to"]), (200, &json!(STAGING)));
    assert_eq!(ready(&ScriptedHost::new()).await.1.get("redirect_all_to"), None::<&Value>);
}

#[tokio::test]
async fn a_value_that_is_no_address_reaches_nobody() {
    let host = ScriptedHost::new().set("redirect_all_to", "staging at contoso");
    let response = call(&gate(&example()), &host, contact_request(&contact())).await;
    assert_eq!((response.status().as_u16(), problem(&response).as_str()), (503, "not-configured"));
    assert_eq!(host.requests.borrow().len(), 0);
    assert_eq!(host.line()["reason"], "not-configured: redirect_all_to must be a plain email address");
}

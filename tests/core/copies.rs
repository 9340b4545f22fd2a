//! The visitor's copy, where ACS refuses it: the message has arrived, and both the visitor and the log learn the rest.

use http::{Request, StatusCode};
use postern::host::FetchError;
use serde_json::{Value, json};

use crate::support::*;

const NOTICE: &str =
    "Your message has arrived. The copy for you could not be sent to the email address that you entered.";

fn script() -> Request<bytes::Bytes> {
    set(browser(GOOD), "accept", "application/json")
}

/// The operations of the example's two mails.
async fn operations() -> [String; 2] {
    let host = ScriptedHost::new();
    call(&gate(&example()), &host, script()).await;
    host.operations().try_into().unwrap()
}

/// The status and the JSON of a form whose mails ACS answers so, and the audit line.
async fn answered(team: Option<Answer>, copy: impl IntoIterator<Item = Answer>) -> (StatusCode, Value, Value) {
    let [first, _] = operations().await;
    let host = ScriptedHost::answering([team.unwrap_or_else(|| accepted(&first))].into_iter().chain(copy));
    let response = call(&gate(&example()), &host, script()).await;
    (response.status(), body(&response), host.line())
}

// Azure/azure-sdk-for-net#56805 names the two codes.
#[tokio::test]
async fn a_script_learns_that_the_message_arrived_and_the_copy_did_not() {
    let [team, copy] = operations().await;
    let (invalid, suppressed) = ("InvalidEmailAddress", "EmailDroppedAllRecipientsSuppressed");
    let correct = json!("correct the address: ACS cannot send to it");
    let lift = json!("correct the address, or wait until ACS lifts the suppression");
    for (answers, status, code, advice) in [
        (vec![refusal(400, invalid)], "invalid-address", invalid, &correct),
        (vec![refusal(400, suppressed)], "suppressed", suppressed, &lift),
        // ACS took it, and the status read that follows a time-out says what became of it.
        (vec![Err(FetchError::Timeout), operation(&copy, "Failed", Some(suppressed))], "suppressed", suppressed, &lift),
        (vec![refusal(400, "BadRequest")], "rejected", "BadRequest", &Value::Null),
    ] {
        let (http_status, told, line) = answered(None, answers).await;
        assert_eq!(http_status, StatusCode::OK);
        let expected = json!({
            "sent": 1,
            "mails": [
                {"mail": "contact-notify", "status": "accepted", "operation": team},
                {"mail": "contact-acknowledge", "status": status, "operation": copy},
            ],
            "next": "https://www.contoso.example/thanks",
            "notice": NOTICE,
        });
        assert_eq!(told, expected);
        assert_eq!((&line["verdict"], &line["http.response.status_code"]), (&json!("partial"), &json!(200)));
        let mail = &line["mails"][1];
        assert_eq!((&mail["outcome"], &mail["acs_error"]), (&json!(status), &json!(code)));
        assert_eq!(mail.get("advice").unwrap_or(&Value::Null), advice);
    }
}

#[tokio::test]
async fn a_browser_shows_it_with_the_way_on() {
    let [team, _] = operations().await;
    let german = "Ihre Nachricht ist angekommen. Die Kopie für Sie konnte nicht an die angegebene E-Mail-Adresse \
                  gesendet werden.";
    for (language, heading, text, on) in
        [("en", "Thank you", NOTICE, "Continue"), ("de", "Vielen Dank", german, "Weiter")]
    {
        let host = ScriptedHost::answering([accepted(&team), refusal(400, "InvalidEmailAddress")]);
        let response = call(&gate(&example()), &host, set(browser(GOOD), "accept-language", language)).await;
        assert_eq!(response.status(), StatusCode::OK);
        let page = html(&response);
        assert!(page.contains(&format!("<h1>{heading}</h1>\n<p>{text}</p>\n")), "{page}");
        assert!(page.contains(&format!(">{on}</a>")) && page.contains("contoso.example&#x2f;thanks"), "{page}");
    }
}

#[tokio::test]
async fn it_stays_an_error_where_the_team_has_nothing_or_a_repeat_may_help() {
    let [team, copy] = operations().await;
    let refused = || refusal(400, "InvalidEmailAddress");
    for (first, second, status) in [
        // Only the copy got out.
        (Some(refused()), accepted(&copy), 502),
        (Some(refused()), refused(), 502),
        (None, refusal(401, "Denied"), 502),
        (None, refusal(400, "InvalidSenderUserName"), 502),
    ] {
        let (answer, told, _) = answered(first, [second]).await;
        assert_eq!((answer.as_u16(), told.get("notice")), (status, None), "{told}");
    }
    let host = ScriptedHost::ailing(refusal(429, "TooManyRequests"));
    host.answers.borrow_mut().push_back(accepted(&team));
    let response = call(&gate(&example()), &host, script()).await;
    assert_eq!((response.status().as_u16(), body(&response).get("notice")), (503, None));
}

#[tokio::test]
async fn an_address_that_is_all_there_is_to_send_to_is_an_error_at_its_field() {
    // The form's only mail is the one to the visitor.
    let files = example();
    let text = |path: &str| {
        let team = "template = \"contact-notify\"";
        files.text(path).unwrap().replace(team, &format!("when = {{ required = [\"topic\"] }}\n{team}"))
    };
    let gate = gate(&files.paths().map(|path| (path.to_owned(), text(path))).collect());
    for (code, problem_type) in
        [("InvalidEmailAddress", "invalid-address"), ("EmailDroppedAllRecipientsSuppressed", "recipients-suppressed")]
    {
        let response = call(&gate, &ScriptedHost::answering([refusal(400, code)]), script()).await;
        assert_eq!((response.status().as_u16(), problem(&response).as_str()), (502, problem_type));
        let expected = json!([{
            "pointer": "/email",
            "keyword": "delivery",
            "detail": "Mail cannot be sent to this address.",
            "code": "TYPE_EMAIL",
            "field": "email",
            "message": "Mail cannot be sent to this address.",
        }]);
        assert_eq!(body(&response)["errors"], expected);
        let response = call(&gate, &ScriptedHost::answering([refusal(400, code)]), browser(GOOD)).await;
        let page = html(&response);
        assert!(
            page.contains("<li><a href=\"#field-2\">email</a>: Mail cannot be sent to this address.</li>"),
            "{page}"
        );
    }
}

//! Failures of ACS: distinguished, never reported as sent, never sent twice.

use postern_emulator::{Effect, Fault};
use serde_json::json;

use crate::stand::{GITHUB_SECRET, Stand, builds, every_build};

fn effects() -> Vec<(Effect, u16, &'static str)> {
    vec![
        (Effect::status(400), 502, "rejected"),
        (Effect::status(401), 502, "unauthorized"),
        (Effect::status(404), 502, "not-found"),
        (Effect::status(413), 502, "too-large"),
        (Effect::status(429), 503, "throttled"),
        (Effect::status(500), 503, "unavailable"),
        (Effect::status(503), 503, "unavailable"),
        (Effect::Reset, 503, "unreachable"),
        (Effect::Hang, 503, "timeout"),
    ]
}

#[test]
fn every_failure_of_acs_is_told_apart() {
    every_build(|stand| {
        let issue = json!({"action": "opened", "issue": {"title": "It breaks"}});
        for (effect, status, outcome) in effects() {
            let what = format!("{effect:?}");
            let fault = Fault::next(effect).times(100);
            assert!(stand.store.fault(fault.clone()));
            if status == 503 {
                assert!(stand.store.fault(fault.on_status()));
            }
            let answer = stand.github(&issue, Some(GITHUB_SECRET));
            assert_eq!((answer.status, &answer.body["mails"][0]["status"]), (status, &json!(outcome)), "{what}");
            assert_eq!(answer.body["sent"], 0, "{what}");
            assert_eq!(stand.line()["mails"][0]["outcome"], outcome, "{what}");
            stand.store.clear_faults();
        }
        assert_eq!(stand.subjects(), [""; 0], "nothing of it was taken");
        assert_eq!(stand.github(&issue, Some(GITHUB_SECRET)).status, 200, "the repeat goes through");
        assert_eq!(stand.subjects(), ["Issue: It breaks"]);
    });
}

#[test]
fn trouble_that_passes_is_not_the_caller_s() {
    every_build(|stand| {
        let effects =
            [Effect::status(429), Effect::status(503), Effect::Reset, Effect::AcceptThenReset, Effect::Garbage];
        for (index, effect) in effects.into_iter().enumerate() {
            let what = format!("{effect:?}");
            stand.store.fault(Fault::next(effect));
            let answer = stand.contact(&json!({"name": what, "email": "ada@customer.example", "message": "x"}));
            assert_eq!((answer.status, &answer.body["sent"]), (200, &json!(2)), "{what}");
            assert_eq!(stand.subjects().len(), 2 * (index + 1), "{what}");
        }
    });
}

#[test]
fn acs_s_wish_to_wait_is_passed_on() {
    every_build(|stand| {
        let effect = Effect::Status { status: 429, retry_after: Some(37), code: None };
        stand.store.fault(Fault::next(effect));
        let answer = stand.contact(&json!({"name": "Ada", "email": "ada@customer.example", "message": "x"}));
        assert_eq!((answer.status, answer.headers["retry-after"].as_str()), (503, "37"));
        assert_eq!(answer.body["mails"][1]["status"], "not-attempted");
    });
}

#[test]
fn when_the_second_mail_fails_a_repeat_sends_it_alone() {
    every_build(|stand| {
        let ada = json!({"name": "Ada", "email": "ada@customer.example", "message": "x"});
        stand.store.fault(Fault::next(Effect::status(503)).times(100).for_recipient("ada@customer.example"));
        let answer = stand.contact(&ada);
        assert_eq!((answer.status, answer.problem(), &answer.body["sent"]), (503, "try-later", &json!(1)));
        assert_eq!(answer.body["mails"][0]["status"], "accepted");
        assert_eq!(answer.body["mails"][1]["status"], "unavailable");
        assert_eq!(stand.line()["verdict"], "partial");
        assert_eq!(stand.subjects(), ["Message from Ada"]);
        stand.store.clear_faults();
        assert_eq!(stand.contact(&ada).status, 200);
        assert_eq!(stand.subjects(), ["Message from Ada", "We have received your message"]);
    });
}

#[test]
fn an_acs_that_is_not_there_or_not_allowed_is_told() {
    for (flavour, form) in builds() {
        let ada = json!({"name": "Ada", "email": "ada@customer.example", "message": "x"});
        let elsewhere = Stand::new(flavour, form, |settings| {
            settings.insert("acs_endpoint".into(), "https://other.communication.azure.com".into());
        });
        let answer = elsewhere.contact(&ada);
        assert_eq!((answer.status, &answer.body["mails"][0]["status"]), (502, &json!("denied")));
        let wrong_key = Stand::new(flavour, form, |settings| {
            settings.insert("acs_access_key".into(), "d3Jvbmcga2V5".into());
        });
        let answer = wrong_key.contact(&ada);
        assert_eq!((answer.status, &answer.body["mails"][0]["status"]), (502, &json!("unauthorized")));
        assert_eq!(wrong_key.line()["mails"][0]["acs_error"], "Denied");
    }
}

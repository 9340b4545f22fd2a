//! Faults on demand.

use std::io::ErrorKind;
use std::thread;

use postern_emulator::{Attempt, Effect, Fault, Uuid};
use serde_json::{Value, json};

use crate::lab::{Answer, ID, Lab, email, email_about, email_to};

fn outcome(attempt: &Attempt) -> (Option<u16>, Option<&str>, Option<&str>) {
    (attempt.status, attempt.code.as_deref(), attempt.fault)
}

/// Waits until a fault has affected the newest attempt, as the emulator's own log shows.
fn wait_for_fault(lab: &Lab) {
    while lab.store.attempts().first().is_none_or(|attempt| attempt.fault.is_none()) {
        thread::yield_now();
    }
}

#[track_caller]
fn is_reset(result: Result<Answer, ureq::Error>) {
    match result {
        Err(ureq::Error::Io(error)) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        Err(error) => panic!("not a reset: {error}"),
        Ok(answer) => panic!("not a reset: {}", answer.status),
    }
}

#[test]
fn a_status_fault_refuses_the_next_sends_and_no_more() {
    let lab = Lab::new();
    lab.store.fault(Fault::next(Effect::status(503)).times(2));
    for _ in 0..2 {
        let answer = lab.send(&email());
        answer.refused(503, "ServiceUnavailable", "a fault of the emulator");
        assert_eq!(answer.header("retry-after"), None);
    }
    assert!(lab.store.messages().is_empty());
    assert_eq!(lab.send(&email()).status, 202);
    let attempts = lab.store.attempts();
    let outcomes: Vec<_> = attempts.iter().map(outcome).collect();
    let refused = (Some(503), Some("ServiceUnavailable"), Some("status"));
    assert_eq!(outcomes, [(Some(202), None, None), refused, refused]);
}

#[test]
fn a_status_fault_may_carry_a_code_and_a_wait() {
    let lab = Lab::new();
    let effect = Effect::Status { status: 429, retry_after: Some(7), code: Some("Busy".to_owned()) };
    lab.store.fault(Fault::next(effect));
    let answer = lab.send(&email());
    answer.refused(429, "Busy", "a fault of the emulator");
    assert_eq!(answer.header("retry-after"), Some("7"));
}

#[test]
fn every_status_has_a_usual_code() {
    let lab = Lab::new();
    for (status, answered, code) in [
        (400, 400, "BadRequest"),
        (401, 401, "Denied"),
        (403, 403, "Forbidden"),
        (404, 404, "NotFound"),
        (409, 409, "Conflict"),
        (429, 429, "TooManyRequests"),
        (500, 500, "InternalServerError"),
        (503, 503, "ServiceUnavailable"),
        (504, 504, "InternalServerError"),
        (200, 500, "InternalServerError"),
        (99, 500, "InternalServerError"),
    ] {
        lab.store.fault(Fault::next(Effect::status(status)));
        lab.send(&email()).refused(answered, code, "a fault");
    }
    assert!(lab.store.messages().is_empty());
}

#[test]
fn a_fault_can_wait_for_a_recipient() {
    let lab = Lab::new();
    lab.store.fault(Fault::next(Effect::status(500)).for_recipient("Second@example.com"));
    assert_eq!(lab.send(&email_to("first@example.com")).status, 202);
    assert_eq!(lab.send(&email_to("second@example.com")).status, 500);
    assert_eq!(lab.send(&email_to("second@example.com")).status, 202);
}

#[test]
fn a_fault_can_wait_for_a_subject() {
    let lab = Lab::new();
    lab.store.fault(Fault::next(Effect::status(500)).for_subject("second"));
    assert_eq!(lab.send(&email_about("the first")).status, 202);
    assert_eq!(lab.send(&email_about("the second one")).status, 500);
    assert_eq!(lab.subjects(), ["the first"]);
}

#[test]
fn the_oldest_fault_that_matches_is_used() {
    let lab = Lab::new();
    lab.store.fault(Fault::next(Effect::status(500)).for_subject("other"));
    lab.store.fault(Fault::next(Effect::status(501)));
    lab.store.fault(Fault::next(Effect::status(502)));
    let statuses = [(); 3].map(|()| lab.send(&email()).status);
    assert_eq!(statuses, [501, 502, 202]);
    assert_eq!(lab.store.faults().len(), 1);
}

#[test]
fn a_bad_request_uses_no_fault_up() {
    let lab = Lab::new();
    lab.store.fault(Fault::next(Effect::status(500)));
    assert_eq!(lab.send(&json!({})).status, 400);
    assert_eq!(lab.post(&email()).key("AAAA").go().status, 401);
    assert_eq!(lab.send(&email()).status, 500);
}

#[test]
fn a_reset_before_acceptance_stores_nothing() {
    let lab = Lab::new();
    lab.store.fault(Fault::next(Effect::Reset));
    is_reset(lab.post(&email()).try_go());
    assert!(lab.store.messages().is_empty());
    assert_eq!(outcome(&lab.store.attempts()[0]), (None, None, Some("reset")));
    assert_eq!(lab.send(&email()).status, 202);
}

#[test]
fn a_reset_after_acceptance_loses_only_the_answer() {
    let lab = Lab::new();
    let id = Uuid::parse_str(ID).unwrap();
    let send = || lab.post(&email()).header("operation-id", ID);
    lab.store.fault(Fault::next(Effect::AcceptThenReset));
    is_reset(send().try_go());
    assert_eq!(lab.store.messages().len(), 1);
    assert_eq!(outcome(&lab.store.attempts()[0]), (None, None, Some("acceptThenReset")));
    assert_eq!(send().go().status, 202);
    assert_eq!(lab.store.messages().len(), 1);
    assert_eq!(lab.store.attempts_of(id), 2);
}

#[test]
fn garbage_comes_with_202_and_the_mail_is_kept() {
    let lab = Lab::new();
    lab.store.fault(Fault::next(Effect::Garbage));
    let answer = lab.send(&email());
    assert_eq!(answer.status, 202);
    assert!(serde_json::from_str::<Value>(&answer.text).is_err());
    assert_eq!(answer.header("operation-location"), None);
    assert_eq!(lab.store.messages().len(), 1);
}

#[test]
fn a_hanging_send_is_neither_answered_nor_stored() {
    let lab = Lab::new();
    lab.store.fault(Fault::next(Effect::Hang).for_subject("hang"));
    thread::scope(|scope| {
        let hanging = scope.spawn(|| lab.post(&email_about("hang")).try_go());
        wait_for_fault(&lab);
        assert_eq!(lab.send(&email()).status, 202);
        assert!(!hanging.is_finished());
        assert_eq!(lab.subjects(), ["Hello"]);
        assert_eq!(outcome(&lab.store.attempts()[1]), (None, None, Some("hang")));
        lab.stop();
        assert!(hanging.join().unwrap().is_err());
    });
}

#[test]
fn a_delayed_send_waits_its_time() {
    let lab = Lab::new();
    let longest = Effect::LONGEST_DELAY.as_millis().try_into().unwrap();
    lab.store.fault(Fault::next(Effect::Delay { milliseconds: longest }).for_subject("late"));
    thread::scope(|scope| {
        let late = scope.spawn(|| lab.post(&email_about("late")).try_go());
        wait_for_fault(&lab);
        assert_eq!(lab.send(&email()).status, 202);
        assert_eq!(lab.subjects(), ["Hello"]);
        lab.stop();
        assert!(late.join().unwrap().is_err());
    });
}

#[test]
fn a_delayed_send_is_then_handled_as_usual() {
    let lab = Lab::new();
    lab.store.fault(Fault::next(Effect::Delay { milliseconds: 1 }));
    assert_eq!(lab.send(&email()).status, 202);
    assert_eq!(outcome(&lab.store.attempts()[0]), (Some(202), None, Some("delay")));
    assert_eq!(lab.store.messages().len(), 1);
}

#[test]
fn status_reads_have_faults_of_their_own() {
    let lab = Lab::new();
    lab.store.fault(Fault::next(Effect::status(404)).on_status());
    let id = lab.sent(&email());
    lab.status(&id).refused(404, "NotFound", "a fault of the emulator");
    assert_eq!(lab.status(&id).status, 200);
    lab.store.fault(Fault::next(Effect::Reset).on_status().for_recipient("user@example.com"));
    let other = lab.sent(&email_to("other@example.com"));
    assert_eq!(lab.status(&other).status, 200);
    is_reset(lab.call("GET", &format!("/emails/operations/{id}?api-version=2025-09-01")).try_go());
}

#[test]
fn faults_are_set_listed_and_cleared_by_json() {
    let lab = Lab::new();
    for effect in [
        json!({"kind": "status", "status": 429, "retryAfter": 7, "code": "Busy"}),
        json!({"kind": "delay", "milliseconds": 5}),
        json!({"kind": "hang"}),
        json!({"kind": "reset"}),
        json!({"kind": "acceptThenReset"}),
        json!({"kind": "garbage"}),
        json!({"kind": "failOperation", "code": "EmailDropped"}),
    ] {
        let fault = json!({"call": "send", "count": 2, "recipient": "a@b.c", "subject": "x", "effect": effect});
        assert_eq!(lab.own_post("/api/faults", &fault).status, 204);
        assert_eq!(lab.own("GET", "/api/faults").json(), json!({"faults": [fault]}));
        assert_eq!(lab.own("DELETE", "/api/faults").status, 204);
        assert!(lab.store.faults().is_empty());
    }
    let short = json!({"effect": {"kind": "status", "status": 503}});
    assert_eq!(lab.own_post("/api/faults", &short).status, 204);
    assert_eq!(lab.store.faults(), [Fault::next(Effect::status(503))]);
    assert_eq!(lab.send(&email()).status, 503);
}

#[test]
fn a_fault_that_makes_no_sense_is_refused() {
    let lab = Lab::new();
    for (fault, part) in [
        (json!({}), "effect"),
        (json!({"effect": {"kind": "fire"}}), "fire"),
        (json!({"effect": {"kind": "reset"}, "recipients": []}), "recipients"),
        (json!({"effect": {"kind": "reset"}, "count": 0}), "`count`"),
        (json!({"effect": {"kind": "status", "status": 200}}), "`effect.status`"),
        (json!({"effect": {"kind": "status", "status": 600}}), "`effect.status`"),
        (json!({"effect": {"kind": "delay", "milliseconds": 600_001}}), "`effect.milliseconds`"),
    ] {
        lab.own_post("/api/faults", &fault).refused(400, "BadRequest", part);
    }
    assert!(lab.store.faults().is_empty());
    let fault = json!({"effect": {"kind": "reset"}});
    let plain = lab.call("POST", "/api/faults").body(fault.to_string()).header("content-type", "text/plain");
    plain.unsigned().refused(415, "UnsupportedMediaType", "application/json");
    assert!(lab.store.faults().is_empty());
}

#[test]
fn a_thousand_faults_may_wait() {
    let lab = Lab::new();
    for _ in 0..1_000 {
        assert!(lab.store.fault(Fault::next(Effect::Reset)));
    }
    assert!(!lab.store.fault(Fault::next(Effect::Reset)));
    let fault = json!({"effect": {"kind": "reset"}});
    lab.own_post("/api/faults", &fault).refused(400, "BadRequest", "too many faults");
    assert_eq!(lab.store.faults().len(), 1_000);
}

/// Which of twenty sends are refused.
fn struck(lab: &Lab) -> Vec<bool> {
    (0..20).map(|_| lab.send(&email()).status == 503).collect()
}

#[test]
fn a_share_of_the_sends_is_struck_the_same_way_for_the_same_seed() {
    let lab = Lab::new();
    let of_seed = |seed: u64| {
        lab.store.clear_faults();
        assert!(lab.store.fault(Fault::share(30, seed, Effect::status(503))));
        struck(&lab)
    };
    let seven = of_seed(7);
    let count = seven.iter().filter(|struck| **struck).count();
    assert!((1..20).contains(&count), "{count}");
    assert_eq!(of_seed(7), seven);
    assert_ne!(of_seed(8), seven);
    assert_eq!(of_seed(7), seven);
}

#[test]
fn a_share_by_the_api_goes_on_until_it_is_taken_away() {
    let lab = Lab::new();
    let fault = json!({"call": "send", "percent": 100, "seed": 3, "effect": {"kind": "status", "status": 503}});
    assert_eq!(lab.own_post("/api/faults", &fault).status, 204);
    assert_eq!(struck(&lab), [true; 20]);
    assert_eq!(lab.own("GET", "/api/faults").json(), json!({"faults": [fault]}));
    lab.own("DELETE", "/api/faults");
    assert_eq!(struck(&lab), [false; 20]);
    let limited = json!({"percent": 100, "count": 3, "effect": {"kind": "status", "status": 503}});
    assert_eq!(lab.own_post("/api/faults", &limited).status, 204);
    assert_eq!(struck(&lab).iter().filter(|struck| **struck).count(), 3);
    for percent in [0, 101] {
        let bad = json!({"percent": percent, "effect": {"kind": "reset"}});
        lab.own_post("/api/faults", &bad).refused(400, "BadRequest", "`percent`");
    }
}

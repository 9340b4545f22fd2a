//! Sending the same mail twice.

use std::thread;

use postern_emulator::{RepeatAnswer, Uuid};

use crate::lab::{ID, Lab, email, email_about};

fn again(lab: &Lab, id: &str) -> crate::lab::Answer {
    lab.post(&email()).header("operation-id", id).go()
}

#[test]
fn a_given_operation_id_is_adopted() {
    let lab = Lab::new();
    assert_eq!(again(&lab, ID).json()["id"], ID);
    assert!(lab.store.message(Uuid::parse_str(ID).unwrap()).is_some());
    assert_eq!(lab.status(ID).status, 200);
    assert_eq!(lab.status(&ID.to_uppercase()).json()["id"], ID);
}

#[test]
fn without_one_every_send_is_new() {
    let lab = Lab::new();
    assert_ne!(lab.sent(&email()), lab.sent(&email()));
    assert_eq!(lab.store.messages().len(), 2);
}

#[test]
fn an_operation_id_is_a_uuid_in_its_usual_form() {
    let lab = Lab::new();
    for bad in ["", "1", "8540c0de899f5cceacb53ec493af3800", &format!("{{{ID}}}"), &format!("urn:uuid:{ID}")] {
        again(&lab, bad).refused(400, "BadRequest", "The Operation-Id header");
    }
    let twice = lab.post(&email()).header("operation-id", ID).header("operation-id", ID);
    twice.go().refused(400, "BadRequest", "The Operation-Id header");
    assert!(lab.store.messages().is_empty());
}

#[test]
fn an_identical_repeat_is_answered_as_before_and_stored_once() {
    let lab = Lab::new();
    let (first, second) = (again(&lab, ID), again(&lab, &ID.to_uppercase()));
    assert_eq!((first.status, second.status), (202, 202));
    assert_eq!(first.text, second.text);
    assert_eq!(first.header("operation-location"), second.header("operation-location"));
    assert_eq!(first.header("retry-after"), second.header("retry-after"));
    assert_eq!(lab.store.messages().len(), 1);
    assert_eq!(lab.store.attempts_of(Uuid::parse_str(ID).unwrap()), 2);
}

#[test]
fn a_repeat_with_another_body_is_refused() {
    for repeat_answer in [RepeatAnswer::Accepted, RepeatAnswer::BadRequest, RepeatAnswer::Conflict] {
        let lab = Lab::with(|config| config.repeat_answer = repeat_answer);
        assert_eq!(again(&lab, ID).status, 202);
        let other = lab.post(&email_about("Other")).header("operation-id", ID).go();
        other.refused(400, "BadRequest", "already used for a different request");
        let spaced = email().to_string() + " ";
        let same_but_for_a_space = lab.post(&email()).body(spaced).header("operation-id", ID).go();
        same_but_for_a_space.refused(400, "BadRequest", "already used for a different request");
        assert_eq!(lab.subjects(), ["Hello"]);
    }
}

#[test]
fn the_answer_to_a_repeat_can_be_chosen() {
    for (repeat_answer, status, code) in
        [(RepeatAnswer::BadRequest, 400, "BadRequest"), (RepeatAnswer::Conflict, 409, "Conflict")]
    {
        let lab = Lab::with(|config| config.repeat_answer = repeat_answer);
        assert_eq!(again(&lab, ID).status, 202);
        again(&lab, ID).refused(status, code, "already used for this request");
        assert_eq!(lab.store.messages().len(), 1);
    }
}

#[test]
fn repeats_at_the_same_time_are_stored_once() {
    let lab = Lab::new();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(again(&lab, ID).status, 202));
        }
    });
    assert_eq!(lab.store.messages().len(), 1);
    assert_eq!(lab.store.attempts_of(Uuid::parse_str(ID).unwrap()), 8);
}

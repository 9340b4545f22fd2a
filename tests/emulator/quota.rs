//! How many calls are allowed.

use postern_emulator::Quota;

use crate::lab::{ID, Lab, email};

fn lab(quota: Quota) -> Lab {
    Lab::with(|config| config.quota = quota)
}

fn send(lab: &Lab) -> (u16, Option<u64>) {
    let answer = lab.send(&email());
    (answer.status, answer.header("retry-after").map(|seconds| seconds.parse().unwrap()))
}

fn read(lab: &Lab) -> (u16, Option<u64>) {
    let answer = lab.status(ID);
    (answer.status, answer.header("retry-after").map(|seconds| seconds.parse().unwrap()))
}

#[test]
fn a_minute_has_its_limit() {
    for (quota, limit) in [(Quota::Custom, 30), (Quota::Managed, 5)] {
        let lab = lab(quota);
        for _ in 0..limit {
            assert_eq!(send(&lab), (202, Some(1)));
        }
        lab.pass(10);
        let refused = lab.send(&email());
        refused.refused(429, "TooManyRequests", "try again in 50 seconds");
        assert_eq!(lab.store.messages().len(), limit);
    }
}

#[test]
fn no_quota_has_no_limit() {
    let lab = lab(Quota::None);
    for _ in 0..101 {
        assert_eq!(send(&lab).0, 202);
    }
}

#[test]
fn who_waits_as_told_is_let_in_and_who_does_not_waits_longer() {
    let lab = lab(Quota::Managed);
    for _ in 0..5 {
        assert_eq!(send(&lab).0, 202);
        lab.pass(1);
    }
    // Sends at 0, 1, 2, 3 and 4 s; now it is 5 s, and this one counts too, so the one at 1 s must expire.
    assert_eq!(send(&lab), (429, Some(56)));
    lab.pass(55);
    assert_eq!(send(&lab), (429, Some(2)));
    lab.pass(2);
    assert_eq!(send(&lab).0, 202);
}

#[test]
fn an_hour_has_its_limit() {
    for (quota, limit) in [(Quota::Custom, 100), (Quota::Managed, 10)] {
        let lab = lab(quota);
        for _ in 0..limit {
            assert_eq!(send(&lab).0, 202);
            lab.pass(20);
        }
        // The first went `limit * 20` seconds ago; with the refused one counted, the second must expire as well.
        assert_eq!(send(&lab), (429, Some(3600 - limit * 20 + 20)));
        lab.pass(3600 - limit * 20 + 20);
        assert_eq!(send(&lab).0, 202);
    }
}

#[test]
fn status_reads_have_limits_of_their_own() {
    for (quota, limit) in [(Quota::Custom, 60), (Quota::Managed, 10)] {
        let lab = lab(quota);
        for _ in 0..limit {
            assert_eq!(read(&lab), (404, None));
        }
        assert_eq!(read(&lab), (429, Some(60)));
        assert_eq!(send(&lab).0, 202);
    }
}

#[test]
fn a_call_that_proves_nothing_uses_nothing_up() {
    let lab = lab(Quota::Managed);
    for _ in 0..6 {
        assert_eq!(lab.post(&email()).key("AAAA").go().status, 401);
    }
    assert_eq!(send(&lab).0, 202);
}

#[test]
fn an_invalid_send_counts() {
    let lab = lab(Quota::Managed);
    for _ in 0..5 {
        assert_eq!(lab.send(&serde_json::json!({})).status, 400);
    }
    assert_eq!(send(&lab), (429, Some(60)));
}

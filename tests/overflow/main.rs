//! Nothing gets lost or sent twice between the gate, Azure's queue (the real Azurite) and ACS (the emulator), with gate
//! and replay as processes that are killed at each of their calls. Without npm, the tests say so and pass.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test may fail loudly"
)]
#![cfg(unix)]

mod azurite;
mod gate;
mod passage;
#[allow(dead_code, reason = "shared with the tool's tests")]
#[path = "../cli/running.rs"]
mod running;
#[allow(dead_code, reason = "shared with the tool's tests")]
#[path = "../cli/tool.rs"]
mod tool;

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use axum::routing::post;
use axum::{Json, Router};
use postern::overflow::{Letter, LetterError};
use postern_emulator::{Config, Effect, Emulator, Fault, Store};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use azurite::{ACCOUNT, Azurite, signature, signature_for};
use gate::{Gate, KEY, Sealed, event, with};
use passage::{Passage, Step};
use running::Running;
use tool::postern;

/// The name of queue and container.
const NAME: &str = "mail";

/// Too large for a message of the queue.
const LARGE: usize = 60_000;

/// Azurite, the emulator, the passage in front of them, and a gate's component; for one test at a time.
struct Stand {
    azurite: Azurite,
    store: Store,
    passage: Passage,
    sealed: Sealed,
    runtime: Runtime,
}

static STAND: LazyLock<Result<Mutex<Stand>, String>> = LazyLock::new(|| {
    let azurite = Azurite::start()?;
    let runtime = Runtime::new().unwrap();
    let emulator = runtime.block_on(Emulator::bind(([127, 0, 0, 1], 0).into(), Config::default())).unwrap();
    let passage = Passage::open(runtime.handle(), emulator.in_process(), &azurite.queues, &azurite.blobs);
    let (queue, container) =
        (format!("{}/{ACCOUNT}/{NAME}", passage.queues), format!("{}/{ACCOUNT}/{NAME}", passage.blobs));
    let sealed = Sealed::new(&queue, &container, 10);
    Ok(Mutex::new(Stand { azurite, store: emulator.store(), passage, sealed, runtime }))
});

/// The stand with everything empty; if Azurite is not available, prints why and returns `None`.
fn stand() -> Option<MutexGuard<'static, Stand>> {
    let stand = match &*STAND {
        Ok(stand) => stand.lock().unwrap_or_else(PoisonError::into_inner),
        Err(reason) => {
            println!("skipped: {reason}");
            return None;
        }
    };
    stand.azurite.fresh(NAME);
    stand.store.clear().unwrap();
    stand.store.clear_faults();
    stand.passage.watch(None);
    stand.passage.demand(None);
    Some(stand)
}

impl Stand {
    fn gate(&self) -> Gate {
        self.sealed.serve(&[("ACS_ENDPOINT", &self.passage.acs), ("OVERFLOW_SAS", &signature("awc"))])
    }

    /// ACS says at once that its quota is used up for longer than any request lasts.
    fn fill_quota(&self) {
        let effect = Effect::Status { status: 429, retry_after: Some(100), code: None };
        self.store.fault(Fault::next(effect).times(1_000_000));
    }

    /// Puts mails into the queue through a gate, by text and recipient; returns their operations in order.
    fn queue(&self, mails: &[(&str, usize)]) -> Vec<String> {
        self.fill_quota();
        let gate = self.gate();
        let operations = mails.iter().enumerate().map(|(index, (to, size))| {
            let told = gate.caller.post(&event(&format!("mail {index}"), to, &"x".repeat(*size))).unwrap();
            assert_eq!((told.status, told.mail.as_str()), (202, "queued"));
            told.operation
        });
        let operations = operations.collect();
        self.store.clear_faults();
        operations
    }

    fn start_replay(&self, settings: &[(&str, &str)], arguments: &[&str]) -> Running {
        let mut command = postern(self.sealed.policy());
        command.args(["replay", "--json", "--lease", "2"]).args(arguments);
        Running::start(with(&mut command, settings).env("ACS_ENDPOINT", &self.passage.acs))
    }

    fn replay(&self, arguments: &[&str]) -> Report {
        let sas = signature("rwdacup");
        Report::of(self.start_replay(&[("OVERFLOW_SAS", &sas)], arguments))
    }

    /// The letters of these mails, which are taken out of the queue.
    fn taken(&self, mails: &[(&str, usize)]) -> Vec<Letter> {
        self.queue(mails);
        let letters = self.azurite.letters(NAME).into_iter().map(Result::unwrap).collect();
        assert_eq!(self.azurite.clear(NAME), 204);
        letters
    }

    /// Puts letters into the queue, like anyone who can write to it.
    fn put(&self, letters: impl IntoIterator<Item = Letter>) {
        letters.into_iter().for_each(|letter| self.azurite.put(NAME, &letter.encode().unwrap()));
    }

    /// How often the emulator has each operation.
    fn sent(&self) -> BTreeMap<String, usize> {
        let mut sent = BTreeMap::new();
        for message in self.store.messages() {
            *sent.entry(message.id.to_string()).or_default() += 1;
        }
        sent
    }

    /// The emulator has each of these once, and nothing else.
    fn assert_sent(&self, operations: &[String]) {
        let expected: BTreeMap<_, _> = operations.iter().map(|operation| (operation.clone(), 1)).collect();
        assert_eq!(self.sent(), expected);
    }

    /// The operations in a queue, each once, with the reason in its letter.
    fn letters(&self, name: &str) -> BTreeMap<String, Option<String>> {
        let letters = self.azurite.letters(name).into_iter().map(Result::unwrap);
        letters.map(|letter| (letter.head.operation.to_string(), letter.head.set_aside)).collect()
    }
}

/// The report of a replay.
struct Report {
    status: Option<i32>,
    mails: Vec<Value>,
    end: Value,
    complaints: Vec<String>,
}

impl Report {
    fn of(running: Running) -> Self {
        let (status, stdout, complaints) = running.wait();
        let mut mails: Vec<Value> = stdout.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        let end = mails.pop().unwrap_or_default();
        Self { status, mails, end, complaints }
    }

    /// The reasons for mails in the poison queue, sorted.
    fn reasons(&self) -> Vec<&str> {
        let mut reasons: Vec<_> = self.mails.iter().filter_map(|line| line["reason"].as_str()).collect();
        reasons.sort_unstable();
        reasons
    }

    /// Status, how many mails were sent and moved to the poison queue, and how it ended.
    fn told(&self) -> (Option<i32>, u64, u64, &str) {
        let count = |name: &str| self.end[name].as_u64().unwrap();
        (self.status, count("sent"), count("set_aside"), self.end["end"].as_str().unwrap())
    }
}

#[test]
fn what_was_queued_is_sent_once_small_or_large() {
    let Some(stand) = stand() else { return };
    let operations = stand.queue(&[("ada", 10), ("bob", LARGE), ("eve", 190_000)]);
    assert!(stand.sent().is_empty());
    let blobs = stand.azurite.blobs(NAME);
    assert_eq!(blobs.len(), 2);
    assert!(operations[1..].iter().all(|operation| blobs.iter().any(|blob| blob.starts_with(operation.as_str()))));

    let report = stand.replay(&[]);
    assert_eq!(report.told(), (Some(0), 3, 0, "empty"), "{:?}", report.complaints);
    stand.assert_sent(&operations);
    let texts: Vec<_> = stand
        .store
        .messages()
        .iter()
        .rev()
        .map(|message| message.email.content.plain_text.clone().unwrap().len())
        .collect();
    assert_eq!(texts.iter().max(), Some(&190_000));
    assert!(stand.azurite.blobs(NAME).is_empty(), "nothing stays behind");
    let line = &report.mails[0];
    assert_eq!(
        (&line["event.name"], &line["fate"], &line["outcome"]),
        (&json!("postern.replay"), &json!("sent"), &json!("accepted"))
    );
    assert_eq!((&line["route"], &line["mail"], &line["dequeue_count"]), (&json!("jobs"), &json!("job"), &json!(1)));

    assert_eq!(stand.replay(&[]).told(), (Some(0), 0, 0, "empty"), "a second one finds nothing");
    stand.assert_sent(&operations);
}

/// Every step up to this many calls.
fn steps(calls: usize) -> impl Iterator<Item = Step> {
    (0..calls).flat_map(|call| [false, true].map(|carried_out| Step { call, carried_out }))
}

#[test]
fn a_gate_that_is_killed_at_any_call_loses_and_doubles_nothing() {
    let Some(stand) = stand() else { return };
    let mut accepted = Vec::new();
    // ACS, then the blob, then the queue; and ACS only.
    for (quota_is_full, calls) in [(true, 3), (false, 1)] {
        stand.store.clear_faults();
        if quota_is_full {
            stand.fill_quota();
        }
        for step in steps(calls) {
            let id = format!("{quota_is_full} {} {}", step.call, step.carried_out);
            let event = event(&id, "ada", &"x".repeat(LARGE));
            let gate = stand.gate();
            stand.passage.watch(Some((gate.running.id(), step)));
            assert_eq!(gate.caller.post(&event), None, "killed at {step:?}");
            stand.passage.watch(None);
            // The caller got no answer and retries, with another gate.
            let told = stand.gate().caller.post(&event).unwrap();
            assert_eq!(told.status, if quota_is_full { 202 } else { 200 }, "{step:?}");
            accepted.push(told);
        }
    }
    stand.store.clear_faults();
    let queued = stand.letters(NAME);
    let sent = stand.sent();
    assert!(sent.values().all(|count| *count == 1));
    let known: Vec<_> = accepted.iter().map(|told| told.operation.clone()).collect();
    assert!(known.iter().all(|operation| queued.contains_key(operation) != sent.contains_key(operation)));
    assert_eq!(sent.len() + queued.len(), accepted.len(), "sent + queued = accepted");
}

#[test]
fn a_replay_that_is_killed_at_any_call_loses_and_doubles_nothing() {
    let Some(stand) = stand() else { return };
    let mails: Vec<_> = (0..30)
        .map(|number| match number % 3 {
            0 => ("refused", 10),
            1 => ("ada", LARGE),
            _ => ("bob", 10),
        })
        .collect();
    let operations = stand.queue(&mails);
    stand.store.fault(Fault::next(Effect::status(400)).times(1_000_000).for_recipient("refused@contoso.example"));
    let sas = signature("rwdacup");
    let mut kills = 0;
    for step in steps(14) {
        let running = stand.start_replay(&[("OVERFLOW_SAS", &sas)], &["--tries", "1000"]);
        stand.passage.watch(Some((running.id(), step)));
        let (status, _, complaints) = running.wait();
        assert!(matches!(status, None | Some(1)), "{step:?} {status:?} {complaints:?}");
        kills += usize::from(status.is_none());
    }
    assert!(kills > 20, "most were killed on their way: {kills}");
    stand.passage.watch(None);
    // If ACS refused a try and the result got lost, the mail stays in doubt for as long as ACS refuses it.
    stand.store.clear_faults();
    let report = stand.replay(&["--tries", "1000"]);
    assert_eq!(report.end["end"], "empty", "{} {:?}", report.end, report.complaints);
    let sent = stand.sent();
    assert!(sent.values().all(|count| *count == 1), "none is doubled: {sent:?}");
    let aside = stand.letters(&format!("{NAME}-poison"));
    for (operation, (to, _)) in operations.iter().zip(&mails) {
        let lost = !sent.contains_key(operation) && (*to != "refused" || !aside.contains_key(operation));
        assert!(!lost, "{operation} to {to}");
    }
    assert!(sent.keys().chain(aside.keys()).all(|operation| operations.contains(operation)));
    assert!(aside.values().all(|reason| reason.as_deref().is_some_and(|reason| reason.starts_with("rejected"))));
    assert_eq!(stand.letters(NAME).len(), 0);
}

#[test]
fn two_replays_at_once_send_each_mail_once() {
    let Some(stand) = stand() else { return };
    let operations = stand.queue(&[("ada", 10); 24]);
    let sas = signature("rwdacup");
    let start = || stand.start_replay(&[("OVERFLOW_SAS", &sas)], &[]);
    let (first, second) = (start(), start());
    let (first, second) = (Report::of(first), Report::of(second));
    stand.assert_sent(&operations);
    let sent = |report: &Report| report.end["sent"].as_u64().unwrap();
    assert_eq!(sent(&first) + sent(&second), 24);
    assert_eq!((first.status, second.status), (Some(0), Some(0)));
    assert_eq!(stand.store.attempts().iter().filter(|attempt| attempt.status == Some(202)).count(), 24);
}

#[test]
fn what_will_never_do_is_put_aside_and_taken_back_when_asked() {
    let Some(stand) = stand() else { return };
    let operations = stand.queue(&[("ada", 10), ("refused", LARGE), ("bob", 10)]);
    stand.azurite.put(NAME, "Bogus &lt;b&gt;");
    let fault =
        Fault::next(Effect::Status { status: 400, retry_after: None, code: Some("InvalidSenderUserName".into()) });
    stand.store.fault(fault.times(1000).for_recipient("refused@contoso.example"));
    let report = stand.replay(&[]);
    assert_eq!(report.told(), (Some(1), 2, 2, "empty"), "{:?}", report.complaints);
    stand.assert_sent(&[operations[0].clone(), operations[2].clone()]);
    assert_eq!(report.reasons(), ["not a mail queued by Postern", "unknown-sender (InvalidSenderUserName)"]);

    // The operator fixes it.
    stand.store.clear_faults();
    let report = stand.replay(&["--again"]);
    assert_eq!(report.told(), (Some(0), 1, 0, "empty"), "{:?}", report.complaints);
    stand.assert_sent(&operations);
    assert!(stand.azurite.blobs(NAME).is_empty());
    std::thread::sleep(std::time::Duration::from_secs(3));
    let left = stand.azurite.letters(&format!("{NAME}-poison"));
    assert_eq!(left, [Err(LetterError::Foreign)], "what is no mail stays");
}

#[test]
fn acs_in_trouble_is_left_alone_and_a_mail_has_so_many_tries() {
    let Some(stand) = stand() else { return };
    let operations = stand.queue(&[("ada", 10)]);
    stand.store.fault(Fault::next(Effect::status(401)).times(1000));
    let report = stand.replay(&[]);
    assert_eq!((report.status, &report.end["end"], &report.end["left"]), (Some(1), &json!("stopped"), &json!(1)));
    assert!(report.end["reason"].as_str().unwrap().contains("unauthorized: check the key"), "{}", report.end);
    stand.store.clear_faults();

    // Replay waits as long as ACS asks, until it is interrupted.
    stand.store.fault(Fault::next(Effect::Status { status: 429, retry_after: Some(61), code: None }));
    let before = stand.store.attempts().len();
    let sas = signature("rwdacup");
    let running = stand.start_replay(&[("OVERFLOW_SAS", &sas)], &[]);
    while stand.store.attempts().len() == before {
        std::thread::yield_now();
    }
    let (status, stdout, _) = running.end("-INT");
    let end: Value = serde_json::from_str(stdout.last().unwrap()).unwrap();
    assert_eq!((status, &end["end"], &end["sent"]), (Some(1), &json!("interrupted"), &json!(0)));

    let report = stand.replay(&[]);
    assert_eq!(report.told(), (Some(0), 1, 0, "empty"), "{:?}", report.complaints);
    stand.assert_sent(&operations);

    // Three failed mails in a row are enough.
    let operations = stand.queue(&[("ada", 10); 4]);
    stand.store.fault(Fault::next(Effect::status(503)).times(1000));
    stand.store.fault(Fault::next(Effect::status(503)).times(1000).on_status());
    let report = stand.replay(&["--tries", "100"]);
    assert_eq!((report.told(), &report.end["left"]), ((Some(1), 0, 0, "stopped"), &json!(3)));
    let reason = report.end["reason"].as_str().unwrap();
    assert!(reason.contains(": unavailable: ACS has problems: run the same command again later."), "{reason}");
    assert_eq!(report.mails.len(), 3);
    assert_eq!(stand.letters(NAME).len(), operations.len());
    stand.azurite.fresh(NAME);
    stand.store.clear_faults();

    // A single mail that never gets through moves to the poison queue in the end.
    stand.store.clear().unwrap();
    let operations = stand.queue(&[("ada", 10)]);
    stand.store.fault(Fault::next(Effect::status(503)).times(1000));
    stand.store.fault(Fault::next(Effect::status(503)).times(1000).on_status());
    let report = stand.replay(&["--tries", "1"]);
    assert_eq!(report.told(), (Some(1), 0, 1, "empty"), "{:?}", report.complaints);
    assert_eq!(report.mails[0]["reason"], "unavailable (ServiceUnavailable) at try 1");
    let aside = stand.letters(&format!("{NAME}-poison"));
    assert_eq!(aside.keys().collect::<Vec<_>>(), operations.iter().collect::<Vec<_>>());
}

#[test]
fn a_replay_that_ended_without_a_word_is_one_of_the_tries() {
    let Some(stand) = stand() else { return };
    let operations = stand.queue(&[("ada", 10)]);
    let sas = signature("rwdacup");
    let killed_at = |call, carried_out| {
        let running = stand.start_replay(&[("OVERFLOW_SAS", &sas)], &[]);
        stand.passage.watch(Some((running.id(), Step { call, carried_out })));
        assert_eq!(running.wait().0, None);
        stand.passage.watch(None);
    };
    // ACS, the third call, has the mail, but the message still exists: replay asks ACS, and does not send the mail
    // again.
    let before = stand.store.attempts().len();
    killed_at(2, true);
    assert_eq!(stand.replay(&[]).told(), (Some(0), 1, 0, "empty"));
    stand.assert_sent(&operations);
    assert_eq!(stand.store.attempts().len(), before + 1);

    stand.store.clear().unwrap();
    let operations = stand.queue(&[("bob", 10)]);
    killed_at(2, false);
    let report = stand.replay(&["--tries", "1"]);
    assert_eq!(report.told(), (Some(1), 0, 1, "empty"), "{:?}", report.complaints);
    assert_eq!(report.mails[0]["reason"], "tried 1 time without a result");
    stand.assert_sent(&[]);
    let aside = stand.letters(&format!("{NAME}-poison"));
    assert_eq!(aside.keys().collect::<Vec<_>>(), operations.iter().collect::<Vec<_>>());

    // The number of tries is checked before anything else.
    stand.queue(&[("bob", LARGE)]);
    killed_at(2, false);
    stand.azurite.empty(NAME);
    let report = stand.replay(&["--tries", "1"]);
    assert_eq!(report.mails[0]["reason"], "tried 1 time without a result");
}

/// What a replay reports about a letter that the gate did not write.
const FORGED: &str = "it is not signed with overflow_key or overflow_previous_key";

#[test]
fn who_can_write_to_the_queue_sends_nothing() {
    let Some(stand) = stand() else { return };
    let genuine = stand.taken(&[("ada", 10), ("bob", LARGE)]);
    let blob = stand.azurite.blobs(NAME).remove(0);
    let forged = |change: &dyn Fn(&mut Letter)| {
        let mut letter = genuine[0].clone();
        change(&mut letter);
        letter
    };
    let to_anybody = br#"{"senderAddress":"alerts@contoso.example","content":{"subject":"Pay","plainText":"now"},
                         "recipients":{"to":[{"address":"ada@contoso.example"}]}}"#;
    let letters = [
        forged(&|letter| letter.body = to_anybody.as_slice().into()),
        forged(&|letter| letter.head.mac.clear()),
        forged(&|letter| letter.head.operation = uuid::Uuid::from_u128(7)),
        // Another mail's body is as invalid for this one as a forged body.
        forged(&|letter| letter.head.blob = Some(blob.replace(&blob[..36], &letter.head.operation.to_string()))),
    ];
    stand.azurite.put_blob(NAME, letters[3].head.blob.as_deref().unwrap(), to_anybody);
    stand.put(letters);
    let report = stand.replay(&[]);
    assert_eq!(report.told(), (Some(1), 0, 4, "empty"), "{:?}", report.complaints);
    assert_eq!(report.reasons(), [FORGED; 4]);
    // Being moved to the poison queue makes none of them valid.
    let report = stand.replay(&["--again"]);
    assert_eq!((report.told(), report.reasons()), ((Some(1), 0, 4, "empty"), vec![FORGED; 4]));
    assert!(stand.store.attempts().iter().all(|attempt| attempt.status != Some(202)));
    assert_eq!(stand.azurite.blobs(NAME).len(), 2, "nobody has a blob deleted either");

    let operations: Vec<_> = genuine.iter().map(|letter| letter.head.operation.to_string()).collect();
    stand.put(genuine.clone());
    assert_eq!(stand.replay(&[]).told(), (Some(0), 2, 0, "empty"));
    stand.assert_sent(&operations);
}

#[test]
fn a_letter_that_cannot_be_read_stops_no_other() {
    let Some(stand) = stand() else { return };
    let genuine = stand.taken(&[("ada", 10)]).remove(0);
    let operation = genuine.head.operation;
    let name = |digit: &str| format!("{operation}-{}", digit.repeat(32));
    let with_blob = |blob: &str| {
        let mut letter = genuine.clone();
        letter.head.blob = Some(blob.to_owned());
        letter
    };
    stand.azurite.put_blob(NAME, &name("1"), &vec![b'x'; 10_000_001]);
    stand.put(["..", "a/b?c", ""].map(with_blob));
    stand.put([name("0"), name("1")].map(|blob| with_blob(&blob)));
    stand.azurite.put(NAME, &"&lt;".repeat(60_000));
    stand.put([genuine]);
    let report = stand.replay(&[]);
    assert_eq!(report.told(), (Some(1), 1, 6, "empty"), "{:?}", report.complaints);
    let not_its_own = "its blob's name is not one that the gate chooses";
    let reasons = [
        "its blob cannot be read (garbled)",
        "its blob no longer exists",
        not_its_own,
        not_its_own,
        not_its_own,
        "not a mail queued by Postern",
    ];
    assert_eq!(report.reasons(), reasons);
    stand.assert_sent(&[operation.to_string()]);

    // A failure of the storage as a whole is not the letter's fault.
    let operations = stand.queue(&[("bob", LARGE)]);
    let queues_alone = signature_for("q", "rwdacup");
    let report = Report::of(stand.start_replay(&[("OVERFLOW_SAS", &queues_alone)], &[]));
    assert_eq!((report.status, &report.end["end"], &report.end["set_aside"]), (Some(1), &json!("stopped"), &json!(0)));
    assert!(report.complaints.join(" ").contains("Azure Storage rejected the request (403"), "{:?}", report.complaints);
    assert_eq!(stand.replay(&[]).told(), (Some(0), 1, 0, "empty"));
    stand.assert_sent(&[&[operation.to_string()], &operations[..]].concat());
}

#[test]
fn a_key_is_replaced_while_letters_wait() {
    let Some(stand) = stand() else { return };
    let operations = stand.queue(&[("ada", 10), ("bob", LARGE)]);
    let sas = signature("rwdacup");
    let new = [("OVERFLOW_SAS", sas.as_str()), ("OVERFLOW_KEY", "another-key-of-the-overflow-queue")];
    let report = Report::of(stand.start_replay(&new, &[]));
    assert_eq!((report.told(), report.reasons()), ((Some(1), 0, 2, "empty"), vec![FORGED; 2]));
    let both = [&new[..], &[("OVERFLOW_PREVIOUS_KEY", KEY)]].concat();
    assert_eq!(Report::of(stand.start_replay(&both, &["--again"])).told(), (Some(0), 2, 0, "empty"));
    stand.assert_sent(&operations);

    let none = [("OVERFLOW_SAS", sas.as_str()), ("OVERFLOW_KEY", "")];
    let report = Report::of(stand.start_replay(&none, &[]));
    let expected = "error: Missing or invalid settings (environment variables, upper case): overflow_key is not set.";
    assert_eq!((report.status, report.complaints), (Some(1), vec![expected.to_owned()]));
}

#[test]
fn only_what_the_policy_would_write_today_is_sent() {
    let Some(stand) = stand() else { return };
    let operations = stand.queue(&[("ada", 10)]);
    for (old, new, reason) in [
        ("routes.jobs", "routes.works", "its route is not in the policy"),
        ("template = \"job\"", "template = \"job\"\nname = \"work\"", "its mail is not in the policy"),
        ("address = \"alerts@", "address = \"others@", "its sender is not in the policy"),
        ("allow = [\"contoso.example\"]", "allow = [\"fabrikam.example\"]", "the policy does not allow its recipients"),
    ] {
        stand.sealed.edit(old, new);
        let report = stand.replay(&["--again"]);
        stand.sealed.edit(new, old);
        assert_eq!(report.told(), (Some(1), 0, 1, "empty"), "{reason}: {:?}", report.complaints);
        assert_eq!(report.mails[0]["reason"], reason);
    }
    assert!(stand.store.attempts().iter().all(|attempt| attempt.status != Some(202)));
    assert_eq!(stand.replay(&["--again"]).told(), (Some(0), 1, 0, "empty"));
    stand.assert_sent(&operations);
}

#[test]
fn staging_s_letters_go_to_staging_alone() {
    let Some(stand) = stand() else { return };
    stand.fill_quota();
    let (sas, staging) = (signature("rwdacup"), "staging@fabrikam.example");
    let settings = [("OVERFLOW_SAS", sas.as_str()), ("REDIRECT_ALL_TO", staging)];
    let gate = stand.sealed.serve(&[&settings[..], &[("ACS_ENDPOINT", stand.passage.acs.as_str())]].concat());
    let told = gate.caller.post(&event("mail", "ada", "x")).unwrap();
    stand.store.clear_faults();
    let report = stand.replay(&[]);
    assert_eq!(report.reasons(), ["the policy does not allow its recipients"]);
    assert_eq!(Report::of(stand.start_replay(&settings, &["--again"])).told(), (Some(0), 1, 0, "empty"));
    stand.assert_sent(&[told.operation]);
}

#[test]
fn an_identity_does_as_well_as_a_signature() {
    let Some(stand) = stand() else { return };
    let operations = stand.queue(&[("ada", 10), ("bob", LARGE)]);
    let (token, sas) = ("a-token-for-storage", signature("rwdacup"));
    let entra = stand.runtime.block_on(entra(token));
    stand.passage.demand(Some((token, &sas)));
    let settings = [
        ("AZURE_AUTHORITY_HOST", entra.as_str()),
        ("AZURE_TENANT_ID", "contoso.example"),
        ("AZURE_CLIENT_ID", "22222222-2222-4222-8222-222222222222"),
        ("AZURE_CLIENT_SECRET", "a-secret"),
    ];
    let report = Report::of(stand.start_replay(&settings, &[]));
    assert_eq!(report.told(), (Some(0), 2, 0, "empty"), "{:?}", report.complaints);
    stand.assert_sent(&operations);
    let wrong = Report::of(stand.start_replay(&[("OVERFLOW_SAS", &sas)], &[]));
    assert_eq!(wrong.status, Some(1));
    assert!(wrong.complaints.join(" ").contains("Azure Storage rejected the request (403)"), "{:?}", wrong.complaints);
}

/// A stand-in for Entra that issues this token for the request that an application should make.
async fn entra(token: &'static str) -> String {
    let answer = move |body: String| async move {
        let form: BTreeMap<_, _> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        assert_eq!(form["scope"], "https://storage.azure.com/.default");
        assert_eq!((form["grant_type"].as_str(), form["client_secret"].as_str()), ("client_credentials", "a-secret"));
        Json(json!({"token_type": "Bearer", "access_token": token, "expires_in": 3599}))
    };
    let router = Router::new().route("/contoso.example/oauth2/v2.0/token", post(answer));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

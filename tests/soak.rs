//! Soak test: events over 32 connections through every fault of the emulator, chosen by seeded random numbers, and a
//! queue with its own faults; then compares the counts of every side. Nothing may be lost, sent twice or invented, and
//! the host's memory must not grow.
//!
//! `POSTERN_SOAK_EVENTS` is the number of events (by default a thousand; the full run has 20,000), `POSTERN_SOAK_SEED`
//! the seed. Memory is the resident set of the process that serves the component, as `ps` reports it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test may fail loudly"
)]
#![cfg(unix)]

#[allow(dead_code, reason = "shared with the tests of the overflow queue")]
#[path = "overflow/gate.rs"]
mod gate;
#[path = "soak/queue.rs"]
mod queue;
#[allow(dead_code, reason = "shared with the tool's tests")]
#[path = "cli/running.rs"]
mod running;
#[allow(dead_code, reason = "shared with the tool's tests")]
#[path = "cli/tool.rs"]
mod tool;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::str::FromStr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use postern_emulator::{Config, Effect, Emulator, Fault, Store};
use serde_json::Value;
use tokio::runtime::Runtime;

use gate::{Caller, Sealed, Told, event, with};
use queue::Queue;
use running::Running;
use tool::postern;

const CONNECTIONS: usize = 32;

/// How often memory is measured.
const SAMPLES: usize = 40;

/// How much more memory the host may use in the second half of the run than at most in the first, in KiB.
const MEMORY_SLACK: u64 = 16 * 1024;

/// If a sender gave up, that would hide a loss.
const PATIENCE: usize = 200;

fn wanted<T: FromStr>(name: &str, usual: T) -> T {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Every fault, for a share of the calls.
fn inject(store: &Store, seed: u64) {
    let wait = |retry_after| Effect::Status { status: 429, retry_after, code: None };
    let effects = [
        (5, Effect::AcceptThenReset),
        (5, Effect::Reset),
        (2, Effect::status(400)),
        (2, Effect::status(401)),
        (2, Effect::status(409)),
        (3, wait(Some(100))),
        (4, wait(None)),
        (4, Effect::status(500)),
        (4, Effect::status(503)),
        (1, Effect::Hang),
        (4, Effect::Garbage),
        (4, Effect::Delay { milliseconds: 200 }),
    ];
    for (number, (percent, effect)) in (0..).zip(effects) {
        assert!(store.fault(Fault::share(percent, seed * 1000 + number, effect.clone())));
        // For a status read, a 404 may be early.
        let effect = if effect == Effect::status(409) { Effect::status(404) } else { effect };
        assert!(store.fault(Fault::share(percent, seed * 1000 + 500 + number, effect).on_status()));
    }
}

/// An event's sender: it retries until the answer says that the mail is accepted, queued, or refused for good.
fn deliver(caller: &Caller, number: usize) -> Told {
    let event = event(&format!("event {number}"), &format!("to-{number}"), "It ran.");
    for _ in 0..PATIENCE {
        match caller.post(&event) {
            Some(told) if told.status < 300 || told.mail == "rejected" => return told,
            _ => {}
        }
    }
    panic!("event {number} is never taken");
}

/// The process's resident memory in KiB.
fn resident(process: u32) -> u64 {
    let output = Command::new("ps").args(["-o", "rss=", "-p", &process.to_string()]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

/// How often each operation occurs among these.
fn counted(operations: impl Iterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    operations.for_each(|operation| *counts.entry(operation).or_default() += 1);
    counts
}

#[test]
fn nothing_is_lost_doubled_or_kept_in_memory() {
    let (events, seed) = (wanted("POSTERN_SOAK_EVENTS", 1000), wanted("POSTERN_SOAK_SEED", 1));
    let runtime = Runtime::new().unwrap();
    let config = Config { max_messages: usize::MAX, max_stored_bytes: usize::MAX, ..Config::default() };
    let emulator = runtime.block_on(Emulator::bind(([127, 0, 0, 1], 0).into(), config)).unwrap();
    let (store, acs) = (emulator.store(), emulator.endpoint());
    runtime.spawn(emulator.serve(std::future::pending()));
    let queue = runtime.block_on(Queue::listen(seed));
    let sealed = Sealed::new(&queue.address, &queue.address, 3);
    let settings = [("ACS_ENDPOINT", acs.as_str()), ("OVERFLOW_SAS", "sig=soak")];
    let gate = sealed.serve(&settings);

    inject(&store, seed);
    let (caller, process) = (&gate.caller, gate.running.id());
    let (next, told) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let memory = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= events {
                        return;
                    }
                    let answer = deliver(caller, number);
                    told.lock().unwrap().push(answer);
                    if number % (events / SAMPLES).max(1) == 0 {
                        memory.lock().unwrap().push(resident(process));
                    }
                }
            });
        }
    });
    store.clear_faults();
    queue.get_well();
    let told = told.into_inner().unwrap();
    let memory = memory.into_inner().unwrap();

    let outcome = |name: &str| -> BTreeSet<_> {
        told.iter().filter(|told| told.mail == name).map(|told| told.operation.clone()).collect()
    };
    let (accepted, queued, rejected) = (outcome("accepted"), outcome("queued"), outcome("rejected"));
    assert_eq!(accepted.len() + queued.len() + rejected.len(), events, "every event has one answer and one operation");
    let sent = || counted(store.messages().iter().map(|message| message.id.to_string()));
    let taken = sent();
    let letters = queue.operations();
    assert!(accepted.iter().all(|operation| taken.contains_key(operation)), "accepted means taken");
    assert!(queued.iter().all(|operation| letters.contains(operation)), "queued means in the queue");
    assert!(rejected.iter().all(|operation| !taken.contains_key(operation)), "nothing taken is called rejected");

    // Two replays share the queue.
    let replay = || {
        let mut command = postern(sealed.policy());
        Running::start(with(command.args(["replay", "--json"]), &settings))
    };
    let (first, second) = (replay(), replay());
    let ends = [first.wait(), second.wait()].map(|(status, stdout, stderr)| {
        assert_eq!(status, Some(0), "{stderr:?}");
        serde_json::from_str::<Value>(stdout.last().unwrap()).unwrap()["sent"].as_u64().unwrap()
    });

    let sent = sent();
    // A letter that the queue stored without confirming it is sent, whatever its sender's answer was later.
    let expected: BTreeSet<_> = accepted.union(&queued).chain(letters.iter()).cloned().collect();
    assert_eq!(sent.keys().cloned().collect::<BTreeSet<_>>(), expected, "none is lost, none is invented");
    assert!(sent.values().all(|count| *count == 1), "none is doubled");
    let (first, second) = memory.split_at(memory.len() / 2);
    let (first, second) = (first.iter().max().unwrap(), second.iter().max().unwrap());
    println!(
        "{events} events, seed {seed}: {} accepted, {} queued, {} rejected; {} letters, {ends:?} sent by two replays; \
         {} mails; memory at most {first} KiB in the first half, {second} KiB in the second",
        accepted.len(),
        queued.len(),
        rejected.len(),
        letters.len(),
        sent.len()
    );
    assert!(*second <= first + MEMORY_SLACK, "memory grows: {memory:?}");
}

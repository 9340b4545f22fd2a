//! Model checking: the gate against the emulator, through every sequence of up to four things that ACS can do.
//!
//! The clock is virtual and the emulator has no socket, so that all of it takes seconds. A sequence that is not used
//! up stands for all that begin like it, which is how every one of the longer ones is covered.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

#[allow(dead_code, reason = "shared with the core's tests")]
#[path = "core/support.rs"]
mod support;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{Method, Request, Response};
use postern::gate::Gate;
use postern::host::{FetchError, Host};
use postern_emulator::{Clock, Config, DEVELOPMENT_KEY, Door, Effect, Emulator, Fault, RepeatAnswer, Store};
use serde_json::Value;

use support::{GITHUB_SECRET, NOW, body, example, gate, github_request, issue};

/// What ACS can do with a call.
const BEHAVIOURS: [&str; 12] =
    ["accept", "accept-then-reset", "reset-before", "400", "401", "404", "409", "429", "500", "503", "hang", "garbage"];

/// How many calls of one request ACS meets with a chosen behaviour; afterwards it is well.
const LONGEST: usize = 4;

fn effect(behaviour: usize) -> Option<Effect> {
    Some(match BEHAVIOURS[behaviour] {
        "accept" => return None,
        "accept-then-reset" => Effect::AcceptThenReset,
        "reset-before" => Effect::Reset,
        "hang" => Effect::Hang,
        "garbage" => Effect::Garbage,
        status => Effect::status(status.parse().unwrap()),
    })
}

/// A host whose ACS is the emulator, following a script.
struct Model {
    door: Door,
    store: Store,
    clock: Arc<AtomicU64>,
    script: RefCell<Vec<usize>>,
    used: Cell<usize>,
    random: Cell<u128>,
    bodies: RefCell<BTreeSet<Bytes>>,
    operations: RefCell<BTreeSet<String>>,
}

impl Model {
    fn new(runtime: &tokio::runtime::Runtime, repeat_answer: RepeatAnswer) -> Self {
        let clock = Arc::new(AtomicU64::new(0));
        let shown = Arc::clone(&clock);
        let config = Config { clock: Clock::new(move || time(&shown)), repeat_answer, ..Config::default() };
        let emulator = runtime.block_on(Emulator::bind(([127, 0, 0, 1], 0).into(), config)).unwrap();
        Self {
            door: emulator.door(),
            store: emulator.store(),
            clock,
            script: RefCell::default(),
            used: Cell::new(0),
            random: Cell::new(0),
            bodies: RefCell::default(),
            operations: RefCell::default(),
        }
    }

    /// Starts over with a script.
    fn play(&self, script: &[usize]) {
        self.store.clear().unwrap();
        self.store.clear_faults();
        self.script.replace(script.to_vec());
        self.used.set(0);
        self.bodies.borrow_mut().clear();
        self.operations.borrow_mut().clear();
    }

    fn pass(&self, time: Duration) {
        self.clock.fetch_add(u64::try_from(time.as_millis()).unwrap(), Ordering::Relaxed);
    }
}

fn time(clock: &AtomicU64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW) + Duration::from_millis(clock.load(Ordering::Relaxed))
}

impl Host for Model {
    fn now(&self) -> SystemTime {
        time(&self.clock)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.clock.load(Ordering::Relaxed))
    }

    async fn sleep(&self, duration: Duration) {
        self.pass(duration);
    }

    fn random(&self) -> u128 {
        // Any bits will do, as long as they differ.
        self.random.replace(self.random.get().wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645).wrapping_add(1))
    }

    async fn setting(&self, name: &str) -> Option<String> {
        match name {
            "acs_endpoint" => Some("http://127.0.0.1:1".to_owned()),
            "acs_access_key" => Some(DEVELOPMENT_KEY.to_owned()),
            "github_webhook_secret" => Some(GITHUB_SECRET.to_owned()),
            _ => None,
        }
    }

    async fn file(&self, _: &str) -> Option<String> {
        None
    }

    async fn fetch(&self, request: Request<Bytes>, timeout: Duration) -> Result<Response<Bytes>, FetchError> {
        let send = request.method() == Method::POST;
        if send {
            self.bodies.borrow_mut().insert(request.body().clone());
            self.operations.borrow_mut().insert(request.headers()["operation-id"].to_str().unwrap().to_owned());
        }
        let behaviour = self.script.borrow().get(self.used.get()).copied();
        self.used.set(self.used.get() + 1);
        if let Some(effect) = behaviour.and_then(effect) {
            let fault = Fault::next(effect);
            self.store.fault(if send { fault } else { fault.on_status() });
        }
        let answer = pin!(self.door.answer(request)).poll(&mut Context::from_waker(Waker::noop()));
        match answer {
            Poll::Pending => {
                self.pass(timeout);
                Err(FetchError::Timeout)
            }
            Poll::Ready(answer) => {
                self.pass(Duration::from_millis(30));
                answer.map_err(|_| FetchError::Unreachable)
            }
        }
    }

    fn audit(&self, line: &str) {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["route"], "github");
    }
}

/// What the caller was told: the status, and the mail's outcome.
fn told(runtime: &tokio::runtime::Runtime, gate: &Gate, model: &Model, event: &Request<Bytes>) -> (u16, String) {
    let response = runtime.block_on(gate.handle(model, event.clone().map(Ok), model.monotonic()));
    (response.status().as_u16(), body(&response)["mails"][0]["status"].as_str().unwrap().to_owned())
}

/// The next script in order that is not one that begins like this one's first `used` behaviours.
fn successor(mut script: Vec<usize>, used: usize) -> Option<Vec<usize>> {
    script.truncate(used);
    while let Some(last) = script.pop() {
        if last + 1 < BEHAVIOURS.len() {
            script.push(last + 1);
            script.resize(LONGEST, 0);
            return Some(script);
        }
    }
    None
}

fn check(repeat_answer: RepeatAnswer) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (gate, model) = (gate(&example()), Model::new(&runtime, repeat_answer));
    let event = github_request(&issue(), GITHUB_SECRET);
    let (mut script, mut runs, mut covered) = (vec![0; LONGEST], 0, 0);
    loop {
        model.play(&script);
        let (status, outcome) = told(&runtime, &gate, &model, &event);
        let used = model.used.get().min(LONGEST);
        let names: Vec<_> = script.iter().take(used).map(|behaviour| BEHAVIOURS[*behaviour]).collect();
        let what = format!("{names:?}, repeats answered {repeat_answer:?}: {status} {outcome}");
        let taken = model.store.messages().len();
        match status {
            200 => assert_eq!((outcome.as_str(), taken), ("accepted", 1), "sent means accepted: {what}"),
            502 => assert_eq!(taken, 0, "nothing that was taken is called refused: {what}"),
            503 => assert!(taken <= 1, "{what}"),
            _ => panic!("{what}"),
        }
        assert_eq!(model.bodies.borrow().len(), 1, "byte-identical: {what}");

        // The sender comes again, and ACS is well again.
        if status == 503 {
            model.script.borrow_mut().clear();
            model.pass(Duration::from_secs(10));
            assert_eq!(
                told(&runtime, &gate, &model, &event),
                (200, "accepted".to_owned()),
                "the repeat goes through: {what}"
            );
            assert_eq!(model.store.messages().len(), 1, "one event, one mail: {what}");
            assert_eq!(model.bodies.borrow().len(), 1, "byte-identical: {what}");
        }
        assert_eq!(model.operations.borrow().len(), 1, "one operation: {what}");

        runs += 1;
        covered += BEHAVIOURS.len().pow(u32::try_from(LONGEST - used).unwrap());
        match successor(script, used) {
            Some(next) => script = next,
            None => break,
        }
    }
    assert_eq!(covered, BEHAVIOURS.len().pow(4), "every sequence of four");
    println!("repeats answered {repeat_answer:?}: {runs} runs stand for {covered} sequences");
}

#[test]
fn no_sequence_doubles_loses_or_invents_a_mail() {
    check(RepeatAnswer::Accepted);
}

#[test]
fn nor_does_one_where_acs_answers_a_repeat_with_400() {
    check(RepeatAnswer::BadRequest);
}

#[test]
fn nor_one_where_acs_answers_a_repeat_with_409() {
    check(RepeatAnswer::Conflict);
}

//! Model checking: the gate against the emulator, through every sequence of up to four answers or failures of ACS, with
//! and without an overflow queue and its replay.
//!
//! The clock is virtual and the emulator has no socket, so all of it takes seconds. A sequence that is not used up
//! stands for all that start in the same way, so each of the longer ones is covered.

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
use postern::acs::{self, Connection, State};
use postern::contract;
use postern::entra::TokenCache;
use postern::gate::Gate;
use postern::host::{AuditLog, Clock, Fetch, FetchError, Random, Settings};
use postern::outcome::Outcome;
use postern::overflow::Letter;
use postern::policy::Files;
use postern::trace::Trace;
use postern_emulator::{Config, DEVELOPMENT_KEY, Effect, Emulator, Fault, InProcess, RepeatAnswer, Store};
use serde_json::Value;

use support::{GITHUB_SECRET, NOW, body, contact, contact_request, example, gate, github_request, issue};

/// What ACS can do with a call.
const BEHAVIOURS: [&str; 12] =
    ["accept", "accept-then-reset", "reset-before", "400", "401", "404", "409", "429", "500", "503", "hang", "garbage"];

/// How many calls of one request meet a chosen behaviour of ACS; after that, ACS works.
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
    door: InProcess,
    store: Store,
    clock: Arc<AtomicU64>,
    script: RefCell<Vec<usize>>,
    used: Cell<usize>,
    /// Whether ACS keeps failing when the script is used up.
    ailing: Cell<bool>,
    queue: RefCell<Vec<Letter>>,
    random: Cell<u128>,
    bodies: RefCell<BTreeSet<Bytes>>,
    operations: RefCell<BTreeSet<String>>,
}

impl Model {
    fn new(runtime: &tokio::runtime::Runtime, repeat_answer: RepeatAnswer) -> Self {
        let clock = Arc::new(AtomicU64::new(0));
        let shown = Arc::clone(&clock);
        let config =
            Config { clock: postern_emulator::Clock::new(move || time(&shown)), repeat_answer, ..Config::default() };
        let emulator = runtime.block_on(Emulator::bind(([127, 0, 0, 1], 0).into(), config)).unwrap();
        Self {
            door: emulator.in_process(),
            store: emulator.store(),
            clock,
            script: RefCell::default(),
            used: Cell::new(0),
            ailing: Cell::new(false),
            queue: RefCell::default(),
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
        self.ailing.set(false);
        self.queue.borrow_mut().clear();
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

impl Settings for Model {
    async fn setting(&self, name: &str) -> Option<String> {
        match name {
            "acs_endpoint" => Some("http://127.0.0.1:1".to_owned()),
            "acs_access_key" => Some(DEVELOPMENT_KEY.to_owned()),
            "github_webhook_secret" => Some(GITHUB_SECRET.to_owned()),
            "overflow_sas" => Some("sig=x".to_owned()),
            "overflow_key" => Some("a-key-of-the-overflow-queue".to_owned()),
            _ => None,
        }
    }

    async fn file(&self, _: &str) -> Option<String> {
        None
    }
}

impl Clock for Model {
    fn now(&self) -> SystemTime {
        time(&self.clock)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.clock.load(Ordering::Relaxed))
    }

    async fn sleep(&self, duration: Duration) {
        self.pass(duration);
    }
}

impl Random for Model {
    fn random(&self) -> u128 {
        // Any bits will do, as long as they differ.
        self.random.replace(self.random.get().wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645).wrapping_add(1))
    }
}

impl Fetch for Model {
    async fn fetch(&self, request: Request<Bytes>, timeout: Duration) -> Result<Response<Bytes>, FetchError> {
        if request.uri().host() == Some("contoso.queue.core.windows.net") {
            let xml = std::str::from_utf8(request.body()).unwrap();
            let text = xml.strip_prefix("<QueueMessage><MessageText>").unwrap();
            self.queue.borrow_mut().push(Letter::decode(text.split_once('<').unwrap().0).unwrap());
            return Ok(Response::builder().status(201).body(Bytes::new()).unwrap());
        }
        let send = request.method() == Method::POST;
        if send {
            self.bodies.borrow_mut().insert(request.body().clone());
            self.operations.borrow_mut().insert(request.headers()["operation-id"].to_str().unwrap().to_owned());
        }
        let behaviour = self.script.borrow().get(self.used.get()).copied();
        self.used.set(self.used.get() + 1);
        let trouble = match behaviour {
            Some(behaviour) => effect(behaviour),
            None => self.ailing.get().then(|| Effect::status(503)),
        };
        if let Some(effect) = trouble {
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
}

impl AuditLog for Model {
    fn audit(&self, line: &str) {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(["github", "contact"].contains(&line["route"].as_str().unwrap()));
    }
}

/// What the caller learned: the status, and the mail's outcome.
fn told(runtime: &tokio::runtime::Runtime, gate: &Gate, model: &Model, event: &Request<Bytes>) -> (u16, String) {
    let response = runtime.block_on(gate.handle(model, event.clone().map(Ok), model.monotonic()));
    (response.status().as_u16(), body(&response)["mails"][0]["status"].as_str().unwrap().to_owned())
}

/// The next script in order that does not start with this one's first `used` behaviours.
fn successor(mut script: Vec<usize>, used: usize) -> Option<Vec<usize>> {
    let longest = script.len();
    script.truncate(used);
    while let Some(last) = script.pop() {
        if last + 1 < BEHAVIOURS.len() {
            script.push(last + 1);
            script.resize(longest, 0);
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

        // The sender retries, and ACS works again.
        if status == 503 {
            model.script.borrow_mut().clear();
            model.pass(Duration::from_secs(10));
            let (status, outcome) = told(&runtime, &gate, &model, &event);
            // If ACS refuses a repeat, the gate cannot tell whether ACS has this mail or another.
            let known = taken == 1 && repeat_answer != RepeatAnswer::Accepted;
            assert_eq!((status, outcome.as_str()), (200, if known { "duplicate" } else { "accepted" }), "{what}");
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

/// The example policy with an overflow queue.
fn with_overflow() -> Files {
    let files = example();
    let table = "\n[overflow]\nqueue = \"https://contoso.queue.core.windows.net/mail\"\n";
    let more = |path: &str| if path == "postern.toml" { table } else { "" };
    files.paths().map(|path| (path.to_owned(), format!("{}{}", files.text(path).unwrap(), more(path)))).collect()
}

/// What a replay does with a letter: tries it as `postern replay` does, until it is sent or moved to the poison queue.
fn replay(runtime: &tokio::runtime::Runtime, model: &Model, letter: &Letter) -> Outcome {
    let tokens = TokenCache::default();
    let credentials = runtime.block_on(Connection::read(model)).unwrap();
    let trace = Trace::of(&http::HeaderMap::new(), model.random(), 1);
    let client = acs::Client { host: model, connection: &credentials, tokens: &tokens, trace };
    let mut from = if letter.head.in_doubt { State::Ask } else { State::Send };
    loop {
        let sending = client.send(letter.body.clone(), letter.head.operation, from, Duration::from_secs(60));
        let outcome = runtime.block_on(sending).outcome;
        if !outcome.is_temporary() && !matches!(outcome, Outcome::Unauthorized | Outcome::NotFound) {
            return outcome;
        }
        // By then, it has been taken from the queue twice.
        from = State::Ask;
    }
}

/// How many calls to play with an overflow queue: before ACS fails for the rest of the request, and in a replay before
/// it works.
const LONGEST_AROUND_QUEUE: usize = 3;

const REPEAT_ANSWERS: [RepeatAnswer; 3] = [RepeatAnswer::Accepted, RepeatAnswer::BadRequest, RepeatAnswer::Conflict];

#[test]
fn what_the_gate_queues_is_one_mail() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for repeat_answer in REPEAT_ANSWERS {
        let (gate, model) = (gate(&with_overflow()), Model::new(&runtime, repeat_answer));
        let event = github_request(&issue(), GITHUB_SECRET);
        let (mut script, mut queued) = (vec![0; LONGEST_AROUND_QUEUE], 0);
        loop {
            model.play(&script);
            model.ailing.set(true);
            let (status, outcome) = told(&runtime, &gate, &model, &event);
            let (letters, taken) = (model.queue.borrow().clone(), model.store.messages().len());
            let used = model.used.get().min(script.len());
            let what = format!("{script:?}, repeats answered {repeat_answer:?}: {status} {outcome}");
            match status {
                200 => assert_eq!((taken, letters.len()), (1, 0), "{what}"),
                202 => assert_eq!((outcome.as_str(), letters.len()), ("queued", 1), "{what}"),
                502 => assert_eq!((taken, letters.len()), (0, 0), "{what}"),
                _ => panic!("{what}"),
            }
            for letter in &letters {
                queued += 1;
                model.ailing.set(false);
                assert_eq!(replay(&runtime, &model, letter), Outcome::Accepted, "{what}");
                assert_eq!(model.store.messages().len(), 1, "one event, one mail: {what}");
            }
            assert_eq!((model.bodies.borrow().len(), model.operations.borrow().len()), (1, 1), "{what}");
            match successor(script, used) {
                Some(next) => script = next,
                None => break,
            }
        }
        assert!(queued > 0);
        println!("repeats answered {repeat_answer:?}: {queued} times in the queue");
    }
}

#[test]
fn what_is_replayed_is_one_mail_whatever_acs_does_meanwhile() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for (behaviour, in_doubt) in [("429", false), ("hang", true)] {
        for repeat_answer in REPEAT_ANSWERS {
            let (gate, model) = (gate(&with_overflow()), Model::new(&runtime, repeat_answer));
            let behaviour = BEHAVIOURS.iter().position(|known| *known == behaviour).unwrap();
            model.play(&[behaviour; acs::MAX_CALLS as usize]);
            told(&runtime, &gate, &model, &github_request(&issue(), GITHUB_SECRET));
            let letter = model.queue.borrow()[0].clone();
            assert_eq!(letter.head.in_doubt, in_doubt);

            let (mut script, mut aside) = (vec![0; LONGEST_AROUND_QUEUE], 0);
            loop {
                model.play(&script);
                let outcome = replay(&runtime, &model, &letter);
                let used = model.used.get().min(script.len());
                let what = format!("{script:?}, repeats answered {repeat_answer:?}: {outcome:?}");
                let taken = model.store.messages().len();
                match outcome {
                    Outcome::Accepted => assert_eq!(taken, 1, "{what}"),
                    _ => assert_eq!(taken, 0, "nothing that was taken is put aside: {what}"),
                }
                aside += usize::from(taken == 0);
                assert!(model.bodies.borrow().len() <= 1 && model.operations.borrow().len() <= 1, "{what}");
                match successor(script, used) {
                    Some(next) => script = next,
                    None => break,
                }
            }
            assert_eq!(aside > 0, !in_doubt, "only what ACS cannot have taken is put aside");
        }
    }
}

/// Plays the same form at these times, in seconds from now: the outcomes in order, and how many mails there are. The
/// answer to the first is lost where it `breaks`.
fn repeated(
    runtime: &tokio::runtime::Runtime,
    gate: &Gate,
    model: &Model,
    times: &[u64],
    breaks: bool,
) -> (Vec<u16>, usize) {
    model.play(&[]);
    if breaks {
        model.script.replace(vec![BEHAVIOURS.iter().position(|known| *known == "accept-then-reset").unwrap()]);
        model.ailing.set(true);
    }
    let start = model.monotonic();
    let mut statuses = Vec::new();
    for time in times {
        model.pass((start + Duration::from_secs(*time)).saturating_sub(model.monotonic()));
        let form = contact_request(&contact()).map(Ok);
        statuses.push(runtime.block_on(gate.handle(model, form, model.monotonic())).status().as_u16());
        model.ailing.set(false);
    }
    (statuses, model.store.messages().len())
}

#[test]
fn the_same_form_is_one_mail_within_the_horizon_and_a_new_one_beyond_the_window_at_every_phase_of_a_period() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let gate = gate(&example());
    let model = Model::new(&runtime, RepeatAnswer::Accepted);
    let (horizon, window) = (contract::FORM_RETRY_HORIZON, contract::FORM_DUPLICATE_WINDOW);
    let mails = repeated(&runtime, &gate, &model, &[0], false).1;
    let period = window - horizon;
    for phase in (0..period).step_by(50) {
        let aligned = model.now().duration_since(UNIX_EPOCH).unwrap().as_secs() % period;
        model.pass(Duration::from_secs(period - aligned + phase));
        for (gap, times) in [(1, 1), (30, 1), (horizon - 10, 1), (window + 1, 2), (24 * 60 * 60, 2)] {
            let at = model.now();
            assert_eq!(
                repeated(&runtime, &gate, &model, &[0, gap], false),
                (vec![200, 200], mails * times),
                "{at:?} {gap}"
            );
        }
        // ACS accepted the first, but its answer got lost; the visitor presses the button again.
        let at = model.now();
        assert_eq!(repeated(&runtime, &gate, &model, &[0, 60], true), (vec![503, 200], mails), "{at:?}");
    }
}

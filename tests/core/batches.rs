//! Batches and time: later deliveries reach what one delivery had no time for, and nothing is sent twice.
//!
//! Time is virtual: it passes when everything waits, so that simultaneous calls take the time of one.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{Request, Response};
use postern::gate::Gate;
use postern::host::{AuditLog, Clock, Fetch, FetchError, Random, Settings};
use postern::policy::Files;
use serde_json::{Value, json};

use crate::contracts::{hook, request};
use crate::support::*;

/// A host whose ACS takes some time.
struct Timed {
    now: Cell<Duration>,
    /// Who waits until when; the numbers distinguish those who wait for the same moment.
    sleepers: RefCell<BTreeMap<(Duration, u64), Waker>>,
    numbers: Cell<u64>,
    random: RefCell<fastrand::Rng>,
    latency: Duration,
    /// The first call that is refused, counted from 0, and how.
    refusing: Option<(usize, Answer)>,
    /// The mails that were sent to ACS, in order: operation and body.
    asked: RefCell<Vec<(String, Bytes)>>,
    under_way: Cell<usize>,
    /// How many other calls were in progress when each call started.
    company: RefCell<Vec<usize>>,
    inbox: RefCell<BTreeSet<String>>,
    lines: RefCell<Vec<Value>>,
}

impl Timed {
    fn new(latency: Duration, seed: u64) -> Self {
        Self {
            now: Cell::default(),
            sleepers: RefCell::default(),
            numbers: Cell::default(),
            random: RefCell::new(fastrand::Rng::with_seed(seed)),
            latency,
            refusing: None,
            asked: RefCell::default(),
            under_way: Cell::default(),
            company: RefCell::default(),
            inbox: RefCell::default(),
            lines: RefCell::default(),
        }
    }

    /// Delivers a request, and returns the answer.
    fn deliver(&self, gate: &Gate, request: Request<Bytes>) -> Response<Bytes> {
        let awake = Arc::new(Awake(AtomicBool::new(true)));
        let waker = Waker::from(Arc::clone(&awake));
        let mut work = pin!(gate.handle(self, request.map(Ok), self.now.get()));
        loop {
            while awake.0.swap(false, Ordering::Relaxed) {
                if let Poll::Ready(response) = work.as_mut().poll(&mut Context::from_waker(&waker)) {
                    return response;
                }
            }
            // Something always waits for time to pass.
            let ((then, _), sleeper) = self.sleepers.borrow_mut().pop_first().unwrap();
            self.now.set(then);
            sleeper.wake();
        }
    }

    fn operations(&self) -> Vec<String> {
        self.asked.borrow().iter().map(|(operation, _)| operation.clone()).collect()
    }

    /// The outcomes of each event's mails in the audit lines.
    fn outcomes(&self) -> Vec<String> {
        let word = |mail: &Value| mail["outcome"].as_str().unwrap().to_owned();
        self.lines.borrow().iter().flat_map(|line| line["mails"].as_array().unwrap().iter().map(word)).collect()
    }
}

/// Whether anything was woken since the last call.
struct Awake(AtomicBool);

impl Wake for Awake {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Settings for Timed {
    async fn setting(&self, name: &str) -> Option<String> {
        let value = match name {
            "acs_endpoint" => "https://contoso.communication.azure.com",
            "acs_access_key" => "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
            "hook_secret" => "s3cret",
            _ => return None,
        };
        Some(value.to_owned())
    }

    async fn file(&self, _: &str) -> Option<String> {
        None
    }
}

impl Clock for Timed {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(NOW) + self.now.get()
    }

    fn monotonic(&self) -> Duration {
        self.now.get()
    }

    async fn sleep(&self, duration: Duration) {
        let number = self.numbers.replace(self.numbers.get() + 1);
        let end = self.now.get() + duration;
        poll_fn(|context| {
            if self.now.get() >= end {
                return Poll::Ready(());
            }
            self.sleepers.borrow_mut().insert((end, number), context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

impl Random for Timed {
    fn random(&self) -> u128 {
        self.random.borrow_mut().u128(..)
    }
}

impl Fetch for Timed {
    async fn fetch(&self, request: Request<Bytes>, timeout: Duration) -> Answer {
        let Some(operation) = request.headers().get("operation-id") else { return refusal(404, "NotFound") };
        let operation = operation.to_str().unwrap().to_owned();
        let place = self.asked.borrow().len();
        self.asked.borrow_mut().push((operation.clone(), request.into_body()));
        self.company.borrow_mut().push(self.under_way.replace(self.under_way.get() + 1));
        self.sleep(self.latency.min(timeout)).await;
        self.under_way.set(self.under_way.get() - 1);
        match &self.refusing {
            _ if self.latency > timeout => Err(FetchError::Timeout),
            Some((first, answer)) if place >= *first => answer.clone(),
            _ => {
                self.inbox.borrow_mut().insert(operation.clone());
                accepted(&operation)
            }
        }
    }
}

impl AuditLog for Timed {
    fn audit(&self, line: &str) {
        self.lines.borrow_mut().push(serde_json::from_str(line).unwrap());
    }
}

/// A route of lists with two mails for each event, and nine seconds of time.
fn lists() -> Gate {
    let files = hook("auth = { scheme = \"bearer\", secret = \"hook_secret\" }\nenvelope = \"list\"");
    let mut texts: BTreeMap<_, _> =
        files.paths().map(|path| (path.to_owned(), files.text(path).unwrap().to_owned())).collect();
    for part in ["subject.txt.j2", "body.txt.j2", "sample.json"] {
        let text = texts[&format!("templates/note/{part}")].clone();
        texts.insert(format!("templates/copy/{part}"), text);
    }
    let second = "[[routes.hook.mails]]\ntemplate = \"copy\"\nsender = \"web\"\npurpose = \"alert\"\n\
                  to = [\"audit@contoso.example\"]\n";
    texts.get_mut("postern.toml").unwrap().push_str(&format!("\n{second}"));
    gate(&texts.into_iter().collect::<Files>())
}

/// A list of this many events; its sender repeats it unchanged.
fn list(events: usize) -> Request<Bytes> {
    let events: Vec<_> = (0..events).map(|number| json!({"subject": format!("number {number}")})).collect();
    set(request(json!(events).to_string()), "idempotency-key", "list")
}

#[test]
fn several_events_are_on_their_way_at_a_time_and_each_ones_mails_in_their_order() {
    let host = Timed::new(Duration::from_millis(300), 1);
    let response = host.deliver(&lists(), list(80));
    assert_eq!((response.status().as_u16(), body(&response)["sent"].as_u64()), (200, Some(160)));
    assert_eq!(host.inbox.borrow().len(), 160);
    let company = host.company.borrow();
    assert_eq!(company[..2], [0, 0], "the first event goes alone");
    assert_eq!(company.iter().max(), Some(&7), "eight at a time, and no more");
    // The answer and the lines have the events' order, whichever was sent first.
    let lines = host.lines.borrow();
    let places: Vec<_> = lines.iter().map(|line| line["batch"]["event"].as_u64().unwrap()).collect();
    assert_eq!(places, (1..=80).collect::<Vec<_>>());
    let asked = host.operations();
    let place = |mail: &Value| asked.iter().position(|asked| mail["operation_id"] == asked.as_str()).unwrap();
    for line in &*lines {
        let mails: Vec<_> = line["mails"].as_array().unwrap().iter().collect();
        assert_eq!((mails.len(), &mails[0]["mail"], &mails[1]["mail"]), (2, &json!("note"), &json!("copy")));
        assert!(place(mails[0]) < place(mails[1]), "{line}");
    }
}

#[test]
fn a_batch_that_never_fits_into_its_time_arrives_by_being_repeated() {
    let (gate, events) = (lists(), 100);
    for seed in 0..4 {
        // There is time for a quarter of it.
        let host = Timed::new(Duration::from_millis(1200), seed);
        let mut inboxes = vec![0];
        while inboxes.last() != Some(&(2 * events)) {
            let response = host.deliver(&gate, list(events));
            let sent = usize::try_from(body(&response)["sent"].as_u64().unwrap()).unwrap();
            assert!(response.status() == 503 && (20..100).contains(&sent), "{response:?}");
            let outcomes = host.outcomes();
            assert_eq!(outcomes.iter().filter(|word| *word == "accepted").count(), sent);
            assert!(outcomes.iter().all(|word| ["accepted", "timeout", "not-attempted"].contains(&word.as_str())));
            host.lines.borrow_mut().clear();
            inboxes.push(host.inbox.borrow().len());
            // The starting event is random, so the last few may have to wait.
            assert!(inboxes.len() <= 60, "no end, with seed {seed}: {inboxes:?}");
        }
        assert!(inboxes.is_sorted() && inboxes[1] < inboxes[2].max(inboxes[3]), "{inboxes:?}");
        // However often a mail was sent, it had the same operation id and the same bytes, so it is one mail to ACS.
        let asked: BTreeSet<_> = host.asked.borrow().iter().cloned().collect();
        assert_eq!(asked.len(), 2 * events);
    }
}

#[test]
fn trouble_that_meets_every_mail_is_met_by_few() {
    let quota = || {
        let mut answer = refusal(429, "TooManyRequests");
        answer.as_mut().unwrap().headers_mut().insert("retry-after", "60".parse().unwrap());
        answer
    };
    for (answer, word) in [(refusal(401, "Denied"), "unauthorized"), (quota(), "throttled")] {
        // At the first call, one mail meets it; later, as many as are in progress.
        for (first, most) in [(0, 1), (50, 8)] {
            let host = Timed { refusing: Some((first, answer.clone())), ..Timed::new(Duration::from_millis(300), 7) };
            let response = host.deliver(&lists(), list(100));
            assert_eq!(response.status(), 503, "what was not tried is to come again");
            let outcomes = host.outcomes();
            let count = |word: &str| outcomes.iter().filter(|outcome| *outcome == word).count();
            assert_eq!((count("accepted"), count(word)), (first, most), "{outcomes:?}");
            assert_eq!(count("not-attempted"), 200 - first - most);
            assert_eq!(host.asked.borrow().len(), first + most);
        }
    }
}

//! The inbox with as many messages as it keeps. Prints the times (`-- --nocapture large`), next to those with a hundred
//! messages in the same run.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use postern_emulator::{Config, Emulator};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::page::{Inbox, email, send};

const MANY: usize = 10_000;
const FEW: usize = 100;

/// How often each time is measured; the median counts.
const TIMES: usize = 5;

fn fill(endpoint: &str, count: usize) {
    thread::scope(|scope| {
        for part in 0..4 {
            scope.spawn(move || {
                for number in (part..count).step_by(4) {
                    let mut email = email(&format!("Message {number:05}"));
                    let text = format!("{}\n\nReference {number:05}.", "Could you send me a quote? ".repeat(40));
                    email["content"]["plainText"] = json!(text);
                    assert_eq!(send(endpoint, &email), 202);
                }
            });
        }
    });
}

fn middle(mut once: impl FnMut(usize)) -> Duration {
    let mut taken: Vec<_> = (0..TIMES)
        .map(|time| {
            let start = Instant::now();
            once(time);
            start.elapsed()
        })
        .collect();
    taken.sort();
    taken[TIMES / 2]
}

/// The times that people wait.
struct Taken {
    list: Duration,
    arrival: Duration,
    search: Duration,
}

const FIRST: &str = "document.querySelector('#messages .what')?.textContent";

fn measure(inbox: &Inbox, count: usize) -> Taken {
    let total = |count: usize| format!("document.getElementById('count').textContent === '{count} messages'");
    inbox.until(&total(count));
    let agent = ureq::agent();
    let list = middle(|_| {
        let address = format!("{}/api/messages?limit=100", inbox.endpoint);
        agent.get(address).call().unwrap().body_mut().read_to_vec().unwrap();
    });
    let arrival = middle(|time| {
        assert_eq!(inbox.send(&email(&format!("New {time}"))), 202);
        inbox.until(&format!("{FIRST} === 'New {time}'"));
    });
    // The emulator keeps no more than its limit, so it dropped the oldest.
    let kept = MANY.min(count + TIMES);
    inbox.until(&total(kept));
    let search = middle(|time| {
        let number = format!("{:05}", count - 1 - time);
        inbox.value(&format!("document.getElementById('search').value = 'reference {number}'"));
        inbox.value("document.getElementById('search').dispatchEvent(new Event('input', { bubbles: true }))");
        inbox.until(&format!(
            "{FIRST} === 'Message {number}' && document.querySelectorAll('#messages li').length === 1"
        ));
    });
    inbox.value("document.getElementById('search').value = ''");
    inbox.value("document.getElementById('search').dispatchEvent(new Event('input', { bubbles: true }))");
    inbox.until(&total(kept));
    Taken { list, arrival, search }
}

fn compare(kind: &str, few: &Taken, many: &Taken) {
    for (what, few, many) in [
        ("list of 100 by the API", few.list, many.list),
        ("arrival until it is on the page", few.arrival, many.arrival),
        ("search until its hit is on the page", few.search, many.search),
    ] {
        let ratio = many.as_secs_f64() / few.as_secs_f64();
        eprintln!("{kind}: {what}: {few:.1?} with {FEW} messages, {many:.1?} with {MANY}, {ratio:.1} times");
    }
}

fn at(data: Option<&Path>, count: usize) -> Option<Taken> {
    let config = Config { data: data.map(Path::to_owned), ..Config::default() };
    let inbox = Inbox::of(config, |endpoint| fill(endpoint, count))?;
    let taken = measure(&inbox, count);
    if count == MANY {
        // A page has a hundred, however many there are.
        assert_eq!(inbox.value("document.querySelectorAll('#messages li').length"), json!(100));
        inbox.click("#older");
        inbox.until("document.getElementById('range').textContent === '101 to 200'");
        assert_eq!(inbox.value("document.querySelectorAll('#messages li').length"), json!(100));
        inbox.click("#newer");
        inbox.until("document.getElementById('range').textContent === '1 to 100'");
    }
    Some(taken)
}

#[test]
fn ten_thousand_messages_are_listed_searched_and_turned_over() {
    let Some(few) = at(None, FEW) else { return };
    compare("in memory", &few, &at(None, MANY).unwrap());
}

#[test]
fn ten_thousand_messages_outlive_the_emulator() {
    let (small, large) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let Some(few) = at(Some(small.path()), FEW) else { return };
    compare("in SQLite", &few, &at(Some(large.path()), MANY).unwrap());
    let start = Instant::now();
    let config = Config { data: Some(large.path().to_owned()), ..Config::default() };
    let emulator = Runtime::new().unwrap().block_on(Emulator::bind(([127, 0, 0, 1], 0).into(), config)).unwrap();
    eprintln!("in SQLite: {MANY} messages read again at the start in {:.1?}", start.elapsed());
    assert_eq!(emulator.store().messages().len(), MANY);
}

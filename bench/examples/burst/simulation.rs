//! Simulates a burst of alerts, ACS's quota, the overflow queue and its replay, without waiting.
//!
//! The quota's meter is the emulator's, so refused calls count as ACS documents. Nothing is random: the same scenario
//! always gives the same result.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use postern_emulator::{Limit, Meter, Quota};

/// How much of a request's time ACS may take: the budget for an unknown caller, less the time reserved for the queue
/// (docs/delivery.md).
const TIME_FOR_ACS: Duration = Duration::from_secs(7);

/// How long a call to ACS takes. This is an assumption: the quota is so much slower that it hardly matters.
const CALL: Duration = Duration::from_millis(100);

/// How long after a mail was queued a replay starts, if none is running: one starts every minute.
const REPLAY_EVERY: Duration = Duration::from_secs(60);

/// How many points a curve has.
const POINTS: u32 = 240;

/// A burst and what handles it.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// Its name in the page.
    pub name: &'static str,
    /// How many mails to send.
    pub mails: u32,
    /// The time over which their events arrive, evenly distributed.
    pub over: Duration,
    /// The quota of sends of each subscription.
    pub limit: Limit,
    /// How many subscriptions there are, each with its own policy and an even share of the mails.
    pub subscriptions: u32,
}

/// The result of a scenario, over all subscriptions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Course {
    /// Mails that ACS accepted while their callers waited.
    pub at_once: u32,
    /// Mails that were queued.
    pub queued: u32,
    /// Calls that ACS refused.
    pub refused: u32,
    /// When ACS had accepted the last mail, from the start of the burst.
    pub end: Duration,
    /// How many mails waited in the queue, at even intervals from start to end.
    pub waiting: Vec<(Duration, u32)>,
}

/// The scenarios of docs/scaling.md.
pub fn scenarios() -> Vec<Scenario> {
    let of = |factor| {
        let Limit { minute, hour } = Quota::Custom.sends().unwrap_or(Limit { minute: 0, hour: 0 });
        Limit { minute: minute * factor, hour: hour * factor }
    };
    let base = Scenario {
        name: "ACS's initial quota",
        mails: 10_000,
        over: Duration::from_secs(600),
        limit: of(1),
        subscriptions: 1,
    };
    vec![
        base,
        Scenario { name: "four subscriptions", subscriptions: 4, ..base },
        Scenario { name: "quota raised tenfold", limit: of(10), ..base },
        Scenario { name: "quota raised tenfold, four subscriptions", limit: of(10), subscriptions: 4, ..base },
        Scenario { name: "quota raised a hundredfold", limit: of(100), ..base },
        Scenario { name: "grouped by fifty before sending", mails: 200, ..base },
    ]
}

/// A simulated event.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// An event arrives, and the gate sends its mail.
    Arrival,
    /// The gate tries a mail again that arrived at this time.
    Again(Duration),
    /// A replay tries the oldest mail in the queue.
    Replay,
}

/// One subscription.
#[derive(Debug)]
struct Subscription {
    limit: Limit,
    meter: Meter,
    /// By time, and in order if the time is the same.
    agenda: BTreeMap<(Duration, u32), Event>,
    entries: u32,
    /// How many mails are waiting, and since when.
    waiting: VecDeque<(Duration, u32)>,
    replaying: bool,
    course: Course,
}

impl Scenario {
    /// Runs the simulation.
    pub fn play(&self) -> Course {
        let mut one = Subscription::new(self.limit);
        let mails = self.mails / self.subscriptions;
        for mail in 0..mails {
            one.plan(self.over * mail / mails, Event::Arrival);
        }
        while let Some(((now, _), event)) = one.agenda.pop_first() {
            one.handle(now, event);
        }
        one.course(self.subscriptions)
    }

    /// The result as a row of a table.
    pub fn row(&self, course: &Course) -> String {
        format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            self.name,
            grouped(self.mails),
            self.subscriptions,
            format_args!("{} and {}", grouped(count(self.limit.minute)), grouped(count(self.limit.hour))),
            grouped(course.at_once),
            grouped(course.queued),
            grouped(course.refused),
            long(course.end),
        )
    }
}

impl Subscription {
    fn new(limit: Limit) -> Self {
        let course = Course { at_once: 0, queued: 0, refused: 0, end: Duration::ZERO, waiting: Vec::new() };
        let waiting = VecDeque::from([(Duration::ZERO, 0)]);
        Self { limit, meter: Meter::default(), agenda: BTreeMap::new(), entries: 0, waiting, replaying: false, course }
    }

    fn plan(&mut self, at: Duration, event: Event) {
        self.agenda.insert((at, self.entries), event);
        self.entries += 1;
    }

    fn handle(&mut self, now: Duration, event: Event) {
        match event {
            Event::Arrival => self.send(now, now),
            Event::Again(arrived) => self.send(now, arrived),
            Event::Replay => self.replay(now),
        }
    }

    /// A call to ACS, and how long ACS asks to wait if it refuses: in whole seconds, as in headers.
    fn call(&mut self, now: Duration) -> Result<(), Duration> {
        let at: SystemTime = UNIX_EPOCH + now;
        self.meter.count(self.limit, at).map_err(|wait| {
            self.course.refused += 1;
            Duration::from_secs((wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1))
        })
    }

    fn send(&mut self, now: Duration, arrived: Duration) {
        match self.call(now) {
            Ok(()) => {
                self.course.at_once += 1;
                self.course.end = now + CALL;
            }
            Err(wait) if now + wait < arrived + TIME_FOR_ACS => self.plan(now + wait, Event::Again(arrived)),
            Err(_) => {
                self.course.queued += 1;
                self.change(now, 1);
                if !self.replaying {
                    self.replaying = true;
                    self.plan(now + REPLAY_EVERY, Event::Replay);
                }
            }
        }
    }

    fn replay(&mut self, now: Duration) {
        match self.call(now) {
            Err(wait) => self.plan(now + wait, Event::Replay),
            Ok(()) => {
                let left = self.change(now, -1);
                self.course.end = now + CALL;
                self.replaying = left > 0;
                if self.replaying {
                    self.plan(now + CALL, Event::Replay);
                }
            }
        }
    }

    /// Puts a mail into the queue or takes one out, and notes how many are waiting then.
    fn change(&mut self, now: Duration, by: i32) -> u32 {
        let before = self.waiting.back().map_or(0, |(_, waiting)| *waiting);
        let waiting = before.saturating_add_signed(by);
        self.waiting.push_back((now, waiting));
        waiting
    }

    fn course(mut self, subscriptions: u32) -> Course {
        let end = self.course.end;
        let mut waiting = 0;
        let curve = (0..=POINTS).map(|point| {
            let at = end * point / POINTS;
            while let Some((_, then)) = self.waiting.pop_front_if(|(since, _)| *since <= at) {
                waiting = then;
            }
            (at, waiting * subscriptions)
        });
        Course {
            waiting: curve.collect(),
            at_once: self.course.at_once * subscriptions,
            queued: self.course.queued * subscriptions,
            refused: self.course.refused * subscriptions,
            end,
        }
    }
}

/// The gate's own work for a burst.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Work {
    /// Seconds of processor time, summed over all cores.
    pub cpu_seconds: f64,
    /// Cores that keep up with the burst while it arrives.
    pub cores: f64,
}

/// The work for a scenario, at this many mails per second of processor time: `mails/CPUs` in docs/performance.md.
pub fn work(scenario: &Scenario, mails_per_cpu_second: f64) -> Work {
    let cpu_seconds = f64::from(scenario.mails) / mails_per_cpu_second;
    Work { cpu_seconds, cores: cpu_seconds / scenario.over.as_secs_f64() }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A number with thousands separators.
fn grouped(number: u32) -> String {
    let text = number.to_string();
    let digits = text.len();
    let parts = text.chars().enumerate().map(|(index, digit)| {
        if index > 0 && (digits - index).is_multiple_of(3) { format!(",{digit}") } else { digit.to_string() }
    });
    parts.collect()
}

/// A time in a unit for people: minutes below three hours, hours below three days.
fn long(time: Duration) -> String {
    const MINUTE: f64 = 60.0;
    const HOUR: f64 = 60.0 * MINUTE;
    const DAY: f64 = 24.0 * HOUR;
    let seconds = time.as_secs_f64();
    match seconds {
        _ if seconds < 3.0 * HOUR => format!("{:.0} minutes", seconds / MINUTE),
        _ if seconds < 3.0 * DAY => format!("{:.1} hours", seconds / HOUR),
        _ => format!("{:.1} days", seconds / DAY),
    }
}

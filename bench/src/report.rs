//! The table, and the ratios that have targets.

use crate::contestant::Contestant;
use crate::row::Row;
use serde::Serialize;

/// A ratio of two contestants' figures, or a size, and its target.
#[derive(Debug, Serialize)]
pub struct Ratio {
    what: &'static str,
    found: f64,
    target: &'static str,
    met: bool,
}

/// Prints one line for each contestant.
pub fn print(rows: &[Row]) {
    println!(
        "{:28} {:>8} {:>9} {:>8} {:>8} {:>8} {:>8} {:>9} {:>9} {:>9}",
        "", "mails/s", "mails/CPUs", "p50@1", "p99@1", "p50@16", "p99@16", "first", "MB", "KB disk"
    );
    for row in rows {
        println!(
            "{:28} {:>8.0} {:>10.0} {:>8} {:>8} {:>8} {:>8} {:>9} {:>9.1} {:>9}",
            row.name,
            row.mails_per_second,
            row.mails_per_cpu_second,
            row.p50_at_1,
            row.p99_at_1,
            row.p50_at_16,
            row.p99_at_16,
            row.first_answer,
            row.memory as f64 / 1e6,
            row.size.map_or("-".to_owned(), |bytes| (bytes / 1000).to_string()),
        );
    }
    println!("Latencies and the first answer are in microseconds.");
}

/// The ratios of the contestants that were measured, and the size.
pub fn ratios(rows: &[Row]) -> Vec<Ratio> {
    let row = |contestant: Contestant| rows.iter().find(|row| row.name == contestant.name());
    let speed = |one, other| Some(row(one)?.mails_per_cpu_second / row(other)?.mails_per_cpu_second);
    let start = |one, other| Some(row(one)?.p50_at_1 as f64 / row(other)?.p50_at_1 as f64);
    let megabytes = |contestant| Some(row(contestant)?.size? as f64 / 1e6);
    use Contestant::{Floor, FloorFresh, Node, Sealed, SealedFresh};
    [
        ("mails per CPU-second, reused: sealed over floor", speed(Sealed, Floor), "at least 0.85", 0.85),
        ("mails per CPU-second, fresh: sealed over floor", speed(SealedFresh, FloorFresh), "at least 0.7", 0.7),
        ("mails per CPU-second: sealed over Node", speed(Sealed, Node), "at least 10", 10.0),
        ("first answer of a fresh instance: sealed over floor", start(SealedFresh, FloorFresh), "at most 1.5", -1.5),
        ("size of the sealed component in MB", megabytes(Sealed), "at most 2.5", -2.5),
    ]
    .into_iter()
    .filter_map(|(what, found, target, bound)| {
        let found = found?;
        // A negative bound is a maximum.
        let met = if bound < 0.0 { found <= -bound } else { found >= bound };
        Some(Ratio { what, found, target, met })
    })
    .collect()
}

/// Prints one line for each ratio.
pub fn print_ratios(ratios: &[Ratio]) {
    for ratio in ratios {
        let verdict = if ratio.met { "met" } else { "missed" };
        println!("{:.2}  {} (target {}: {verdict})", ratio.found, ratio.what, ratio.target);
    }
}

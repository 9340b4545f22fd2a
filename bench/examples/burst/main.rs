//! `cargo run -p bench --example burst`: simulates a burst of alerts, for docs/scaling.md.
//!
//! It prints the page's table and writes its charts, which a test compares with the page.

mod chart;
mod simulation;

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use clap::Parser;

use simulation::{Course, Scenario, scenarios, work};

/// Play a burst of alerts: arrival, quota, overflow and drain
#[derive(Debug, Parser)]
struct Arguments {
    /// Where the pictures are written
    #[arg(long, value_name = "DIR", default_value = "docs")]
    pictures: PathBuf,

    /// Mails for each second of processor time, as docs/performance.md has them for a host and a policy like yours
    #[arg(long, value_name = "NUMBER")]
    mails_per_cpu_second: Option<f64>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let courses: Vec<(Scenario, Course)> = scenarios().into_iter().map(|one| (one, one.play())).collect();
    for (scenario, course) in &courses {
        println!("{}", scenario.row(course));
    }
    for (name, picture) in chart::pictures(&courses)? {
        fs::write(arguments.pictures.join(name), picture)?;
    }
    if let (Some(rate), Some((scenario, _))) = (arguments.mails_per_cpu_second, courses.first()) {
        let work = work(scenario, rate);
        println!("{:.1} seconds of processor time; {:.2} cores keep up with it.", work.cpu_seconds, work.cores);
    }
    Ok(())
}

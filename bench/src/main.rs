//! `cargo side-by-side`: the component, a floor, the native core, Node and Python do the same job in one run.

mod contestant;
mod external;
mod floor;
mod load;
mod native;
mod process;
mod report;
mod row;
mod sink;

use anyhow::Result;
use clap::{Parser, ValueEnum as _};
use contestant::Contestant;
use external::{ExternalServer, NODE, PYTHON};
use mimalloc::MiMalloc;
use row::Row;
use sink::Sink;
use std::path::PathBuf;

/// As in `postern serve`.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Measures the component against other ways to do the same job.
#[derive(Parser)]
struct Arguments {
    /// Requests of one measurement of throughput.
    #[arg(long, default_value_t = 4000)]
    requests: usize,
    /// How often each contestant is measured; the median by mails per CPU-second counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Where the figures are written as JSON.
    #[arg(long, default_value = "target/side-by-side/figures.json")]
    json: PathBuf,
    /// Serve a contestant instead; used by this program itself.
    #[arg(long, hide = true, requires = "endpoint", ignore_case = true, value_parser = contestant)]
    serve: Option<Contestant>,
    #[arg(long, hide = true)]
    endpoint: Option<String>,
}

fn contestant(name: &str) -> Result<Contestant, String> {
    let known = Contestant::value_variants().iter().find(|contestant| format!("{contestant:?}") == name);
    known.copied().ok_or_else(|| format!("{name} is not a contestant"))
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match (arguments.serve, &arguments.endpoint) {
        (Some(contestant), Some(endpoint)) => contestant.serve(endpoint).await,
        _ => compare(&arguments).await,
    }
}

async fn compare(arguments: &Arguments) -> Result<()> {
    floor::build()?;
    // Sealing blocks, which a thread of this runtime must not do.
    tokio::task::spawn_blocking(contestant::seal).await??;
    let contestants = contestants();
    let sink = Sink::start().await?;
    let mut rounds: Vec<Vec<Row>> = vec![Vec::new(); contestants.len()];
    // Round by round, so that a busy minute of the machine does not affect only one contestant.
    for round in 1..=arguments.rounds {
        for (contestant, rows) in contestants.iter().zip(&mut rounds) {
            eprintln!("round {round}: {}", contestant.name());
            rows.push(row::measure(*contestant, &sink, arguments.requests).await?);
        }
    }
    let rows: Vec<Row> = rounds.into_iter().filter_map(median).collect();
    let ratios = report::ratios(&rows);
    report::print(&rows);
    report::print_ratios(&ratios);
    let figures = serde_json::json!({ "rows": rows, "ratios": ratios });
    std::fs::write(&arguments.json, serde_json::to_string_pretty(&figures)? + "\n")?;
    Ok(())
}

/// All contestants whose tools are installed.
fn contestants() -> Vec<Contestant> {
    let is_here = |contestant: &Contestant| match contestant {
        Contestant::Node => install(*contestant, &NODE),
        Contestant::Python => install(*contestant, &PYTHON),
        _ => true,
    };
    Contestant::value_variants().iter().copied().filter(is_here).collect()
}

fn install(contestant: Contestant, external: &ExternalServer) -> bool {
    let installed = external.install();
    if let Err(error) = &installed {
        println!("Skipped {}: {error:#}.", contestant.name());
    }
    installed.is_ok()
}

fn median(mut rows: Vec<Row>) -> Option<Row> {
    rows.sort_by(|one, other| one.mails_per_cpu_second.total_cmp(&other.mails_per_cpu_second));
    let middle = rows.len() / 2;
    rows.into_iter().nth(middle)
}

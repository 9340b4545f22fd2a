//! One contestant's figures.

use crate::contestant::Contestant;
use crate::external::{NODE, PYTHON};
use crate::load;
use crate::process::ServerProcess;
use crate::sink::Sink;
use anyhow::{Result, ensure};
use serde::Serialize;

/// The number of connections for measuring throughput.
const CONNECTIONS: usize = 16;

/// The figures of one contestant.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// Accepted mails per second, at 16 connections.
    pub mails_per_second: f64,
    /// Accepted mails per second of the serving process's processor time, at 16 connections.
    pub mails_per_cpu_second: f64,
    /// Half of the answers at one connection took at most this many microseconds.
    pub p50_at_1: u64,
    /// 99 of 100 answers at one connection.
    pub p99_at_1: u64,
    /// Half of the answers at 16 connections.
    pub p50_at_16: u64,
    /// 99 of 100 answers at 16 connections.
    pub p99_at_16: u64,
    /// Microseconds of the first answer after the server was ready.
    pub first_answer: u64,
    /// Bytes resident after all requests.
    pub memory: u64,
    /// The size of the deployed files in bytes, without the language's own runtime; none for the native core, which is
    /// part of this program.
    pub size: Option<u64>,
}

/// Measures one contestant in a new process.
pub async fn measure(contestant: Contestant, sink: &Sink, requests: usize) -> Result<Row> {
    let mut serving = ServerProcess::start(contestant, &sink.endpoint)?;
    let first = load::run(&serving.address, 1, 1).await?;
    // Caches fill, compilers warm up, instances start.
    load::run(&serving.address, CONNECTIONS, requests / 4).await?;
    let one = load::run(&serving.address, 1, requests / 4).await?;
    let (mails, time) = (sink.mails(), serving.processor_time()?);
    let many = load::run(&serving.address, CONNECTIONS, requests).await?;
    let mails = (sink.mails() - mails) as f64;
    let time = serving.processor_time()?.saturating_sub(time);
    ensure!(mails == many.latencies.len() as f64, "{}: not every request became one mail", contestant.name());
    Ok(Row {
        name: contestant.name(),
        mails_per_second: mails / many.elapsed.as_secs_f64(),
        mails_per_cpu_second: mails / time.as_secs_f64(),
        p50_at_1: one.latencies.value_at_quantile(0.5),
        p99_at_1: one.latencies.value_at_quantile(0.99),
        p50_at_16: many.latencies.value_at_quantile(0.5),
        p99_at_16: many.latencies.value_at_quantile(0.99),
        first_answer: first.latencies.max(),
        memory: serving.memory()?,
        size: size(contestant)?,
    })
}

fn size(contestant: Contestant) -> Result<Option<u64>> {
    match contestant {
        Contestant::Node => NODE.size().map(Some),
        Contestant::Python => PYTHON.size().map(Some),
        _ => Ok(contestant.component()?.map(|bytes| bytes.len() as u64)),
    }
}

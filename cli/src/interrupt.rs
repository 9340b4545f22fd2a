//! Ctrl-C and SIGTERM: the normal end of a command that serves.

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use anyhow::Context as _;

use crate::console;

/// Runs `work` until it ends or the user interrupts it, which counts as success.
///
/// Drops work in progress: nobody waits for the answers of a command for development.
pub fn until_interrupted(work: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Runtime::new().context("Cannot start threads")?;
    let outcome = runtime.block_on(async {
        let interrupted = interrupted().context("Cannot listen for signals")?;
        tokio::select! {
            () = interrupted => Ok(end_line()),
            outcome = work => outcome,
        }
    });
    runtime.shutdown_background();
    outcome
}

/// Terminals show Ctrl-C as `^C`, and the shell's prompt belongs on a line of its own.
fn end_line() -> ExitCode {
    if io::stdout().is_terminal() {
        console::say("");
    }
    ExitCode::SUCCESS
}

/// Listens from the call on; the future is ready at the first signal.
#[cfg(unix)]
pub fn interrupted() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Listens from the call on; the future is ready at the first signal.
#[cfg(windows)]
pub fn interrupted() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}

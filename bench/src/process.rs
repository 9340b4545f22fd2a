//! A separate serving process, so that its processor time and memory are only the server's.

use crate::contestant::Contestant;
use crate::external::{NODE, PYTHON};
use anyhow::{Context as _, Result};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use sysinfo::{Pid, Process, ProcessRefreshKind, ProcessesToUpdate, System};

/// A running server; killed when dropped.
pub struct ServerProcess {
    child: Child,
    system: System,
    /// Its address.
    pub address: String,
}

impl ServerProcess {
    /// Starts it and waits until it prints its address.
    pub fn start(contestant: Contestant, endpoint: &str) -> Result<Self> {
        let mut child = command(contestant, endpoint)?.stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().context("the server's output")?;
        let mut serving = Self { child, system: System::new(), address: String::new() };
        BufReader::new(output).read_line(&mut serving.address)?;
        serving.address.truncate(serving.address.trim_end().len());
        Ok(serving)
    }

    fn process(&mut self) -> Result<&Process> {
        let pid = Pid::from_u32(self.child.id());
        let wanted = ProcessRefreshKind::nothing().with_cpu().with_memory();
        self.system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, wanted);
        self.system.process(pid).context("the server exited")
    }

    /// The processor time that it has used, over all threads.
    pub fn processor_time(&mut self) -> Result<Duration> {
        Ok(Duration::from_millis(self.process()?.accumulated_cpu_time()))
    }

    /// The bytes of memory that are resident now.
    pub fn memory(&mut self) -> Result<u64> {
        Ok(self.process()?.memory())
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // It may already have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(contestant: Contestant, endpoint: &str) -> Result<Command> {
    match contestant {
        Contestant::Node => NODE.command(endpoint),
        Contestant::Python => PYTHON.command(endpoint),
        _ => {
            let mut command = Command::new(std::env::current_exe()?);
            command.arg("--serve").arg(format!("{contestant:?}")).arg("--endpoint").arg(endpoint);
            Ok(command)
        }
    }
}

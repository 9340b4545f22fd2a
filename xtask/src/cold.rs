//! `cargo xtask cold`: measures how long a newcomer waits, in a clone with nothing built.

use postern_flavour::cargo;
use std::fmt;
use std::fs;
use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// What `cargo dev` prints once it can send the first mail.
const READY: &str = " s  ready";

/// For programs, the kernel counts processor time in hundredths of a second (`USER_HZ`, proc(5)).
const TICKS_PER_SECOND: f64 = 100.0;

/// The figures of one start.
struct Start {
    compiled: usize,
    processor: Option<Duration>,
    clock: Duration,
}

impl fmt::Display for Start {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let processor = self.processor.map_or("unknown".to_owned(), |time| format!("{:.0} s", time.as_secs_f64()));
        write!(formatter, "{} | {processor} | {:.1} s", self.compiled, self.clock.as_secs_f64())
    }
}

/// Clones the workspace, starts `cargo dev` three times and prints a table: with nothing built, after an edit of the
/// core, and once more.
///
/// # Errors
/// A sentence, if a step fails.
pub fn cold(root: &Path) -> Result<(), String> {
    let scratch = Scratch::new()?;
    let clone = scratch.0.join("postern");
    let cloned = Command::new("git").arg("clone").arg("--quiet").arg(root).arg(&clone).status();
    if !cloned.is_ok_and(|status| status.success()) {
        return Err("`git clone` failed; its own message is above.".to_owned());
    }
    println!("| start | crates compiled | processor time | clock until the first mail can be sent |");
    println!("|---|---|---|---|");
    println!("| nothing built | {} |", start(&scratch, &clone)?);
    edit(&clone.join("src/host.rs"))?;
    println!("| after an edit in `src/` | {} |", start(&scratch, &clone)?);
    println!("| once more | {} |", start(&scratch, &clone)?);
    Ok(())
}

/// Ends `cargo dev` once it is ready.
fn start(scratch: &Scratch, clone: &Path) -> Result<Start, String> {
    let before = children_time();
    let started = Instant::now();
    let mut child = cargo(clone)
        .args(["dev", "--listen", "127.0.0.1:0", "--acs-listen", "127.0.0.1:0"])
        .env_remove("CARGO_TARGET_DIR")
        .env("XDG_CACHE_HOME", scratch.0.join("cache"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("Cannot start cargo: {error}."))?;
    let counting = child.stderr.take().map(|stderr| thread::spawn(move || compiled(stderr)));
    let ready = child.stdout.take().is_some_and(|stdout| {
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        lines.any(|line| line.ends_with(READY))
    });
    let clock = started.elapsed();
    interrupt(&mut child);
    let compiled = counting.and_then(|counting| counting.join().ok()).unwrap_or_default();
    match ready {
        true => Ok(Start { compiled, processor: children_time().zip(before).map(|(now, then)| now - then), clock }),
        false => Err("`cargo dev` ended before it was ready.".to_owned()),
    }
}

/// Passes on cargo's output, and counts the crates.
fn compiled(stderr: impl Read) -> usize {
    let lines = BufReader::new(stderr).lines().map_while(Result::ok);
    lines.inspect(|line| eprintln!("{line}")).filter(|line| line.trim_start().starts_with("Compiling ")).count()
}

fn interrupt(child: &mut Child) {
    // Without `kill`, the next line ends it less gently.
    let asked = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    if !asked.is_ok_and(|status| status.success()) {
        let _ = child.kill();
    }
    let _ = child.wait();
}

/// The processor time of all children that have ended, including their children's; known only on Linux.
fn children_time() -> Option<Duration> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // Fields 16 and 17 of proc_pid_stat(5), counted from the end of the program's name, which may contain spaces.
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
    Some(Duration::from_secs_f64((ticks(13)? + ticks(14)?) / TICKS_PER_SECOND))
}

/// Edits the core so that the component differs: otherwise, the existing native code would be used again.
fn edit(file: &Path) -> Result<(), String> {
    let failed = |error| format!("{}: {error}.", file.display());
    let text = fs::read_to_string(file).map_err(failed)?;
    let edited = text.replace("MAX_ANSWER_BYTES: usize = 64 * 1024", "MAX_ANSWER_BYTES: usize = 65 * 1024");
    if edited == text {
        return Err(format!("{} has no MAX_ANSWER_BYTES to edit: choose another constant here.", file.display()));
    }
    fs::write(file, edited).map_err(failed)
}

/// A directory that is removed when it is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self, String> {
        let path = std::env::temp_dir().join(format!("postern-cold-{}", std::process::id()));
        fs::create_dir(&path).map_err(|error| format!("Cannot create {}: {error}.", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

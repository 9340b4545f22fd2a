//! A program that serves, and the lines it prints while it does.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Far longer than anything takes: the longest is compiling the component on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

pub struct Running {
    child: Child,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
    passed: VecDeque<String>,
}

impl Running {
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = lines(child.stdout.take().unwrap());
        let stderr = lines(child.stderr.take().unwrap());
        Self { child, stdout, stderr, passed: VecDeque::new() }
    }

    /// Reads on to a line with this text in it.
    pub fn line(&mut self, text: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.stdout.recv_timeout(left) {
                Ok(line) if line.contains(text) => return line,
                Ok(line) => self.passed.push_back(line),
                Err(_) => panic!(
                    "no line with {text:?} after {:#?}\n{:#?}",
                    self.passed,
                    self.stderr.try_iter().collect::<Vec<_>>()
                ),
            }
        }
    }

    /// Reads on to a line with this text in it on standard error.
    pub fn complaint(&mut self, text: &str) -> String {
        loop {
            let line = self.stderr.recv_timeout(PATIENCE).expect("there is another line");
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Reads the next line.
    pub fn next(&mut self) -> String {
        self.stdout.recv_timeout(PATIENCE).expect("there is another line")
    }

    /// The address after a heading.
    pub fn address(&mut self, heading: &str) -> String {
        self.line(heading).trim().strip_prefix(heading).unwrap().trim().to_owned()
    }

    /// The process's id.
    #[allow(dead_code, reason = "for the tests of the overflow queue")]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the end: the exit status, what was left on standard output, and all of standard error.
    pub fn wait(mut self) -> (Option<i32>, Vec<String>, Vec<String>) {
        // Both pipes are closed once the program has ended, which limits the wait.
        let rest = |lines: &Receiver<String>| {
            let mut all = Vec::new();
            while let Ok(line) = lines.recv_timeout(PATIENCE) {
                all.push(line);
            }
            all
        };
        let (stdout, stderr) = (rest(&self.stdout), rest(&self.stderr));
        (self.child.wait().unwrap().code(), stdout, stderr)
    }

    /// Sends a signal and waits for the end, as [`Self::wait`] does.
    pub fn end(self, signal: &str) -> (Option<i32>, Vec<String>, Vec<String>) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        self.wait()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails if the program has already ended, which is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines() {
            if sender.send(line.unwrap()).is_err() {
                return;
            }
        }
    });
    receiver
}

/// The site whose pages use the forms of both policies.
pub const SITE: &str = "https://www.contoso.example";

/// Posts a text as a page of the site would; the status and the body.
pub fn post(url: &str, content_type: &str, body: &str) -> (u16, String) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut answer = agent.post(url).header("origin", SITE).header("content-type", content_type).send(body).unwrap();
    (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
}

/// The subjects in an emulator's inbox, oldest first.
pub fn subjects(inbox: &str) -> Vec<String> {
    let text = ureq::get(format!("{inbox}/api/messages")).call().unwrap().body_mut().read_to_string().unwrap();
    let list: Value = serde_json::from_str(&text).unwrap();
    let messages = list["messages"].as_array().unwrap().iter().rev();
    messages.map(|message| message["subject"].as_str().unwrap().to_owned()).collect()
}

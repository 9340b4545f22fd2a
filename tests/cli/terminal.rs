//! A program at a terminal, and what is on its screen.

use std::io::{Read, Write as _};
use std::num::NonZero;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// The size of the screen: the usual width.
const COLUMNS: usize = 80;
const ROWS: usize = 40;

/// As for other programs that serve.
const PATIENCE: Duration = Duration::from_secs(300);

pub struct Terminal {
    child: Child,
    output: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    transcript: Vec<u8>,
}

impl Terminal {
    /// Starts a program under `script`, which provides a terminal; `None` if `script` is not installed.
    pub fn start(command: &Command) -> Option<Self> {
        let version = Command::new("script").arg("--version").output().ok()?;
        if !String::from_utf8_lossy(&version.stdout).contains("util-linux") {
            return None;
        }
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let line = shlex::try_join(words.map(|word| word.to_str().unwrap())).unwrap();
        let line = format!("stty rows {ROWS} cols {COLUMNS}; exec {line}");
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--flush", "--command", &line, "/dev/null"]);
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => script.env(name, value),
                None => script.env_remove(name),
            };
        }
        script.current_dir(command.get_current_dir().unwrap());
        script.env("TERM", "xterm-256color").env("LC_ALL", "C.UTF-8").env_remove("NO_COLOR").env_remove("CI");
        let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let output = chunks(child.stdout.take().unwrap());
        Some(Self { child, output, screen: vt100::Parser::new(cells(ROWS), cells(COLUMNS), 0), transcript: Vec::new() })
    }

    /// What is on the screen once all these texts are.
    pub fn until(&mut self, texts: &[&str]) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let shown = self.shown();
            if texts.iter().all(|text| shown.contains(text)) {
                return shown;
            }
            match self.output.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.process(&bytes),
                Err(_) => panic!("no {texts:?} on the screen:\n{shown}"),
            }
        }
    }

    /// Everything that was ever written, with its control sequences.
    pub fn transcript(&self) -> String {
        String::from_utf8_lossy(&self.transcript).into_owned()
    }

    fn process(&mut self, bytes: &[u8]) {
        self.transcript.extend(bytes);
        self.screen.process(bytes);
    }

    /// Presses Ctrl-C and waits for the end: the exit status, and what is left on the screen.
    pub fn interrupt(mut self) -> (Option<i32>, String) {
        self.child.stdin.as_mut().unwrap().write_all(b"\x03").unwrap();
        while let Ok(bytes) = self.output.recv_timeout(PATIENCE) {
            self.process(&bytes);
        }
        (self.child.wait().unwrap().code(), self.shown())
    }

    fn shown(&self) -> String {
        let rows = self.screen.screen().rows(0, cells(COLUMNS).get());
        rows.map(|row| row.trim_end().to_owned()).collect::<Vec<_>>().join("\n").trim_end().to_owned()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Fails if the program has already ended, which is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn cells(count: usize) -> NonZero<u16> {
    NonZero::new(u16::try_from(count).unwrap()).unwrap()
}

fn chunks(mut stream: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = stream.read(&mut buffer) {
            if sender.send(buffer[..length].to_vec()).is_err() {
                return;
            }
        }
    });
    receiver
}

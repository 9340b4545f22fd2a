//! A webhook that answers as the test says, and records its requests.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

/// A request as it arrived.
#[derive(Clone)]
pub struct Asked {
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: Value,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    }
}

pub struct Hook {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// What to answer to events: statuses in turn, then 200. Handshakes are answered by `shake`.
pub type Shake = fn(&Asked) -> String;

impl Hook {
    pub fn new(shake: Shake, statuses: &[u16]) -> Hook {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let hook = Hook { address: listener.local_addr().unwrap(), asked: Arc::default() };
        let asked = Arc::clone(&hook.asked);
        let mut statuses = VecDeque::from(statuses.to_vec());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let request = read(&stream);
                let answer =
                    if is_handshake(&request) { shake(&request) } else { status(statuses.pop_front().unwrap_or(200)) };
                asked.lock().unwrap().push(request);
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        hook
    }

    pub fn url(&self) -> String {
        format!("http://{}/events?code=secret", self.address)
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

fn is_handshake(asked: &Asked) -> bool {
    asked.line.starts_with("OPTIONS") || asked.header("aeg-event-type") == Some("SubscriptionValidation")
}

pub fn status(status: u16) -> String {
    format!("HTTP/1.1 {status} Said\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
}

/// Accepts a handshake in Event Grid's schema.
pub fn agree(asked: &Asked) -> String {
    let code = &asked.body[0]["data"]["validationCode"];
    let body = format!("{{\"validationResponse\":{code}}}");
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

fn read(stream: &TcpStream) -> Asked {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let headers: Vec<_> = lines[1..]
        .iter()
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, n)| n.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    Asked { line: lines[0].clone(), headers, body: serde_json::from_slice(&body).unwrap_or_default() }
}

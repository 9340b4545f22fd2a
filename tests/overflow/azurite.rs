//! Azurite, Microsoft's emulator of Azure Storage, as it comes from npm: once, into the target directory.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use postern::overflow::{Letter, LetterError};
use ureq::Agent;

/// A version that is known to work, with Node.js 20 too.
const PACKAGE: &str = "azurite@3.35.0";

/// Azurite's only account and its key, which is public (Microsoft Learn, "Use the Azurite emulator").
pub const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

pub struct Azurite {
    _child: Child,
    /// `http://127.0.0.1:PORT`
    pub queues: String,
    pub blobs: String,
    agent: Agent,
}

/// The program, or why it is not available.
fn program() -> Result<PathBuf, String> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("azurite");
    let program = directory.join("node_modules/azurite/dist/src/azurite.js");
    if !program.exists() {
        fs::create_dir_all(&directory).unwrap();
        let mut install = Command::new("npm");
        install.args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"]).arg(&directory).arg(PACKAGE);
        let output = install.output().map_err(|error| format!("npm does not start: {error}"))?;
        if !output.status.success() {
            return Err(format!("npm cannot install {PACKAGE}: {}", String::from_utf8_lossy(&output.stderr)));
        }
    }
    Ok(program)
}

impl Azurite {
    /// Starts one that keeps everything in memory, on ports that the system chooses.
    pub fn start() -> Result<Self, String> {
        let program = program()?;
        // It ends with this process, which has the other end of its standard input: static values are never dropped.
        let mut command = Command::new("sh");
        command.args(["-c", "node \"$@\" & cat > /dev/null; kill $!", "sh"]);
        command.arg(program).args(["--inMemoryPersistence", "--disableTelemetry"]);
        for service in ["blob", "queue", "table"] {
            command.args([&format!("--{service}Host"), "127.0.0.1", &format!("--{service}Port"), "0"]);
        }
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = child.map_err(|error| format!("sh does not start: {error}"))?;
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut listening = |service: &str| {
            let start = format!("Azurite {service} service is successfully listening at ");
            let line = lines.by_ref().map(Result::unwrap).find_map(|line| Some(line.strip_prefix(&start)?.to_owned()));
            line.unwrap_or_else(|| panic!("Azurite's {service} service listens"))
        };
        let (blobs, queues) = (listening("Blob"), listening("Queue"));
        // If nobody read its output, the server would stop, too.
        thread::spawn(move || lines.for_each(drop));
        let agent = Agent::config_builder().http_status_as_error(false).build().into();
        Ok(Self { _child: child, queues, blobs, agent })
    }

    fn call(&self, method: &str, address: String) -> (u16, String) {
        let separator = if address.contains('?') { '&' } else { '?' };
        let address = format!("{address}{separator}{}", signature("rwdlacup"));
        let request = ureq::http::Request::builder().method(method).uri(address).header("x-ms-version", "2023-11-03");
        let mut answer = match method {
            "PUT" => self.agent.run(request.body(Vec::new()).unwrap()).unwrap(),
            _ => self.agent.run(request.body(()).unwrap()).unwrap(),
        };
        (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
    }

    /// Creates a queue and a container of that name, or empties the queue and its poison queue.
    pub fn fresh(&self, name: &str) {
        let (queue, aside) = (self.queue(name), self.queue(&format!("{name}-poison")));
        let created = [
            self.call("PUT", queue.clone()),
            self.call("PUT", format!("{}/{ACCOUNT}/{name}?restype=container", self.blobs)),
            self.call("DELETE", format!("{queue}/messages")),
            self.call("DELETE", aside),
        ];
        let good = [&[201, 204][..], &[201, 409], &[204], &[204, 404]];
        for ((status, text), good) in created.iter().zip(good) {
            assert!(good.contains(status), "{status} {text}");
        }
        self.empty(name);
    }

    /// Everything visible in a queue, which stays hidden for ten minutes afterwards.
    pub fn letters(&self, name: &str) -> Vec<Result<Letter, LetterError>> {
        let mut letters = Vec::new();
        loop {
            let address = format!("{}/messages?numofmessages=32&visibilitytimeout=600", self.queue(name));
            let (status, xml) = self.call("GET", address);
            if status == 404 {
                return letters;
            }
            assert_eq!(status, 200, "{xml}");
            let texts: Vec<_> = xml.split("<MessageText>").skip(1).collect();
            if texts.is_empty() {
                return letters;
            }
            letters.extend(texts.iter().map(|text| Letter::decode(text.split('<').next().unwrap())));
        }
    }

    /// Puts a text that the gate did not write into a queue.
    pub fn put(&self, name: &str, text: &str) {
        let address = format!("{}/messages?{}", self.queue(name), signature("a"));
        let xml = format!("<QueueMessage><MessageText>{text}</MessageText></QueueMessage>");
        assert_eq!(self.agent.post(address).send(xml).unwrap().status().as_u16(), 201);
    }

    /// Removes everything from a queue, visible or hidden.
    pub fn clear(&self, name: &str) -> u16 {
        self.call("DELETE", format!("{}/messages", self.queue(name))).0
    }

    /// Writes a blob.
    pub fn put_blob(&self, name: &str, blob: &str, content: &[u8]) {
        let address = format!("{}/{ACCOUNT}/{name}/{blob}?{}", self.blobs, signature("wc"));
        let request =
            self.agent.put(address).header("x-ms-version", "2023-11-03").header("x-ms-blob-type", "BlockBlob");
        assert_eq!(request.send(content).unwrap().status().as_u16(), 201);
    }

    /// Deletes every blob of a container.
    pub fn empty(&self, name: &str) {
        for blob in self.blobs(name) {
            assert_eq!(self.call("DELETE", format!("{}/{ACCOUNT}/{name}/{blob}", self.blobs)).0, 202);
        }
    }

    /// The names of all blobs of a container.
    pub fn blobs(&self, name: &str) -> Vec<String> {
        let (status, xml) = self.call("GET", format!("{}/{ACCOUNT}/{name}?restype=container&comp=list", self.blobs));
        assert_eq!(status, 200, "{xml}");
        xml.split("<Name>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned()).collect()
    }

    fn queue(&self, name: &str) -> String {
        format!("{}/{ACCOUNT}/{name}", self.queues)
    }
}

/// A shared access signature of the account for queues and blobs with these permissions (Microsoft Learn, "Create an
/// account SAS"), made with the sha2 and hmac crates directly.
pub fn signature(permissions: &str) -> String {
    signature_for("bq", permissions)
}

/// The same for these services only.
pub fn signature_for(services: &str, permissions: &str) -> String {
    let (types, end, version) = ("sco", "2099-01-01T00:00:00Z", "2023-11-03");
    let text = format!("{ACCOUNT}\n{permissions}\n{services}\n{types}\n\n{end}\n\n\n{version}\n\n");
    let key = STANDARD.decode(KEY).unwrap();
    let mac = Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap().chain_update(text).finalize().into_bytes();
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("sv", version), ("ss", services), ("srt", types), ("sp", permissions), ("se", end)])
        .append_pair("sig", &STANDARD.encode(mac))
        .finish()
}

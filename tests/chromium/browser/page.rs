//! An emulator with mails in it, or a running gate, and the page in a browser.

use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::Ipv4Addr;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use headless_chrome::browser::default_executable;
use headless_chrome::protocol::cdp::Emulation;
use headless_chrome::protocol::cdp::Page::CaptureScreenshotFormatOption;
use headless_chrome::{Browser, LaunchOptions, Tab};
use postern_emulator::{BearerCheck, Config, Emulator, Store};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Far longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A page in a separate browser.
pub struct Page {
    tab: Arc<Tab>,
    _browser: Browser,
}

/// An emulator alone, and its page.
pub struct Inbox {
    pub endpoint: String,
    pub store: Store,
    page: Page,
    _runtime: Runtime,
}

impl Deref for Inbox {
    type Target = Page;

    fn deref(&self) -> &Page {
        &self.page
    }
}

impl Inbox {
    /// Without Chromium, prints a message and returns `None`.
    pub fn open() -> Option<Inbox> {
        Inbox::with(|_| {})
    }

    /// With messages that exist before the page is opened.
    pub fn with(fill: impl FnOnce(&str)) -> Option<Inbox> {
        Inbox::of(Config::default(), fill)
    }

    pub fn of(config: Config, fill: impl FnOnce(&str)) -> Option<Inbox> {
        let chromium = chromium()?;
        let runtime = Runtime::new().unwrap();
        let config = Config { bearer: BearerCheck::new(|_| true), ..config };
        let emulator = runtime.block_on(Emulator::bind((Ipv4Addr::LOCALHOST, 0).into(), config)).unwrap();
        let (endpoint, store) = (emulator.endpoint(), emulator.store());
        runtime.spawn(emulator.serve(std::future::pending()));
        fill(&endpoint);
        let page = Page::open(chromium, &format!("{endpoint}/"));
        Some(Inbox { endpoint, store, page, _runtime: runtime })
    }

    pub fn send(&self, email: &Value) -> u16 {
        send(&self.endpoint, email)
    }
}

fn chromium() -> Option<PathBuf> {
    let found = default_executable().ok();
    if found.is_none() {
        eprintln!(
            "skipped: there is no Chromium; install it (Debian: apt-get install chromium), or name one in CHROME"
        );
    }
    found
}

/// `postern dev` with the policy next to these tests, and the page that it serves.
pub struct Workshop {
    pub inbox: String,
    pub policy: TempDir,
    page: Page,
    child: Child,
}

impl Deref for Workshop {
    type Target = Page;

    fn deref(&self) -> &Page {
        &self.page
    }
}

impl Workshop {
    /// Without Chromium or the tool, prints a message and returns `None`.
    pub fn open() -> Option<Workshop> {
        let chromium = chromium()?;
        let tool = env::var_os("POSTERN").map_or_else(|| root().join("../../target/debug/postern"), PathBuf::from);
        if !tool.exists() {
            eprintln!("skipped: there is no `postern`; run `cargo build -p postern-cli`, or name one in POSTERN");
            return None;
        }
        let policy = tempfile::tempdir().unwrap();
        copy(&root().join("policy"), policy.path());
        let mut child = Command::new(tool)
            .args(["dev", "--listen", "127.0.0.1:0", "--acs-listen", "127.0.0.1:0", "--policy"])
            .arg(policy.path())
            .env_remove("ORDER_SECRET")
            .env("XDG_CACHE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let inbox = lines.find_map(|line| line.trim().strip_prefix("Inbox").map(|rest| rest.trim().to_owned()));
        let inbox = inbox.expect("the tool says where the inbox is");
        // Its further output is not needed, but it must not block.
        thread::spawn(move || lines.for_each(drop));
        let page = Page::open(chromium, &format!("{inbox}/#studio"));
        Some(Workshop { inbox, policy, page, child })
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

impl Page {
    fn open(chromium: PathBuf, address: &str) -> Page {
        // Chromium's own sandbox does not work for root, as tests in containers often run; the page is our own.
        let options = LaunchOptions::default_builder()
            .path(Some(chromium))
            .sandbox(false)
            .window_size(Some((1280, 800)))
            .idle_browser_timeout(PATIENCE)
            .build()
            .unwrap();
        let browser = Browser::new(options).unwrap();
        let tab = browser.new_tab().unwrap();
        tab.navigate_to(address).unwrap().wait_until_navigated().unwrap();
        Page { tab, _browser: browser }
    }

    /// The value of an expression in the page.
    pub fn value(&self, expression: &str) -> Value {
        self.tab.evaluate(expression, true).unwrap().value.unwrap_or_default()
    }

    /// Waits until an expression in the page is true.
    #[track_caller]
    pub fn until(&self, expression: &str) {
        let end = Instant::now() + PATIENCE;
        while self.value(expression) != json!(true) {
            assert!(Instant::now() < end, "never true: {expression}");
            thread::yield_now();
        }
    }

    pub fn click(&self, selector: &str) {
        self.tab.wait_for_element(selector).unwrap().click().unwrap();
    }

    pub fn write(&self, selector: &str, text: &str) {
        self.click(selector);
        self.tab.type_str(text).unwrap();
    }

    /// Types at the focus.
    pub fn type_text(&self, text: &str) {
        self.tab.type_str(text).unwrap();
    }

    /// Waits until the page has drawn its current data.
    pub fn settle(&self) {
        self.value("window.drawn = false; requestAnimationFrame(() => requestAnimationFrame(() => { window.drawn = true })); 1");
        self.until("window.drawn");
    }

    pub fn press(&self, key: &str) {
        self.tab.press_key(key).unwrap();
    }

    /// Makes the window this wide and dark or light.
    pub fn look(&self, width: u32, scheme: &str) {
        let metrics = json!({"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false});
        self.tab.call_method(serde_json::from_value::<Emulation::SetDeviceMetricsOverride>(metrics).unwrap()).unwrap();
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.tab.call_method(serde_json::from_value::<Emulation::SetEmulatedMedia>(media).unwrap()).unwrap();
    }

    /// Loads another party's script into the page, as an extension would.
    pub fn load(&self, script: &str) {
        self.tab.evaluate(script, false).unwrap();
    }

    /// Saves a screenshot of the page for people.
    pub fn keep(&self, name: &str) {
        let picture = self.tab.capture_screenshot(CaptureScreenshotFormatOption::Png, None, None, true).unwrap();
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join(format!("{name}.png")), picture).unwrap();
    }
}

pub fn send(endpoint: &str, email: &Value) -> u16 {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let answer = agent
        .post(format!("{endpoint}/emails:send?api-version=2025-09-01"))
        .header("authorization", "Bearer token")
        .header("content-type", "application/json")
        .send(email.to_string());
    answer.unwrap().status().as_u16()
}

pub fn email(subject: &str) -> Value {
    json!({
        "senderAddress": "forms@contoso.example",
        "content": {"subject": subject, "plainText": "Ada wrote:\n\nCould you send me a quote for forty units?"},
        "recipients": {"to": [{"address": "sales@contoso.example"}]},
    })
}

pub fn html_email(subject: &str, html: &str) -> Value {
    let mut email = email(subject);
    email["content"]["html"] = json!(html);
    email
}

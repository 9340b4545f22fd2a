//! An emulator with mails in it, and its page in a browser.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use headless_chrome::browser::default_executable;
use headless_chrome::protocol::cdp::Emulation;
use headless_chrome::protocol::cdp::Page::CaptureScreenshotFormatOption;
use headless_chrome::{Browser, LaunchOptions, Tab};
use postern_emulator::{BearerCheck, Config, Emulator, Store};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// Far longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Inbox {
    pub endpoint: String,
    pub store: Store,
    tab: Arc<Tab>,
    _browser: Browser,
    _runtime: Runtime,
}

impl Inbox {
    /// `None`, with a word on it, where there is no Chromium.
    pub fn open() -> Option<Inbox> {
        let Ok(path) = default_executable() else {
            eprintln!(
                "skipped: there is no Chromium; install it (Debian: apt-get install chromium), or name one in CHROME"
            );
            return None;
        };
        let runtime = Runtime::new().unwrap();
        let config = Config { bearer: BearerCheck::new(|_| true), ..Config::default() };
        let emulator = runtime.block_on(Emulator::bind((Ipv4Addr::LOCALHOST, 0).into(), config)).unwrap();
        let (endpoint, store) = (emulator.endpoint(), emulator.store());
        runtime.spawn(emulator.serve(std::future::pending()));
        // Chromium's own sandbox does not work for root, as tests in containers often run; the page is our own.
        let options = LaunchOptions::default_builder()
            .path(Some(path))
            .sandbox(false)
            .window_size(Some((1280, 800)))
            .idle_browser_timeout(PATIENCE)
            .build()
            .unwrap();
        let browser = Browser::new(options).unwrap();
        let tab = browser.new_tab().unwrap();
        tab.navigate_to(&format!("{endpoint}/")).unwrap().wait_until_navigated().unwrap();
        Some(Inbox { endpoint, store, tab, _browser: browser, _runtime: runtime })
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

    pub fn press(&self, key: &str) {
        self.tab.press_key(key).unwrap();
    }

    pub fn send(&self, email: &Value) -> u16 {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let answer = agent
            .post(format!("{}/emails:send?api-version=2025-09-01", self.endpoint))
            .header("authorization", "Bearer token")
            .header("content-type", "application/json")
            .send(email.to_string());
        answer.unwrap().status().as_u16()
    }

    /// Makes the window this wide and dark or light.
    pub fn look(&self, width: u32, scheme: &str) {
        let metrics = json!({"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false});
        self.tab.call_method(serde_json::from_value::<Emulation::SetDeviceMetricsOverride>(metrics).unwrap()).unwrap();
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.tab.call_method(serde_json::from_value::<Emulation::SetEmulatedMedia>(media).unwrap()).unwrap();
    }

    /// Keeps a picture of the page for people to look at.
    pub fn keep(&self, name: &str) {
        let picture = self.tab.capture_screenshot(CaptureScreenshotFormatOption::Png, None, None, true).unwrap();
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join(format!("{name}.png")), picture).unwrap();
    }
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

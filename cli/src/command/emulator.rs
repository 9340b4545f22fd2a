//! `postern emulator`: Azure Communication Services Email on this machine, without a gate.

use std::fs;
use std::future::pending;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use http::Uri;
use postern_emulator::{BindError, Config, Emulator as Acs, EventSchema, Quota, Senders, Tls, Webhook};

use crate::console::{self, BOLD, YELLOW};
use crate::interrupt::until_interrupted;
use crate::listen;

/// Run only the emulator of Azure Communication Services Email
///
/// It checks signatures as ACS does, keeps the mails it accepts, and shows them in an inbox. Nothing leaves this
/// machine.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  postern emulator --listen 127.0.0.1:4001\n  postern emulator --tls --data mails")]
pub struct Emulator {
    /// The address to listen on; port 0 picks a free port
    #[arg(long, value_name = "ADDR", default_value = listen::EMULATOR, value_parser = listen::address)]
    listen: SocketAddr,

    /// Serve https with a certificate created at this start; FILE gets the authority that clients must trust
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = AUTHORITY)]
    tls: Option<PathBuf>,

    /// Keep messages and suppressed addresses in this directory instead of in memory
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// The quota of calls, which in ACS depends on the kind of domain
    #[arg(long, value_enum, default_value_t)]
    quota: Calls,

    /// A From address that the resource knows; can be repeated. Without this option, it knows every address
    #[arg(long = "sender", value_name = "ADDRESS")]
    senders: Vec<String>,

    /// Push delivery reports to this webhook, as Event Grid does
    #[arg(long, value_name = "URL", value_parser = web_address)]
    reports: Option<Uri>,

    /// The event schema of the reports
    #[arg(long, value_enum, default_value_t, requires = "reports")]
    reports_schema: Schema,

    /// How many times faster than Event Grid to retry
    #[arg(long, value_name = "N", default_value_t = 60, requires = "reports", value_parser = clap::value_parser!(u32).range(1..))]
    reports_speed: u32,
}

/// How an event is wrapped.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Schema {
    /// Event Grid's own
    #[default]
    EventGrid,
    /// CloudEvents 1.0
    CloudEvents,
}

impl From<Schema> for EventSchema {
    fn from(schema: Schema) -> Self {
        match schema {
            Schema::EventGrid => Self::EventGrid,
            Schema::CloudEvents => Self::CloudEvents,
        }
    }
}

fn web_address(text: &str) -> Result<Uri, &'static str> {
    let uri = text.parse::<Uri>().ok().filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")));
    uri.ok_or("expected an http or https URL, such as http://127.0.0.1:3000/hooks/delivery")
}

/// Where the authority's certificate is written where no file is named.
const AUTHORITY: &str = "postern-emulator-ca.pem";

/// The quotas of ACS, by the kind of domain that mails are sent from.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Calls {
    /// A custom domain: 30 sends per minute, 100 per hour
    Custom,
    /// An Azure-managed domain: 5 sends per minute, 10 per hour
    Managed,
    /// No limit
    #[default]
    None,
}

impl From<Calls> for Quota {
    fn from(calls: Calls) -> Self {
        match calls {
            Calls::Custom => Self::Custom,
            Calls::Managed => Self::Managed,
            Calls::None => Self::None,
        }
    }
}

impl Emulator {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        until_interrupted(async move {
            let acs = bind(self.listen, "--listen", self.config()?).await?;
            console::say(format_args!("{BOLD}Endpoint{BOLD:#}           {}", acs.endpoint()));
            console::say(format_args!("{BOLD}Inbox{BOLD:#}              {}/", acs.endpoint()));
            console::say(format_args!("{BOLD}Connection string{BOLD:#}  {}", acs.connection_string()));
            console::say(format_args!("\n{}", reach(self.listen)));
            if let Some(file) = &self.tls {
                console::say(format_args!("\n{}", trust(file)?));
            }
            console::say("\nThe access key is public: use it only for development. Press Ctrl-C to stop.");
            acs.serve(pending()).await?;
            Ok(ExitCode::SUCCESS)
        })
    }

    fn config(&self) -> anyhow::Result<Config> {
        let tls = self.tls.as_deref().map(|file| certificate(self.listen, file)).transpose()?;
        let senders = if self.senders.is_empty() { Senders::Any } else { Senders::Only(self.senders.clone()) };
        Ok(Config {
            tls,
            data: self.data.clone(),
            quota: self.quota.into(),
            senders,
            reports: self.reports.clone().map(|url| self.webhook(url)),
            ..Config::default()
        })
    }

    fn webhook(&self, url: Uri) -> Webhook {
        Webhook { schema: self.reports_schema.into(), speed: self.reports_speed, ..Webhook::new(url) }
    }
}

/// Makes a certificate and writes its authority where clients can be pointed to.
fn certificate(listen: SocketAddr, file: &Path) -> anyhow::Result<Tls> {
    let tls = Tls::generate(listen.ip())?;
    fs::write(file, tls.authority()).with_context(|| format!("Cannot write {}", file.display()))?;
    Ok(tls)
}

/// Says who can read the mails.
fn reach(listen: SocketAddr) -> String {
    if listen.ip().is_loopback() {
        "Only this machine can connect.".to_owned()
    } else {
        format!("{YELLOW}Anyone who can reach {listen} can read the mails: it is not a loopback address.{YELLOW:#}")
    }
}

/// Says how clients come to trust the certificate.
fn trust(file: &Path) -> anyhow::Result<String> {
    let path = file.canonicalize().with_context(|| format!("Cannot find {} again", file.display()))?;
    let path = path.display();
    Ok(format!(
        "{BOLD}To trust its certificate{BOLD:#}, set this for the client only:\n  \
         Node.js                NODE_EXTRA_CA_CERTS={path}\n  \
         Python                 REQUESTS_CA_BUNDLE={path}\n  \
         Python, asynchronous   SSL_CERT_FILE={path}\n  \
         curl                   curl --cacert {path}\n\
         Each start creates a new certificate. Its authority's key is discarded, so it cannot sign another."
    ))
}

/// Listens, or says which option chooses another address.
pub async fn bind(address: SocketAddr, option: &str, config: Config) -> anyhow::Result<Acs> {
    Acs::bind(address, config).await.map_err(|error| match error {
        BindError::InUse(address) => listen::busy(address, option),
        BindError::Other { address, source } => listen::refused(address, &source, option),
        BindError::Archive(error) => error.into(),
    })
}

//! Tables in the documents match the code. `UPDATE_DOCS=1 cargo test --test core docs` rewrites them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use postern::acs::{Call, Next, Signal, State, Status, TERMINAL_CODES};
use postern::contract::{CONTRACTS, Contract, EventId};
use postern::policy::rule::Terms;
use postern::policy::scheme::definitions;
use postern::problem::{PROBLEM_TYPES, RetryDisposition};

fn document(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Compares the rows of the table between `<!-- mark -->` and `<!-- /mark -->`, or rewrites them.
pub fn table(name: &str, mark: &str, rows: &[String]) {
    let path = document(name);
    let text = fs::read_to_string(&path).unwrap();
    let (start, end) = (format!("<!-- {mark} -->\n"), format!("<!-- /{mark} -->"));
    let (before, rest) = text.split_once(&start).unwrap();
    let (found, after) = rest.split_once(&end).unwrap();
    let head: String = found.split_inclusive('\n').take(2).collect();
    let expected = format!("{head}{}", rows.iter().map(|row| format!("{row}\n")).collect::<String>());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, format!("{before}{start}{expected}{end}{after}")).unwrap();
    } else {
        assert_eq!(found, expected, "{name}: run `UPDATE_DOCS=1 cargo test --test core docs`");
    }
}

#[test]
fn the_table_of_problems_is_that_of_the_code() {
    let row = |problem: &postern::problem::ProblemType| {
        format!("| `{}` | {} | {} |", problem.slug, problem.status.as_u16(), problem.title)
    };
    table("docs/answers.md", "problems", &PROBLEM_TYPES.iter().map(row).collect::<Vec<_>>());

    // In the same document, so in the same test.
    let row = |status: Status| {
        let terminal = if status.is_terminal() { "yes" } else { "no" };
        format!("| `{}` | {terminal} | {} |", status.as_str(), status.meaning())
    };
    table("docs/answers.md", "statuses", &Status::ALL.map(row));
}

#[test]
fn the_table_of_purposes_is_that_of_the_code() {
    let row = |rule: &postern_lint::purpose::Rule| {
        let from = if rule.guarded_form { "a form with a guard against abuse" } else { "any route" };
        format!("| `{}` | {} | {from} | {} |", rule.purpose.as_str(), rule.to.words(), rule.reason)
    };
    table("docs/policy.md", "purposes", &postern_lint::purpose::RULES.iter().map(row).collect::<Vec<_>>());
}

#[test]
fn the_table_of_rules_is_that_of_the_code() {
    let row = |(name, terms): (&String, &Terms)| {
        let time = match (&terms.timestamp, &terms.timestamp_prefix) {
            (Some(header), _) => format!("`{header}`"),
            (None, Some(prefix)) => format!("`{prefix}…` in the signature's header"),
            (None, None) => "none".to_owned(),
        };
        let tolerance = terms.tolerance.map_or("–".to_owned(), |seconds| format!("{seconds} s"));
        let header = terms.header.0.join("`, `");
        format!("| `{name}` | `{header}` | `{}…` | `{}` | {time} | {tolerance} |", terms.prefix, terms.signed)
    };
    let rules = definitions().iter().filter_map(|(name, definition)| Some((name, definition.rule.as_ref()?)));
    table("docs/policy.md", "rules", &rules.map(row).collect::<Vec<_>>());
}

#[test]
fn every_setting_of_the_gate_s_own_is_explained() {
    let text = fs::read_to_string(document("docs/operations.md")).unwrap();
    let own = postern::acs::setting::ALL.into_iter().chain(postern::entra::setting::ALL);
    for name in own.chain(postern::overflow::setting::ALL) {
        assert!(text.contains(&format!("`{name}")), "{name}");
    }
}

#[test]
fn the_limits_of_the_embedded_host_are_those_of_the_code() {
    let limits = postern_runtime::Limits::default();
    let seconds = |time: std::time::Duration| format!("{} s", time.as_secs());
    let rows = [
        ("open connections", limits.max_connections.to_string(), "further ones wait to be accepted"),
        (
            "of these, from one IPv4 address or one IPv6 /64",
            limits.max_connections_per_peer.to_string(),
            "further ones are closed at once",
        ),
        (
            "requests on one connection",
            limits.requests_per_connection.to_string(),
            "the last answer says `connection: close`",
        ),
        (
            "life of a connection",
            seconds(limits.connection_time),
            "it is closed; answers say `connection: close` before that",
        ),
        ("sending a request's head, and silence before one", seconds(limits.header_time), "the connection is closed"),
        ("taking nothing of an answer that is ready", seconds(limits.write_time), "the connection is closed"),
        ("from a request's head to the answer's", seconds(limits.request_time), "504"),
        ("requests in progress", limits.max_requests.to_string(), "they wait, then 503"),
        ("memory of an instance", format!("{} MiB", limits.memory_bytes >> 20), "500"),
        ("ending requests in progress when stopped", seconds(limits.shutdown_time), "they are cut off"),
    ];
    let rows = rows.map(|(what, limit, beyond)| format!("| {what} | {limit} | {beyond} |"));
    table("docs/operations.md", "limits", &rows);
}

#[test]
fn every_scheme_is_explained() {
    let text = fs::read_to_string(document("docs/policy.md")).unwrap();
    for name in postern::policy::scheme::names() {
        assert!(text.contains(&format!("| `{name}` |")), "{name}");
    }
}

#[test]
fn the_table_of_captcha_services_is_that_of_the_code() {
    let yes = |has| if has { "yes" } else { "no" };
    let row = |one: &postern::policy::Service| {
        let (action, score) = (yes(one.has_action), yes(one.has_score));
        format!("| `{}` | `{}` | {action} | {score} | `{}` |", one.name, one.field, one.origin())
    };
    table("docs/forms.md", "captchas", &postern::policy::SERVICES.iter().map(row).collect::<Vec<_>>());
}

#[test]
fn the_table_of_widgets_is_that_of_the_code() {
    let row = |(field, widget): &(&str, &str)| format!("| `{field}` | {widget} |");
    table("docs/forms.md", "widgets", &postern::policy::WIDGET_FIELDS.iter().map(row).collect::<Vec<_>>());
}

#[test]
fn the_table_of_file_types_is_that_of_the_code() {
    let row = |one: &postern::policy::FileType| {
        let extensions: Vec<_> = one.extensions.iter().map(|extension| format!("`.{extension}`")).collect();
        format!("| `{}` | {} | `{}` |", one.name, extensions.join(", "), one.content_type)
    };
    table("docs/forms.md", "files", &postern::policy::FILE_TYPES.iter().map(row).collect::<Vec<_>>());
}

fn state(state: State) -> &'static str {
    match state {
        State::Send => "send",
        State::Check => "check",
        State::Ask => "ask",
        State::AskAgain => "ask again",
        State::SendAgain => "send again",
        State::Confirm => "confirm",
    }
}

#[test]
fn the_tables_of_what_follows_what_and_of_final_errors_are_those_of_the_code() {
    use Signal::{Accepted, Barred, Doubtful, Failed, Postponed, Refused, Unknown};
    let columns = [Accepted, Failed, Refused, Barred, Unknown, Postponed, Doubtful];
    let row = |from: State| {
        let cell = |signal| match from.next(signal) {
            _ if !from.call().signals().contains(&signal) => "–",
            Next::End => "**end**",
            Next::Go(next) => state(next),
        };
        let call = match from.call() {
            Call::Send => "`POST`",
            Call::Status => "`GET`",
        };
        format!("| {} | {call} | {} |", state(from), columns.map(cell).join(" | "))
    };
    table("docs/delivery.md", "states", &State::ALL.map(row));

    // In the same document, so in the same test.
    let row = |(code, outcome): &(&str, postern::outcome::Outcome)| format!("| `{code}` | `{}` |", outcome.as_str());
    table("docs/delivery.md", "codes", &TERMINAL_CODES.iter().map(row).collect::<Vec<_>>());
}

#[test]
fn every_member_of_a_letter_is_explained() {
    let head = postern::overflow::Head {
        postern: postern::overflow::FORM,
        operation: uuid::Uuid::nil(),
        route: String::new(),
        mail: String::new(),
        policy_sha256: String::new(),
        queued_at: String::new(),
        in_doubt: false,
        traceparent: String::new(),
        blob: Some(String::new()),
        mac: String::new(),
        set_aside: Some(String::new()),
    };
    let text = fs::read_to_string(document("docs/delivery.md")).unwrap();
    for member in serde_json::to_value(head).unwrap().as_object().unwrap().keys() {
        assert!(text.contains(&format!("`{member}`")), "{member}");
    }
}

#[test]
fn the_table_of_contracts_is_that_of_the_code() {
    let problem = |slug: &str| PROBLEM_TYPES.iter().find(|problem| problem.slug == slug).unwrap();
    let row = |contract: &Contract| {
        let status = |slug, disposition| contract.status(problem(slug), disposition).as_u16();
        let id = match contract.event_id {
            EventId::None => "–".to_owned(),
            EventId::Header(name) => format!("`{name}`"),
            EventId::Fields(pointers) => format!("`{}`", pointers.join("`, `")),
            EventId::Object(pointer) => format!("hash of `{pointer}`"),
            EventId::AlertGroup => "group, state and alerts".to_owned(),
        };
        let time = |seconds| humantime::format_duration(Duration::from_secs(seconds)).to_string();
        let horizon = if contract.retry_horizon == 0 { "no".to_owned() } else { time(contract.retry_horizon) };
        let window = contract.duplicate_window.map_or("–".to_owned(), time);
        format!(
            "| `{}` | {} s | {} | {}{} | {} | {} | {horizon} | {id} | {window} |",
            contract.name,
            contract.patience,
            contract.status(problem("unauthenticated"), RetryDisposition::Correct).as_u16(),
            status("invalid-payload", RetryDisposition::GiveUp),
            contract.stop.map(|(name, value)| format!(", `{name}: {value}`")).unwrap_or_default(),
            status("not-accepted", RetryDisposition::Refused),
            status("try-later", RetryDisposition::Retry),
        )
    };
    table("docs/answers.md", "contracts", &CONTRACTS.iter().map(row).collect::<Vec<_>>());
}

#[test]
fn the_table_of_conventions_is_that_of_the_code() {
    let code = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let row = |one: &postern::policy::Convention| {
        let next = one.next.map_or("–".to_owned(), |next| code(&[next]));
        let (honeypot, offered, ignored) = (one.honeypot, code(one.offered), code(one.ignored));
        format!("| `{}` | `{honeypot}` | {next} | {offered} | {ignored} |", one.name)
    };
    table("docs/forms.md", "conventions", &postern::policy::CONVENTIONS.iter().map(row).collect::<Vec<_>>());
}

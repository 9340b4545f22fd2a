//! What people do with the inbox.

use serde_json::json;

use crate::page::{Inbox, email, html_email};

const LETTER: &str = r##"<body style="margin:0;background:#f4f5f7;font-family:sans-serif"><table width="100%"><tr>
    <td align="center" style="padding:24px"><table width="100%" style="max-width:560px;background:#fff"><tr>
    <td style="padding:24px"><h1 style="font-size:20px;color:#1a2029">New message from the website</h1>
    <p>Ada wrote through the contact form:</p><p style="padding:8px 16px;color:#333">Could you send me a quote?</p>
    <p style="color:#aaa">Sent by the contact form.</p><p><a href="https://www.contoso.example/contact">Open the form</a>
    </p></td></tr></table></td></tr></table></body>"##;

const SUBJECTS: &str = "[...document.querySelectorAll('#messages .what')].map((one) => one.textContent).join()";

fn shows(subjects: &str) -> String {
    format!("{SUBJECTS} === {}", json!(subjects))
}

#[test]
fn a_mail_appears_without_a_reload() {
    let Some(inbox) = Inbox::open() else { return };
    inbox.until("!document.getElementById('nothing').hidden");
    inbox.value("window.mark = 1");
    assert_eq!(inbox.send(&email("First")), 202);
    inbox.until(&shows("First"));
    assert_eq!(inbox.send(&email("Second")), 202);
    inbox.until(&shows("Second,First"));
    assert_eq!(inbox.value("window.mark"), json!(1));
    inbox.until("document.getElementById('count').textContent === '2 messages'");
    // The operations end without a request from the page.
    inbox.until("document.querySelector('.badge.running') === null");
}

#[test]
fn search_and_filter_choose() {
    let Some(inbox) = Inbox::open() else { return };
    inbox.send(&email("Invoice"));
    let mut alert = email("Alert");
    alert["senderAddress"] = json!("alerts@contoso.example");
    inbox.send(&alert);
    inbox.until(&shows("Alert,Invoice"));
    inbox.press("/");
    inbox.until("document.activeElement.id === 'search'");
    inbox.write("#search", "invo");
    inbox.until(&shows("Invoice"));
    assert_eq!(inbox.value("document.getElementById('count').textContent"), json!("1 of 2 messages"));
    inbox.write("#search", "xyz");
    inbox.until("!document.getElementById('none').hidden");
    inbox.value("document.getElementById('search').value = ''");
    inbox.value("document.getElementById('choose-sender').value = 'alerts@contoso.example'");
    inbox.value("document.getElementById('search').dispatchEvent(new Event('input', { bubbles: true }))");
    inbox.until(&shows("Alert"));
}

#[test]
fn a_message_is_read_by_keyboard() {
    let Some(inbox) = Inbox::open() else { return };
    inbox.send(&html_email("Letter", LETTER));
    inbox.store.audit(
        &json!({"route": "contact", "mails": [{
            "mail": "contact-notify", "purpose": "notification", "operation_id": inbox.store.messages()[0].id,
        }]})
        .to_string(),
    );
    inbox.until(&shows("Letter"));
    inbox.value("document.querySelector('#messages a').focus()");
    inbox.press("Enter");
    inbox.until("document.getElementById('subject').textContent === 'Letter'");
    inbox.until("document.getElementById('tab-html').getAttribute('aria-selected') === 'true'");
    inbox.value("document.getElementById('tab-html').focus()");
    for (tab, view, part) in [
        ("text", "text", "quote for forty units"),
        ("checks", "findings", "contrast of 2.3"),
        ("timeline", "audit", "contact-notify"),
        ("headers", "headers", "From: forms@contoso.example"),
        ("source", "source", "max-width:560px"),
        ("request", "request", "POST /emails:send?api-version=2025-09-01"),
    ] {
        inbox.press("ArrowRight");
        inbox.until(&format!("document.activeElement.id === 'tab-{tab}'"));
        inbox.until(&format!("document.getElementById('{view}').checkVisibility()"));
        inbox.until(&format!("document.getElementById('{view}').textContent.includes({})", json!(part)));
    }
    inbox.press("Escape");
    inbox.until("document.getElementById('message').hidden");
    inbox.until("document.activeElement.closest('#messages') !== null");
}

#[test]
fn faults_are_set_from_the_page() {
    let Some(inbox) = Inbox::open() else { return };
    inbox.click("#open-trouble");
    inbox.until("document.getElementById('trouble').open");
    inbox.click("#fault [type=submit]");
    inbox.until("document.querySelector('#faults .badge') !== null");
    inbox.keep("faults");
    assert_eq!(inbox.send(&email("Refused")), 429);
    assert_eq!(inbox.send(&email("Sent")), 202);
    inbox.until("document.getElementById('waiting').hidden");
    // The dialog reports invalid input.
    inbox.value("document.querySelector('#fault [name=status]').min = ''");
    inbox.value("document.querySelector('#fault [name=status]').value = '200'");
    inbox.click("#fault [type=submit]");
    inbox.until("document.getElementById('fault-error').textContent.includes('must be a status from 400 to 599')");
}

#[test]
fn a_hostile_mail_can_do_nothing() {
    let Some(inbox) = Inbox::open() else { return };
    let html = "<script>parent.document.title = 'taken'; top.location = 'https://attacker.example/'</script>\
        <img src=x onerror=\"parent.document.title = 'taken'\"><meta http-equiv=refresh content='0;url=/api/faults'>\
        <img src='https://tracker.example/pixel.gif'><form action=/api/faults method=post><button>x</button></form>";
    let hostile = "<img src=x onerror=\"document.title='taken'\">";
    let mut email = html_email(hostile, html);
    email["content"]["plainText"] = json!(hostile);
    inbox.send(&email);
    inbox.until("document.querySelector('#messages a') !== null");
    inbox.value("window.framed = 0");
    inbox.value("document.getElementById('html').addEventListener('load', () => { window.framed += 1; })");
    inbox.value("location.hash = document.querySelector('#messages a').hash");
    inbox.until("window.framed > 0");
    assert_eq!(inbox.value("document.title"), json!("Inbox · ACS Email emulator"));
    assert_eq!(inbox.value("document.getElementById('subject').textContent"), json!(hostile));
    assert_eq!(inbox.value("document.querySelectorAll('main img').length"), json!(0));
    // The frame has its own origin, so neither it nor the page can look into the other.
    assert_eq!(inbox.value("document.getElementById('html').contentDocument === null"), json!(true));
    let own = "performance.getEntriesByType('resource').every((one) => one.name.startsWith(location.origin))";
    assert_eq!(inbox.value(own), json!(true));
    assert_eq!(inbox.value("location.origin"), json!(inbox.endpoint));
}

#[test]
fn every_view_fits_a_phone_and_a_desk() {
    let Some(inbox) = Inbox::open() else { return };
    for subject in ["We have received your message", "Issue opened: the export fails on large files"] {
        inbox.send(&email(subject));
    }
    let mut letter = html_email("New message from the website", LETTER);
    letter["attachments"] =
        json!([{"name": "report.csv", "contentType": "text/csv", "contentInBase64": "YSxiCjEsMgo="}]);
    inbox.send(&letter);
    inbox.until("document.querySelectorAll('#messages a').length === 3");
    inbox.until("document.querySelector('.badge.running') === null");
    for (width, scheme) in [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")] {
        inbox.look(width, scheme);
        inbox.value("location.hash = ''");
        inbox.until("document.getElementById('message').hidden");
        fits(&inbox, &format!("list-{width}-{scheme}"));
        inbox.value("location.hash = document.querySelector('#messages a').hash");
        inbox.until("!document.getElementById('message').hidden");
        for tab in ["html", "checks", "timeline"] {
            inbox.value(&format!("document.getElementById('tab-{tab}').click()"));
            inbox.until(&format!("document.getElementById('view-{tab}').checkVisibility()"));
            fits(&inbox, &format!("{tab}-{width}-{scheme}"));
        }
    }
}

/// The page never scrolls sideways.
#[track_caller]
fn fits(inbox: &Inbox, name: &str) {
    inbox.keep(name);
    assert_eq!(inbox.value("document.documentElement.scrollWidth <= innerWidth"), json!(true), "{name}");
}

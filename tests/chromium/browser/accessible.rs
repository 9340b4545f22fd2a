//! What axe-core finds in each view. If npm cannot install it, the test says so and passes.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::page::{Inbox, Page, Workshop, html_email};

const AXE: &str = "axe-core@4.11.0";

fn axe() -> Option<String> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("axe");
    fs::create_dir_all(&directory).unwrap();
    let script = directory.join("node_modules/axe-core/axe.min.js");
    if !script.exists() {
        let prefix = directory.to_str().unwrap();
        let installed = Command::new("npm")
            .args(["install", "--silent", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", prefix, AXE])
            .status();
        if !installed.is_ok_and(|status| status.success()) {
            eprintln!("skipped: npm cannot install {AXE}");
            return None;
        }
    }
    Some(fs::read_to_string(script).unwrap())
}

/// No violation of WCAG 2.2 AA. Mails are other people's, so axe-core does not check their frames.
#[track_caller]
fn is_accessible(page: &Page, axe: &str, view: &str) {
    page.load(axe);
    page.value("window.found = undefined");
    let options = json!({"iframes": false, "resultTypes": ["violations"], "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]});
    page.value(&format!("axe.run(document, {options}).then((results) => {{ window.found = results.violations }}); 1"));
    page.until("window.found !== undefined");
    let told = "JSON.stringify(window.found.map((one) => [one.id, one.help, one.nodes.map((node) => node.html.slice(0, 160))]))";
    let found: Value = serde_json::from_str(page.value(told).as_str().unwrap()).unwrap();
    assert_eq!(found, json!([]), "{view}");
}

#[test]
fn the_inbox_is_accessible() {
    let (Some(inbox), Some(axe)) = (Inbox::open(), axe()) else { return };
    for scheme in ["light", "dark"] {
        inbox.look(1280, scheme);
        inbox.value("location.hash = ''");
        is_accessible(&inbox, &axe, "list");
        inbox.send(&html_email("Letter", "<p style=\"color:#aaa\">Hello</p>"));
        inbox.until("document.querySelector('#messages a') !== null && document.querySelector('#messages .badge.running') === null");
        inbox.value("location.hash = document.querySelector('#messages a').hash");
        inbox.until("document.getElementById('message').checkVisibility()");
        for tab in ["html", "text", "checks", "timeline", "headers", "source", "request"] {
            inbox.value(&format!("document.getElementById('tab-{tab}').click()"));
            is_accessible(&inbox, &axe, tab);
        }
        inbox.value("location.hash = '#studio'");
        inbox.until("document.getElementById('studio').checkVisibility()");
        is_accessible(&inbox, &axe, "no studio");
        inbox.value("location.hash = ''");
        inbox.click("#open-trouble");
        is_accessible(&inbox, &axe, "faults");
        inbox.click("#close-trouble");
    }
}

#[test]
fn the_studio_is_accessible() {
    let (Some(workshop), Some(axe)) = (Workshop::open(), axe()) else { return };
    for (width, scheme) in [(1280, "light"), (1280, "dark"), (390, "light")] {
        workshop.look(width, scheme);
        for route in ["", "/contact", "/order"] {
            workshop.value(&format!("location.hash = '#studio{route}'"));
            let ready = if route.is_empty() { "#approvals td" } else { "#mails iframe" };
            workshop.until(&format!("document.querySelector({})?.checkVisibility() === true", json!(ready)));
            is_accessible(&workshop, &axe, &format!("studio{route} {width} {scheme}"));
        }
        workshop.click("#tab-json");
        is_accessible(&workshop, &axe, "json");
        workshop.click("#tab-fields");
        workshop.click("#send");
        workshop.until("document.querySelector('#sent .answer') !== null");
        is_accessible(&workshop, &axe, "sent");
    }
}

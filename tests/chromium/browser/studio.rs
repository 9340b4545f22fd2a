//! What people do with the studio.

use std::fs;

use serde_json::{Value, json};

use crate::page::{Inbox, Page, Workshop};

/// The text of an element.
fn says(selector: &str, text: &str) -> String {
    format!("document.querySelector({}).textContent.includes({})", json!(selector), json!(text))
}

fn go(page: &Page, fragment: &str) {
    page.value(&format!("location.hash = {}", json!(fragment)));
}

/// Replaces the text of the field with this label.
fn fill(page: &Page, label: &str, text: &str) {
    let find = format!(
        "[...document.querySelectorAll('#fields label')].find((one) => one.firstChild.textContent === {})",
        json!(label)
    );
    page.until(&format!("{find} !== undefined"));
    page.value(&format!("{find}.control.focus(); {find}.control.select?.()"));
    page.type_text(text);
}

fn choose(page: &Page, id: &str, value: &str) {
    page.value(&format!("document.getElementById('{id}').value = {}", json!(value)));
    page.value(&format!("document.getElementById('{id}').dispatchEvent(new Event('change', {{ bubbles: true }}))"));
}

/// The text of the mail's frame, which the page itself cannot read: requests it as the frame does.
fn framed(workshop: &Workshop) -> String {
    workshop.until("document.querySelector('#look-view iframe') !== null");
    let address = workshop.value("document.querySelector('#look-view iframe').src");
    ureq::get(address.as_str().unwrap()).call().unwrap().body_mut().read_to_string().unwrap()
}

fn subjects(workshop: &Workshop) -> Vec<Value> {
    let text = ureq::get(format!("{}/api/messages", workshop.inbox)).call().unwrap().body_mut().read_to_string();
    let list: Value = serde_json::from_str(&text.unwrap()).unwrap();
    list["messages"].as_array().unwrap().iter().map(|message| message["subject"].clone()).collect()
}

#[test]
fn without_a_policy_there_is_a_sentence() {
    let Some(inbox) = Inbox::open() else { return };
    inbox.click("#to-studio");
    inbox.until("document.getElementById('studio').checkVisibility()");
    inbox.until(&says("#studio", "Run postern dev in a policy’s directory"));
    assert_eq!(inbox.value("document.getElementById('inbox').checkVisibility()"), json!(false));
    inbox.click("#to-inbox");
    inbox.until("document.getElementById('inbox').checkVisibility()");
}

#[test]
fn the_policy_is_told_as_people_read_it() {
    let Some(workshop) = Workshop::open() else { return };
    workshop.until("document.querySelectorAll('#route-cards .card').length === 3");
    for (selector, text) in [
        ("#senders", "orders@contoso.example"),
        ("#senders", "shop-team@contoso.example"),
        ("#route-cards", "/hooks/order"),
        ("#route-cards", "senders that authenticate with standard-webhooks"),
        ("#route-cards", "ORDER_SECRET (development value)"),
        ("#route-cards", "https://www.contoso.example"),
        ("#route-cards", "the address in /email"),
        ("#templates", "order-confirmed"),
        ("#approvals", "never approved"),
        ("#route-links", "10 to approve"),
    ] {
        assert_eq!(workshop.value(&says(selector, text)), json!(true), "{selector} {text}");
    }
    // Nothing that the page receives contains a secret.
    let policy = ureq::get(format!("{}/studio/policy", workshop.inbox)).call().unwrap().body_mut().read_to_string();
    let policy = policy.unwrap();
    assert!(!policy.contains("postern-development-secret") && !policy.contains("whsec_"), "{policy}");

    // An edit appears without a reload, and errors appear above the policy that is still served.
    let file = workshop.policy.path().join("postern.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("shop-team@", "owners@")).unwrap();
    workshop.until(&says("#senders", "owners@contoso.example"));
    fs::write(&file, text.replace("\"order-confirmed\"", "\"order-lost\"")).unwrap();
    workshop.until("document.getElementById('complaint').checkVisibility()");
    workshop.until(&says("#complaint", "There is no template `order-lost`."));
    workshop.until(&says("#senders", "owners@contoso.example"));
    fs::write(&file, text).unwrap();
    workshop.until("!document.getElementById('complaint').checkVisibility()");
    workshop.until(&says("#senders", "shop-team@contoso.example"));
}

#[test]
fn an_edit_is_previewed_sent_and_arrives() {
    let Some(workshop) = Workshop::open() else { return };
    go(&workshop, "#studio/contact");
    workshop.until(&says("#verdict", "would send 2 mails"));
    workshop.until(&says("#mails .subject", "Message from Ada Example"));
    fill(&workshop, "Your name", "Grace <b>Example</b>");
    workshop.until(&says("#mails .subject", "Message from Grace <b>Example</b>"));
    assert!(framed(&workshop).contains("<strong>Grace &lt;b&gt;Example&lt;&#x2f;b&gt;</strong>"));
    assert_eq!(workshop.value("document.querySelectorAll('#bench b').length"), json!(0));
    assert_eq!(subjects(&workshop), Vec::<Value>::new(), "a rehearsal sends nothing");

    workshop.click("#send");
    workshop.until(&says("#sent", "200 OK"));
    assert_eq!(subjects(&workshop), ["We have received your message", "Message from Grace <b>Example</b>"]);
    workshop.click("#sent a");
    workshop.until(&says("#subject", "Message from Grace <b>Example</b>"));
    workshop.until("document.getElementById('inbox').checkVisibility()");
    workshop.value("history.back()");
    workshop.until("document.getElementById('route').checkVisibility()");
    assert_eq!(workshop.value(&says("#mails .subject", "Grace")), json!(true), "what was written is still there");
}

#[test]
fn the_form_shows_what_its_schema_says() {
    let Some(workshop) = Workshop::open() else { return };
    go(&workshop, "#studio/order");
    workshop.until(&says("#mails .subject", "Order 4711 for Contosoville"));
    let labels = "[...document.querySelectorAll('#fields > * > :is(label, legend)')].map((one) => one.firstChild.textContent).join()";
    assert_eq!(workshop.value(labels), json!("Number,State,Express,Wanted,Address,Lines,Note,Extra as JSON"));
    let types = "[...document.querySelectorAll('#fields > .field > :is(input, select, textarea)')].map((one) => one.type).join()";
    assert_eq!(workshop.value(types), json!("number,select-one,select-one,date,text,textarea"));

    // A list grows and shrinks, and what is written into it is in the mail.
    workshop.click("[aria-label='Add an item to Lines']");
    workshop.until(&says("#verdict", "does not match: 1 field"));
    workshop.until(&says("#violations", "/lines/2/article"));
    workshop.until("document.activeElement.getAttribute('aria-invalid') === 'true'");
    workshop.type_text("Eraser");
    workshop.until(&says("#verdict", "would send 1 mail"));
    workshop.until("document.querySelectorAll('#fields [aria-invalid]').length === 0");
    workshop.until("document.getElementById('mails').textContent.includes('Order 4711')");
    workshop.value("document.getElementById('look-view-tab-1').click()");
    workshop.until(&says("#look-view pre", "1 x Eraser"));
    workshop.click("[aria-label='Remove Lines 1']");
    workshop.until("!document.querySelector('#look-view pre').textContent.includes('Paper')");

    // A violation appears at its field, and the page says if no mail applies to a payload.
    fill(&workshop, "Amount", "0");
    workshop.until("document.querySelector('#fields [aria-invalid]') !== null");
    let told = "document.getElementById(document.querySelector('#fields [aria-invalid]').getAttribute('aria-describedby')).textContent";
    assert_eq!(workshop.value(told), json!("This must be at least 1."));
    fill(&workshop, "Amount", "3");
    workshop.until(&says("#verdict", "would send 1 mail"));
    workshop.value("document.querySelectorAll('#fields select')[0].value = '\"cancelled\"'");
    workshop.value("document.querySelectorAll('#fields select')[0].dispatchEvent(new Event('change'))");
    workshop.until(&says("#verdict", "valid, and no mail applies"));

    // The text and the form are two views of the same payload.
    workshop.click("#tab-json");
    workshop.until("document.getElementById('json').value.includes('\"Eraser\"')");
    workshop.value("document.getElementById('json').focus(); document.getElementById('json').select()");
    workshop.type_text("{ \"number\": ");
    workshop.until(&says("#json-error", "This is not JSON"));
    workshop.until(&says("#verdict", "400: malformed-body"));
    workshop.click("#reset");
    workshop.until(&says("#verdict", "would send 1 mail"));
}

#[test]
fn mails_that_wait_for_a_link_are_previewed_too() {
    let Some(workshop) = Workshop::open() else { return };
    go(&workshop, "#studio/newsletter");
    workshop.until(&says("#verdict", "would send 2 mails"));
    workshop.until(&says("#mails .subject", "Please confirm your address"));
    workshop.click("#mail-tab-1");
    workshop.until(&says("#mails .subject", "A new reader: ada@example.com"));
    // Before the confirmation, the gate sends only the mail that asks for it.
    workshop.click("#send");
    workshop.until(&says("#sent", "200 OK"));
    assert_eq!(subjects(&workshop), ["Please confirm your address"]);
}

#[test]
fn wrong_requests_are_refused_and_say_why() {
    let Some(workshop) = Workshop::open() else { return };
    for (route, mistake, status, reason) in [
        ("contact", "foreign-origin", "403 Forbidden", "foreign-origin"),
        ("contact", "no-origin", "403 Forbidden", "foreign-origin"),
        ("contact", "unknown-field", "422 Unprocessable Entity", "invalid-payload: additionalProperties"),
        ("contact", "unproven", "403 Forbidden", "unproven: form-token missing"),
        ("contact", "trapped", "200 OK", "discarded"),
        ("order", "unsigned", "401 Unauthorized", "unauthenticated: missing-header:webhook-signature"),
        ("order", "wrong-signature", "401 Unauthorized", "unauthenticated: wrong-signature"),
        ("order", "stale", "401 Unauthorized", "unauthenticated: timestamp-too-old"),
        ("order", "missing-field", "422 Unprocessable Entity", "invalid-payload: required"),
        ("order", "wrong-type", "422 Unprocessable Entity", "invalid-payload: type"),
        ("order", "not-json", "400 Bad Request", "malformed-body"),
        ("order", "too-large", "413 Payload Too Large", "body-too-large"),
    ] {
        go(&workshop, &format!("#studio/{route}"));
        workshop.until(&says("#route-title", route));
        workshop.until("document.querySelector('#mails .subject') !== null");
        choose(&workshop, "mistake", mistake);
        workshop.value("document.getElementById('sent').replaceChildren()");
        workshop.click("#send");
        workshop.until("document.querySelector('#sent .badge') !== null");
        let answer = workshop.value("document.querySelector('#sent p').textContent");
        assert_eq!(answer, json!(format!("{status} {reason}")), "{route} {mistake}");
        // The problem as callers see it (RFC 9457); a robot does not see one.
        let told = if mistake == "trapped" { "\"sent\": 2" } else { "urn:postern:problem:" };
        workshop.until(&says("#sent pre", told));
    }
    // The page shows no authentication, and none of this was sent.
    choose(&workshop, "mistake", "");
    workshop.click("#send");
    workshop.until(&says("#sent", "200 OK"));
    workshop.until(&says("#sent", "webhook-signature: …"));
    assert_eq!(subjects(&workshop), ["Order 4711 for Contosoville"]);
    // The page does not offer mistakes that the route accepts.
    let offered = "[...document.getElementById('mistake').options].map((one) => one.value).join()";
    let expected = ",unsigned,wrong-signature,stale,unknown-field,missing-field,wrong-type,not-json,too-large";
    assert_eq!(workshop.value(offered), json!(expected));
}

#[test]
fn the_studio_is_used_by_keyboard() {
    let Some(workshop) = Workshop::open() else { return };
    workshop.until("document.querySelectorAll('#route-links a').length === 4");
    workshop.value("document.querySelectorAll('#route-links a')[1].focus()");
    workshop.press("Enter");
    workshop.until("document.activeElement.id === 'route'");
    workshop.until("document.querySelector('#mails .subject') !== null");
    workshop.press("Tab");
    workshop.until("document.activeElement.id === 'sample'");
    workshop.press("Tab");
    workshop.press("Tab");
    workshop.until("document.activeElement.id === 'tab-fields'");
    workshop.press("ArrowRight");
    workshop.until("document.activeElement.id === 'tab-json' && document.getElementById('json').checkVisibility()");
    workshop.press("ArrowLeft");
    workshop.until("document.activeElement.id === 'tab-fields' && document.getElementById('fields').checkVisibility()");
    workshop.press("Tab");
    workshop.until("document.activeElement.closest('#fields') !== null");
    for _ in 0..4 {
        workshop.press("Tab");
    }
    workshop.until("document.activeElement.id === 'mistake'");
    workshop.press("Tab");
    workshop.until("document.activeElement.id === 'send'");
    workshop.press("Enter");
    workshop.until(&says("#sent", "200 OK"));
    workshop.value("document.getElementById('mail-tab-0').focus()");
    workshop.press("ArrowRight");
    workshop.until("document.activeElement.id === 'mail-tab-1'");
    workshop.until(&says("#mails .subject", "We have received your message"));
}

#[test]
fn pages_of_other_sites_are_kept_out() {
    let Some(workshop) = Workshop::open() else { return };
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let order = json!({"route": "order", "payload": "{}"}).to_string();
    let send = |name: &str, value: &str| {
        let request = agent.post(format!("{}/studio/send", workshop.inbox)).header("content-type", "application/json");
        request.header(name, value).send(&order).unwrap().status().as_u16()
    };
    assert_eq!(send("origin", "https://attacker.example"), 404);
    assert_eq!(send("origin", "null"), 404);
    assert_eq!(send("host", "attacker.example"), 404);
    assert_eq!(send("origin", &workshop.inbox), 200);
    // A page of another site can post text without a preflight.
    let text = agent.post(format!("{}/studio/send", workshop.inbox)).header("content-type", "text/plain").send(&order);
    assert_eq!(text.unwrap().status().as_u16(), 422);
}

#[test]
fn the_studio_fits_a_phone_and_a_desk() {
    let Some(workshop) = Workshop::open() else { return };
    for (width, scheme) in [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")] {
        workshop.look(width, scheme);
        for (fragment, ready) in
            [("#studio", "#approvals td"), ("#studio/contact", "#mails iframe"), ("#studio/order", "#mails iframe")]
        {
            go(&workshop, fragment);
            workshop.until(&format!("document.querySelector({})?.checkVisibility() === true", json!(ready)));
            let name = fragment.trim_start_matches('#').replace('/', "-");
            workshop.settle();
            workshop.keep(&format!("{name}-{width}-{scheme}"));
            let fits = "document.documentElement.scrollWidth <= innerWidth";
            assert_eq!(workshop.value(fits), json!(true), "{fragment} {width}");
        }
    }
}

// The inbox page. Whatever comes out of a mail is set as text, never as markup; a mail's HTML is shown by a sandboxed
// frame that loads it from an address with a policy of its own.
"use strict";

const LIMIT = 200;
const INTERVAL = 2000;
const VIEWS = ["html", "text", "delivery", "request"];

const byId = (id) => document.getElementById(id);
let shownList = "";
let shownMessage = "";
let openId = "";

function element(name, text, className) {
  const node = document.createElement(name);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  return node;
}

function people(list) {
  return list.map((one) => (one.displayName ? `${one.displayName} <${one.address}>` : one.address)).join(", ");
}

function clock(text) {
  const date = new Date(text);
  const today = date.toDateString() === new Date().toDateString();
  const time = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
  return date.toLocaleString([], today ? time : { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
}

function size(base64) {
  const padding = base64.endsWith("==") ? 2 : base64.endsWith("=") ? 1 : 0;
  const bytes = (base64.length / 4) * 3 - padding;
  return bytes < 1024 ? `${bytes} bytes` : `${(bytes / 1024).toFixed(1)} KiB`;
}

function badge(status) {
  return element("span", status, `badge ${status.toLowerCase()}`);
}

// The list

function entry(message) {
  const item = element("li");
  const link = element("a");
  link.href = `#${message.id}`;
  if (message.id === openId) link.setAttribute("aria-current", "true");
  const time = element("time", clock(message.receivedAt));
  time.dateTime = message.receivedAt;
  const top = element("span", undefined, "top");
  top.append(element("span", people([...message.to, ...message.cc, ...message.bcc]), "who"), time);
  const bottom = element("span", undefined, "bottom");
  bottom.append(element("span", message.subject || "(no subject)", "what"));
  if (message.status !== "Succeeded") bottom.append(badge(message.status));
  link.append(top, bottom);
  item.append(link);
  return item;
}

function counted(page) {
  const noun = page.total === 1 ? "message" : "messages";
  const part = page.total > page.messages.length ? `, the newest ${page.messages.length} shown` : "";
  return `${page.total} ${noun}${part}`;
}

function showList(page) {
  const focused = document.activeElement?.closest("#messages a")?.getAttribute("href");
  byId("messages").replaceChildren(...page.messages.map(entry));
  if (focused) document.querySelector(`#messages a[href="${focused}"]`)?.focus();
  byId("count").textContent = counted(page);
  byId("nothing").hidden = page.total > 0;
  byId("hint").hidden = page.total === 0 || openId !== "";
  byId("empty").disabled = page.total === 0;
}

async function refresh() {
  try {
    const answer = await fetch(`/api/messages?limit=${LIMIT}`);
    const text = await answer.text();
    if (text === shownList) return;
    showList(JSON.parse(text));
    shownList = text;
    // A message changes only when its status does, and the list shows that.
    if (openId) await showMessage();
  } catch {
    byId("count").textContent = "The emulator does not answer";
    shownList = "";
  }
}

// The message

function fact(name, value) {
  return value ? [element("dt", name), element("dd", value)] : [];
}

function files(message) {
  const list = message.attachments ?? [];
  return list.map((one) => `${one.name} (${one.contentType}, ${size(one.contentInBase64)})`).join(", ");
}

function facts({ summary, message }) {
  const received = new Date(summary.receivedAt).toLocaleString();
  return [
    ...fact("From", message.senderAddress),
    ...fact("To", people(summary.to)),
    ...fact("Cc", people(summary.cc)),
    ...fact("Bcc", people(summary.bcc)),
    ...fact("Reply to", people(message.replyTo ?? [])),
    ...fact("Received", received),
    ...fact("Operation", summary.id),
    ...fact("Files", files(message)),
  ];
}

function row(left, status) {
  const item = element("li");
  item.append(element("span", left), badge(status));
  return item;
}

function showDelivery(details) {
  const steps = details.operation.timeline.map((step) => row(new Date(step.at).toLocaleTimeString(), step.status));
  const error = details.operation.error;
  if (error) steps.push(element("li", `${error.code}: ${error.message}`));
  byId("timeline").replaceChildren(...steps);
  const all = details.deliveries ?? [];
  const rows = all.map((one) => row(one.recipient, one.status));
  byId("deliveries").replaceChildren(...(rows.length ? rows : [element("li", "Known once the operation has ended.")]));
}

function raw(request) {
  const headers = request.headers.map(([name, value]) => `${name}: ${value}`);
  return [`${request.method} ${request.target} HTTP/1.1`, ...headers, "", pretty(request.body)].join("\n");
}

function pretty(body) {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

function showDetails(details) {
  const { message, summary } = details;
  byId("subject").textContent = message.content.subject || "(no subject)";
  byId("facts").replaceChildren(...facts(details));
  byId("text").textContent = message.content.plainText ?? "This message has no text body.";
  byId("request").textContent = raw(details.request);
  showDelivery(details);
  const hasHtml = Boolean(message.content.html);
  const frame = byId("html");
  frame.hidden = !hasHtml;
  frame.nextElementSibling.hidden = hasHtml;
  const source = hasHtml ? `/api/messages/${summary.id}/html` : "about:blank";
  if (frame.getAttribute("src") !== source) frame.setAttribute("src", source);
  return hasHtml;
}

async function showMessage() {
  const id = openId;
  const answer = await fetch(`/api/messages/${id}`);
  if (id !== openId) return;
  if (!answer.ok) {
    location.hash = "";
    return;
  }
  const text = await answer.text();
  if (id !== openId || text === shownMessage) return;
  const arrived = shownMessage === "";
  shownMessage = text;
  const hasHtml = showDetails(JSON.parse(text));
  byId("message").hidden = false;
  if (arrived) {
    choose(hasHtml ? "html" : "text");
    byId("message").focus({ preventScroll: true });
  }
}

function open() {
  openId = /^#[0-9a-f-]{36}$/.test(location.hash) ? location.hash.slice(1) : "";
  shownMessage = "";
  shownList = "";
  document.body.classList.toggle("reading", openId !== "");
  byId("message").hidden = true;
  refresh();
}

// The tabs

function choose(view, focus) {
  for (const name of VIEWS) {
    const tab = byId(`tab-${name}`);
    const chosen = name === view;
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
    byId(`view-${name}`).hidden = !chosen;
    if (chosen && focus) tab.focus();
  }
}

function step(event) {
  const moves = { ArrowRight: 1, ArrowLeft: -1 };
  const move = moves[event.key];
  if (!move) return;
  const at = VIEWS.findIndex((name) => event.target.id === `tab-${name}`);
  choose(VIEWS[(at + move + VIEWS.length) % VIEWS.length], true);
}

for (const name of VIEWS) {
  byId(`tab-${name}`).addEventListener("click", () => choose(name));
  byId(`tab-${name}`).addEventListener("keydown", step);
}

byId("empty").addEventListener("click", async () => {
  if (!confirm("Forget all messages?")) return;
  await fetch("/api/messages", { method: "DELETE" });
  location.hash = "";
  refresh();
});

byId("endpoint").textContent = location.origin;
addEventListener("hashchange", open);
setInterval(() => document.hidden || refresh(), INTERVAL);
open();

// The inbox page. Everything from a mail is set as text, never as markup; a sandboxed frame shows a mail's HTML, which
// it loads from an address with its own content security policy.
"use strict";

// How many messages to list at a time: even with thousands of messages, a change redraws only these.
const STEP = 100;
const RETRY = 2000;
const GLANCE = 500;
const VIEWS = ["html", "text", "checks", "timeline", "headers", "source", "request"];
const FACETS = ["sender", "route", "purpose"];

const byId = (id) => document.getElementById(id);
let offset = 0;
let shownList = "";
let shownMessage = "";
let openId = "";
let openRuns = false;
let studio;

function element(name, text, className) {
  const node = document.createElement(name);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  return node;
}

function person(one) {
  return one.displayName ? `${one.displayName} <${one.address}>` : one.address;
}

function people(list) {
  return list.map(person).join(", ");
}

function clock(text) {
  const date = new Date(text);
  const today = date.toDateString() === new Date().toDateString();
  const time = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
  return date.toLocaleString([], today ? time : { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
}

function bytes(count) {
  return count < 1024 ? `${count} bytes` : `${(count / 1024).toFixed(1)} KB`;
}

function size(base64) {
  const padding = base64.endsWith("==") ? 2 : base64.endsWith("=") ? 1 : 0;
  return bytes((base64.length / 4) * 3 - padding);
}

function badge(text, kind = text) {
  return element("span", text, `badge ${kind.toLowerCase()}`);
}

function pill(id, count) {
  byId(id).textContent = count;
  byId(id).hidden = count === 0;
}

function row(left, right, detail) {
  const item = element("li");
  const words = element("span", left);
  if (detail) words.append(element("small", detail));
  item.append(words);
  if (right) item.append(right);
  return item;
}

function fill(id, rows, otherwise) {
  byId(id).replaceChildren(...(rows.length ? rows : [element("li", otherwise, "quiet")]));
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
  if (message.route) bottom.append(element("span", message.route, "tag"));
  if (message.status !== "Succeeded") bottom.append(badge(message.status));
  link.append(top, bottom);
  item.append(link);
  return item;
}

function counted(page) {
  const noun = page.total === 1 ? "message" : "messages";
  return page.matching === page.total ? `${page.total} ${noun}` : `${page.matching} of ${page.total} ${noun}`;
}

function offer(facet, values) {
  const select = byId(`choose-${facet}`);
  const known = [...select.options].slice(1).map((option) => option.value);
  if (known.join("\n") === values.join("\n")) return;
  const chosen = select.value;
  const options = values.map((value) => new Option(value, value));
  select.replaceChildren(select.options[0], ...options);
  select.value = values.includes(chosen) ? chosen : "";
}

function showList(page) {
  const focused = document.activeElement?.closest("#messages a")?.getAttribute("href");
  byId("messages").replaceChildren(...page.messages.map(entry));
  if (focused) document.querySelector(`#messages a[href="${focused}"]`)?.focus();
  for (const facet of FACETS) offer(facet, page[`${facet}s`]);
  byId("count").textContent = counted(page);
  byId("filter").hidden = page.total === 0;
  byId("nothing").hidden = page.total > 0;
  byId("none").hidden = page.total === 0 || page.matching > 0;
  byId("pages").hidden = page.matching <= STEP && offset === 0;
  byId("newer").disabled = offset === 0;
  byId("older").disabled = offset + STEP >= page.matching;
  byId("range").textContent = page.messages.length ? `${offset + 1} to ${offset + page.messages.length}` : "";
  byId("hint").hidden = page.total === 0 || openId !== "";
  byId("empty").disabled = page.total === 0;
}

function query() {
  const asked = new URLSearchParams(new FormData(byId("filter")));
  for (const [name, value] of [...asked]) if (value === "") asked.delete(name);
  pill("filters", [...asked.keys()].filter((name) => name !== "search").length);
  asked.set("limit", STEP);
  asked.set("offset", offset);
  return asked;
}

async function refresh() {
  const asked = `${query()}`;
  const answer = await fetch(`/api/messages?${asked}`);
  const text = await answer.text();
  // A newer request has replaced this one, so drop its answer.
  if (text === shownList || asked !== `${query()}`) return;
  const page = JSON.parse(text);
  if (offset > 0 && offset >= page.matching) {
    offset = 0;
    return refresh();
  }
  showList(page);
  shownList = text;
}

async function everything() {
  await Promise.all([refresh(), showFaults(), openId ? showMessage() : undefined, (await studio)?.refresh()]);
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const isRunning = () => openRuns || document.querySelector("#messages .badge.running") !== null;

// Requests the next change; the answer comes when there is one. A running operation changes without an event.
async function follow() {
  for (let revision = 0; ; ) {
    try {
      const within = isRunning() ? `&within=${GLANCE}` : "";
      const answer = await fetch(`/api/changes?after=${revision}${within}`);
      ({ revision } = await answer.json());
      await everything();
    } catch {
      byId("count").textContent = "The emulator is not responding";
      shownList = "";
      revision = 0;
      await pause(RETRY);
    }
  }
}

// The message

function fact(name, value) {
  return value ? [element("dt", name), element("dd", value)] : [];
}

function facts({ summary, message }) {
  return [
    ...fact("From", message.senderAddress),
    ...fact("To", people(summary.to)),
    ...fact("Cc", people(summary.cc)),
    ...fact("Bcc", people(summary.bcc)),
    ...fact("Reply to", people(message.replyTo ?? [])),
    ...fact("Received", new Date(summary.receivedAt).toLocaleString()),
    ...fact("Route", summary.route && `${summary.route}, mail ${summary.mail}, ${summary.purpose}`),
    ...fact("Operation", summary.id),
  ];
}

function showFiles({ summary, message }) {
  const list = message.attachments ?? [];
  const items = list.map((one, index) => {
    const link = element("a", one.name);
    link.href = `/api/messages/${summary.id}/attachments/${index}`;
    link.download = one.name;
    const item = element("li");
    item.append(link, element("small", `${one.contentType}, ${size(one.contentInBase64)}`));
    return item;
  });
  byId("files").replaceChildren(...items);
  byId("files").hidden = list.length === 0;
}

function pushes(report) {
  return report.pushes
    .map((push) => `${push.status ?? push.error}${push.afterSeconds ? ` after ${push.afterSeconds} s` : ""}`)
    .join(", then ");
}

function showTimeline(details) {
  const steps = details.operation.timeline.map((step) => row(new Date(step.at).toLocaleTimeString(), badge(step.status)));
  const error = details.operation.error;
  if (error) steps.push(row(`${error.code}: ${error.message}`));
  fill("timeline", steps, "");
  const fates = (details.deliveries ?? []).map((one) => row(one.recipient, badge(one.status)));
  fill("deliveries", fates, "Known once the operation has ended.");
  const reports = details.reports.map((one) => row(`${one.recipient}: ${one.status}`, badge(one.state), pushes(one)));
  fill("reports", reports, "No report was pushed for this message.");
  const audit = details.audit ? JSON.stringify(details.audit, null, 2) : "No gate reported this message.";
  byId("audit").textContent = audit;
}

function showChecks(checks) {
  const findings = checks.findings.map((one) => row(one.message, badge(one.check, one.level)));
  fill("findings", findings, "No problems found.");
  pill("worries", checks.findings.filter((one) => one.level !== "note").length);
  byId("clip").value = Math.min(100, (100 * checks.htmlBytes) / checks.clipBytes);
  byId("clip-words").textContent =
    `${bytes(checks.htmlBytes)} of HTML, ${bytes(checks.textBytes)} of text. Gmail clips HTML after ${bytes(checks.clipBytes)}.`;
  fill("links", checks.links.map((one) => row(one.address, undefined, one.text || "(no words)")), "There are no links.");
  byId("support").textContent = checks.supportSource;
  byId("support").href = checks.supportSource;
}

function headers({ summary, message, internetMessageId }) {
  const own = Object.entries(message.headers ?? {}).filter(([name]) => name.toLowerCase() !== "message-id");
  const lines = [
    ["From", message.senderAddress],
    ["To", people(summary.to)],
    ["Cc", people(summary.cc)],
    ["Bcc", people(summary.bcc)],
    ["Reply-To", people(message.replyTo ?? [])],
    ["Subject", message.content.subject],
    ["Date", new Date(summary.receivedAt).toUTCString()],
    ["Message-ID", internetMessageId],
    ...own,
  ];
  return lines.filter(([, value]) => value).map(([name, value]) => `${name}: ${value}`).join("\n");
}

function raw(request) {
  const lines = request.headers.map(([name, value]) => `${name}: ${value}`);
  return [`${request.method} ${request.target} HTTP/1.1`, ...lines, "", pretty(request.body)].join("\n");
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
  openRuns = summary.status === "Running";
  byId("subject").textContent = message.content.subject || "(no subject)";
  byId("facts").replaceChildren(...facts(details));
  showFiles(details);
  byId("text").textContent = message.content.plainText ?? "This message has no text body.";
  byId("source").textContent = message.content.html ?? "This message has no HTML body.";
  byId("headers").textContent = headers(details);
  byId("request").textContent = raw(details.request);
  showTimeline(details);
  showChecks(details.checks);
  const hasHtml = Boolean(message.content.html);
  const frame = byId("html");
  byId("look").hidden = !hasHtml;
  frame.parentElement.hidden = !hasHtml;
  frame.parentElement.nextElementSibling.hidden = hasHtml;
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

// The studio is a separate module: the tool's, or an empty one without a policy.
async function openStudio() {
  studio ??= import("/studio/studio.js").then((module) => module.start(byId("studio")));
  (await studio).show(location.hash);
}

function open() {
  const inStudio = /^#studio(\/|$)/.test(location.hash);
  document.body.classList.toggle("in-studio", inStudio);
  byId("inbox").hidden = inStudio;
  byId("studio").hidden = !inStudio;
  for (const [id, here] of [["to-inbox", !inStudio], ["to-studio", inStudio]]) {
    if (here) byId(id).setAttribute("aria-current", "page");
    else byId(id).removeAttribute("aria-current");
  }
  document.title = `${inStudio ? "Studio" : "Inbox"} · ACS Email emulator`;
  if (inStudio) openStudio();
  openId = /^#[0-9a-f-]{36}$/.test(location.hash) ? location.hash.slice(1) : "";
  openRuns = false;
  shownMessage = "";
  document.body.classList.toggle("reading", openId !== "");
  byId("message").hidden = true;
  byId("hint").hidden = openId !== "" || byId("empty").disabled;
  for (const link of document.querySelectorAll("#messages a")) {
    if (link.hash === location.hash && openId) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  if (openId) showMessage();
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
  const at = VIEWS.findIndex((name) => event.target.id === `tab-${name}`);
  const targets = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 };
  const target = targets[event.key];
  if (target === undefined) return;
  event.preventDefault();
  choose(VIEWS[(target + VIEWS.length) % VIEWS.length], true);
}

for (const name of VIEWS) {
  byId(`tab-${name}`).addEventListener("click", () => choose(name));
  byId(`tab-${name}`).addEventListener("keydown", step);
}

// How the HTML is shown

function look(narrow) {
  byId("view-html").classList.toggle("narrow", narrow);
  byId("narrow").setAttribute("aria-pressed", String(narrow));
  byId("wide").setAttribute("aria-pressed", String(!narrow));
}

byId("wide").addEventListener("click", () => look(false));
byId("narrow").addEventListener("click", () => look(true));
byId("dark").addEventListener("click", () => {
  const dark = byId("view-html").classList.toggle("dark");
  byId("dark").setAttribute("aria-pressed", String(dark));
});

// Faults

function described(fault) {
  const { kind, ...more } = fault.effect;
  const often = fault.percent ? `${fault.percent} % of calls${fault.count ? `, ${fault.count} times` : ""}` : `${fault.count} ×`;
  const details = Object.entries(more).map(([name, value]) => `${name} ${value}`);
  const limits = fault.recipient ? [`to ${fault.recipient}`] : [];
  return row(`${often} ${kind}`, badge(fault.call, "note"), [...details, ...limits].join(", "));
}

async function showFaults() {
  const answer = await fetch("/api/faults");
  const { faults } = await answer.json();
  fill("faults", faults.map(described), "No fault is waiting.");
  pill("waiting", faults.length);
}

// Shows the fields of the selected kind.
function fields() {
  const kind = byId("kind").value;
  for (const label of document.querySelectorAll("#fault [data-for]")) {
    label.hidden = !label.dataset.for.split(" ").includes(kind);
    label.querySelector("input").disabled = label.hidden;
  }
}

function number(value) {
  return value === null || value === "" ? undefined : Number(value);
}

function fault() {
  const form = new FormData(byId("fault"));
  const text = (name) => form.get(name) || undefined;
  const effect = {
    kind: form.get("kind"),
    status: number(form.get("status")),
    retryAfter: number(form.get("retryAfter")),
    milliseconds: number(form.get("milliseconds")),
    code: text("code") ?? (form.get("kind") === "failOperation" ? "EmailDropped" : undefined),
  };
  return {
    call: form.get("call"),
    count: number(form.get("count")),
    percent: number(form.get("percent")),
    seed: number(form.get("seed")),
    recipient: text("recipient"),
    effect,
  };
}

byId("fault").addEventListener("submit", async (event) => {
  event.preventDefault();
  const headers = { "content-type": "application/json" };
  const answer = await fetch("/api/faults", { method: "POST", headers, body: JSON.stringify(fault()) });
  byId("fault-error").textContent = answer.ok ? "" : (await answer.json()).error.message;
  showFaults();
});

byId("kind").addEventListener("change", fields);
byId("open-trouble").addEventListener("click", () => byId("trouble").showModal());
byId("close-trouble").addEventListener("click", () => byId("trouble").close());
byId("clear-faults").addEventListener("click", () => fetch("/api/faults", { method: "DELETE" }));

// The rest

byId("filter").addEventListener("submit", (event) => event.preventDefault());
byId("filter").addEventListener("input", () => {
  offset = 0;
  refresh();
});

async function turn(pages) {
  offset = Math.max(0, offset + pages * STEP);
  await refresh();
  byId("list").scrollTop = 0;
  document.querySelector("#messages a")?.focus();
}

byId("newer").addEventListener("click", () => turn(-1));
byId("older").addEventListener("click", () => turn(1));

byId("empty").addEventListener("click", async () => {
  if (!confirm("Delete all messages?")) return;
  await fetch("/api/messages", { method: "DELETE" });
  location.hash = "";
});

// The arrow keys move through the list, a slash jumps to the search, Escape returns to the list.
addEventListener("keydown", (event) => {
  if (byId("trouble").open || !byId("studio").hidden) return;
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
  if (event.key === "/" && !typing) {
    event.preventDefault();
    byId("search").focus();
  } else if (event.key === "Escape" && openId) {
    const hash = location.hash;
    location.hash = "";
    document.querySelector(`#messages a[href="${hash}"]`)?.focus();
  } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && event.target.closest("#messages a")) {
    const item = event.target.closest("li");
    const next = event.key === "ArrowDown" ? item.nextElementSibling : item.previousElementSibling;
    event.preventDefault();
    next?.querySelector("a").focus();
  }
});

byId("endpoint").textContent = location.origin;
addEventListener("hashchange", open);
fields();
open();
follow();

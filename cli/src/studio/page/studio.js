// The studio: the policy in readable form, and its routes to try. The server signs and renders; this page never has a
// secret. Everything from a policy or a payload is set as text, never as markup.
import { SchemaForm } from "/studio/form.js";

const DEBOUNCE = 250;

const byId = (id) => document.getElementById(id);

function element(name, properties = {}, ...children) {
  const node = Object.assign(document.createElement(name), properties);
  node.append(...children.filter((child) => child !== undefined && child !== ""));
  return node;
}

const badge = (text, kind) => element("span", { className: `badge ${kind}`, textContent: text });
const code = (text) => element("code", { textContent: text });
const hash = (name) => `#studio/${encodeURIComponent(name)}`;
const plural = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

async function ask(path, body, signal) {
  const options = body && { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body), signal };
  const response = await fetch(`/studio/${path}`, options);
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

// Rows with a name and its value.
function facts(entries) {
  const list = element("dl", { className: "facts" });
  for (const [name, ...values] of entries) {
    const said = values.flat().filter((value) => value !== undefined && value !== null && value !== "");
    if (said.length) list.append(element("dt", { textContent: name }), element("dd", {}, ...said));
  }
  return list;
}

const among = (nodes) => nodes.flatMap((node, index) => (index ? [", ", node] : [node]));
const more = (summary, ...children) => element("details", {}, element("summary", { textContent: summary }), ...children);
const source = (text) => element("pre", { textContent: text, tabIndex: 0 });

// The policy

const proof = (route) => (route.kind === "form" ? "the form of a website" : `senders that authenticate with ${route.scheme}`);

function recipients(mail) {
  if (!mail.field) return among(mail.to.map(code));
  const narrowed = mail.allow.length ? [", only at ", ...among(mail.allow.map(code))] : [];
  return ["the address in ", code(mail.field), ...narrowed];
}

function mailCard(mail) {
  return element(
    "li", {},
    element("span", {}, element("strong", { textContent: mail.name }), " ", badge(mail.purpose, "note")),
    facts([
      ["From", code(mail.from)],
      ["To", recipients(mail)],
      ["Reply to", mail.replyTo && ["the address in ", code(mail.replyTo)]],
      ["Files", mail.attachments ? "those of the form" : ""],
    ]),
    mail.when ? more("Only when the payload matches", source(JSON.stringify(mail.when, null, 2))) : "",
  );
}

function routeCard(route) {
  const secrets = route.secrets.map((secret) =>
    element("span", {}, code(secret.variable), secret.development ? " (development value)" : " (from the environment)"));
  return element(
    "article", { className: "card" },
    element("h4", {}, element("a", { href: hash(route.name), textContent: route.name })),
    facts([
      ["Path", code(route.path)],
      ["Called by", proof(route)],
      ["Sites", among(route.origins.map(code))],
      ["Asks for", route.guards.join(", ")],
      ["Secrets", among(secrets)],
      ["Schema", code(route.schema)],
      ["Thanks", route.thanks && code(route.thanks)],
    ]),
    element("ul", { className: "mails" }, ...route.mails.map(mailCard)),
    more("Schema", source(route.document)),
  );
}

function senderCard(sender, policy) {
  const routes = policy.routes.filter((route) => route.mails.some((mail) => mail.sender === sender.name));
  return element(
    "article", { className: "card" },
    element("h4", { textContent: sender.name }),
    facts([
      ["Address", code(sender.address)],
      ["Owner", code(sender.owner)],
      ["Used by", among(routes.map((route) => element("a", { href: hash(route.name), textContent: route.name })))],
    ]),
  );
}

function templateCard(template) {
  const files = template.files.map((file) => more(file.path.replace(`templates/${template.name}/`, ""), source(file.text)));
  return element(
    "article", { className: "card" },
    element("h4", { textContent: template.name }),
    facts([["Used by", template.routes.join(", ")], ["sha256", code(`${template.sha256.slice(0, 16)}…`)]]),
    ...files,
  );
}

const STATES = {
  approved: ["approved", "delivered"],
  changed: ["changed since", "waiting"],
  never: ["never approved", "waiting"],
};

function approvalRow(approval) {
  const [words, kind] = STATES[approval.state];
  const cell = (...children) => element("td", {}, ...children);
  return element("tr", {}, element("th", { scope: "row", textContent: approval.name }), cell(badge(words, kind)), cell(approval.by ?? "–"), cell(approval.on ?? "–"));
}

// How a route's payload is edited: the text is what is sent, and the form is a way to write it.

class Studio {
  async start(root) {
    const page = await (await fetch("/studio/studio.html")).text();
    const sheet = element("link", { rel: "stylesheet", href: "/studio/studio.css" });
    await new Promise((resolve) => {
      sheet.addEventListener("load", resolve);
      sheet.addEventListener("error", resolve);
      document.head.append(sheet);
    });
    root.replaceChildren(document.createRange().createContextualFragment(page));
    this.form = new SchemaForm(byId("fields"), (value) => this.write(JSON.stringify(value, null, 2)));
    this.texts = new Map();
    this.seen = "";
    byId("fields").addEventListener("submit", (event) => event.preventDefault());
    byId("json").addEventListener("input", () => this.write(byId("json").value));
    byId("event").addEventListener("input", () => this.rehearseSoon());
    byId("sample").addEventListener("change", () => this.reset());
    byId("reset").addEventListener("click", () => this.reset());
    byId("send").addEventListener("click", () => this.send());
    for (const [view, other] of [["fields", "json"], ["json", "fields"]]) {
      byId(`tab-${view}`).addEventListener("click", () => this.edit(view));
      byId(`tab-${view}`).addEventListener("keydown", (event) => {
        if (!["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) return;
        event.preventDefault();
        this.edit({ Home: "fields", End: "json" }[event.key] ?? other);
        byId(`tab-${this.view}`).focus();
      });
    }
    await this.refresh();
    return this;
  }

  // Reads the policy again, if it has changed.
  async refresh() {
    const response = await fetch("/studio/policy");
    const text = await response.text();
    if (!response.ok || text === this.seen) return;
    this.seen = text;
    this.policy = JSON.parse(text);
    byId("complaint").hidden = !this.policy.complaint;
    byId("complaint").textContent = this.policy.complaint ? `Showing and serving the last good policy.\n\n${this.policy.complaint}` : "";
    this.overview();
    if (this.fragment) this.show(this.fragment, true);
  }

  overview() {
    const { policy } = this;
    byId("overview-words").replaceChildren("In ", code(policy.directory), ", sha256 ", code(`${policy.sha256.slice(0, 16)}…`));
    byId("senders").replaceChildren(...policy.senders.map((sender) => senderCard(sender, policy)));
    byId("route-cards").replaceChildren(...policy.routes.map(routeCard));
    byId("templates").replaceChildren(...policy.templates.map(templateCard));
    byId("approvals").replaceChildren(...policy.approvals.map(approvalRow));
    const link = (href, title, detail) =>
      element("li", {}, element("a", { href }, element("strong", { textContent: title }), element("small", { textContent: detail })));
    const open = policy.approvals.filter((approval) => approval.state !== "approved").length;
    const links = policy.routes.map((route) => link(hash(route.name), route.name, `${route.kind}, ${route.path}`));
    byId("route-links").replaceChildren(link("#studio", "Policy", open ? `${open} to approve` : "all approved"), ...links);
  }

  // Shows what the address's fragment names: the policy, or one of its routes.
  show(fragment, again = false) {
    this.fragment = fragment;
    const name = decodeURIComponent(fragment.slice("#studio/".length));
    const route = this.policy.routes.find((one) => one.name === name);
    for (const link of byId("route-links").querySelectorAll("a")) {
      if (link.hash === (route ? hash(name) : "#studio")) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    byId("overview").hidden = Boolean(route);
    byId("route").hidden = !route;
    const changed = this.route?.name !== route?.name;
    this.route = route;
    if (route) this.open(route, changed, again);
    if (changed && !again) byId(route ? "route" : "overview").focus({ preventScroll: true });
  }

  open(route, changed, again) {
    byId("route-title").textContent = route.name;
    byId("route-words").replaceChildren("POST ", code(route.path), `, called by ${proof(route)}, sends ${route.mails.map((mail) => mail.name).join(" and ")}`);
    byId("obstacle").hidden = !route.obstacle;
    byId("obstacle").textContent = route.obstacle ?? "";
    byId("event-label").hidden = route.contract !== "github";
    if (changed) {
      byId("event").value = route.contract === "github" ? route.schema.replace(/^github-/, "") : "";
      byId("sent").replaceChildren();
      byId("mails").replaceChildren();
      this.mailAt = 0;
    }
    const chosen = changed ? "" : byId("mistake").value;
    byId("mistake").replaceChildren(new Option("as its caller would", ""), ...route.mistakes.map((one) => new Option(`wrong: ${one.label}`, one.name)));
    byId("mistake").value = route.mistakes.some((one) => one.name === chosen) ? chosen : "";
    const sample = changed ? 0 : byId("sample").selectedIndex;
    byId("sample").replaceChildren(...route.samples.map((one) => new Option(one.title.replace(/^(templates|schemas)\//, ""))));
    byId("sample").selectedIndex = Math.min(Math.max(sample, 0), route.samples.length - 1);
    if (!this.texts.has(route.name)) this.texts.set(route.name, route.samples[0]?.text ?? "{}");
    if (changed || again) this.edit(changed ? "fields" : this.view);
    this.rehearseSoon(0);
  }

  get text() {
    return this.texts.get(this.route.name);
  }

  reset() {
    this.texts.set(this.route.name, this.route.samples[byId("sample").selectedIndex]?.text ?? "{}");
    this.edit(this.view);
    this.rehearseSoon(0);
  }

  // Called when the payload's text has changed.
  write(text) {
    this.texts.set(this.route.name, text);
    if (this.view === "json") this.check();
    this.rehearseSoon();
  }

  // Shows where the text stops being JSON.
  check() {
    try {
      JSON.parse(this.text);
      byId("json-error").textContent = "";
      byId("json").removeAttribute("aria-invalid");
    } catch (error) {
      byId("json-error").textContent = `This is not JSON: ${error.message}.`;
      byId("json").setAttribute("aria-invalid", "true");
    }
  }

  edit(view) {
    this.view = view;
    for (const name of ["fields", "json"]) {
      const chosen = name === view;
      byId(`tab-${name}`).setAttribute("aria-selected", String(chosen));
      byId(`tab-${name}`).tabIndex = chosen ? 0 : -1;
      byId(`view-${name}`).hidden = !chosen;
    }
    if (view === "json") {
      byId("json").value = this.text;
      this.check();
      return;
    }
    let value;
    try {
      value = JSON.parse(this.text);
    } catch {}
    byId("fields").hidden = value === undefined;
    byId("no-fields").hidden = value !== undefined;
    if (value !== undefined) this.form.fill(JSON.parse(this.route.document), value);
    this.form.mark(value === undefined ? [] : this.violations ?? []);
  }

  order(mistake) {
    const order = { route: this.route.name, payload: this.text };
    if (this.route.contract === "github") order.event = byId("event").value;
    if (mistake) order.mistake = mistake;
    return order;
  }

  // Asks what the gate would do with the payload, once the user stops typing.
  rehearseSoon(delay = DEBOUNCE) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.rehearse(), delay);
  }

  async rehearse() {
    this.asked?.abort();
    this.asked = new AbortController();
    const { signal } = this.asked;
    byId("verdict").classList.add("busy");
    try {
      this.preview(await ask("rehearse", this.order(), signal));
    } catch (error) {
      if (signal.aborted) return;
      this.verdict(error.message, "failed");
      byId("mails").replaceChildren();
    }
    byId("verdict").classList.remove("busy");
  }

  verdict(text, kind) {
    byId("verdict").replaceChildren(badge(text, kind));
  }

  preview({ answer, mails }) {
    const problem = parsed(answer.body);
    this.violations = Array.isArray(problem?.errors) ? problem.errors.filter((one) => typeof one.pointer === "string") : [];
    this.form.mark(this.view === "fields" ? this.violations : []);
    const good = answer.status < 400;
    if (this.violations.length) this.verdict(`does not match: ${plural(this.violations.length, "field")}`, "failed");
    else if (!good) this.verdict(`${answer.status}: ${reason(answer)}`, "failed");
    else this.verdict(mails.length ? `would send ${plural(mails.length, "mail")}` : "valid, and no mail applies", mails.length ? "delivered" : "waiting");
    byId("violations").hidden = this.violations.length === 0;
    byId("violations").replaceChildren(...this.violations.map((one) => element("li", {}, code(one.pointer || "the payload"), element("span", { textContent: one.detail }))));
    // The last valid preview stays visible while the user types.
    if (good) this.showMails(mails);
    byId("mails").classList.toggle("stale", !good);
  }

  showMails(mails) {
    this.mailAt = Math.min(this.mailAt ?? 0, Math.max(mails.length - 1, 0));
    const names = mails.map((mail) => mail.summary.mail ?? mail.summary.subject);
    const body = element("div", { id: "mail", role: "tabpanel", tabIndex: 0 });
    const tabs = tabList("Mails", names, this.mailAt, (index) => {
      this.mailAt = index;
      this.showMail(body, mails[index]);
    }, "mail");
    byId("mails").replaceChildren(...(mails.length ? [tabs, body] : []));
    if (mails.length) this.showMail(body, mails[this.mailAt]);
  }

  showMail(body, mail) {
    const { summary, message, checks } = mail;
    const people = (list) => (list ?? []).map((one) => (one.displayName ? `${one.displayName} <${one.address}>` : one.address)).join(", ");
    const looks = [
      mail.html && ["HTML", () => element("iframe", { src: mail.html, title: `HTML body of ${summary.mail ?? "the mail"}`, referrerPolicy: "no-referrer", sandbox: "" })],
      ["Text", () => source(message.content.plainText ?? "")],
      [`Checks${checks.findings.length ? ` (${checks.findings.length})` : ""}`, () => findings(checks)],
    ].filter(Boolean);
    this.look = Math.min(this.look ?? 0, looks.length - 1);
    const view = element("div", { id: "look-view", className: "look", role: "tabpanel", tabIndex: 0 });
    const show = (index) => {
      this.look = index;
      view.replaceChildren(looks[index][1]());
    };
    const tabs = tabList("Views of the mail", looks.map(([name]) => name), this.look, show, "look-view");
    body.replaceChildren(
      element("p", { className: "subject", textContent: message.content.subject || "(no subject)" }),
      facts([["From", message.senderAddress], ["To", people(summary.to)], ["Reply to", people(message.replyTo)], ["Purpose", summary.purpose]]),
      tabs, view,
    );
    show(this.look);
  }

  async send() {
    const button = byId("send");
    const mistake = byId("mistake").value;
    button.disabled = true;
    try {
      const sent = await ask("send", this.order(mistake));
      byId("sent").replaceChildren(answered(sent));
    } catch (error) {
      byId("sent").replaceChildren(element("p", { className: "error", textContent: error.message }));
    }
    button.disabled = false;
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// Why the gate refused: the audit line says more than the answer does.
const reason = (answer) => answer.audit.map((line) => line.reason).filter(Boolean).join("; ") || answer.phrase;

function findings(checks) {
  const rows = checks.findings.map((one) => element("li", {}, element("span", { textContent: one.message }), badge(one.check, one.level)));
  return rows.length ? element("ul", { className: "rows" }, ...rows) : element("p", { className: "none", textContent: "No problems found." });
}

// The tabs of a panel: the arrow keys move through them.
function tabList(label, names, chosen, choose, panel) {
  const list = element("div", { className: "tabs", role: "tablist" });
  list.setAttribute("aria-label", label);
  const tabs = names.map((name, index) => {
    const tab = element("button", { type: "button", role: "tab", textContent: name, id: `${panel}-tab-${index}` });
    tab.setAttribute("aria-controls", panel);
    tab.addEventListener("click", () => mark(index));
    tab.addEventListener("keydown", (event) => {
      const target = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: names.length - 1 }[event.key];
      if (target === undefined) return;
      event.preventDefault();
      const next = (target + names.length) % names.length;
      mark(next);
      tabs[next].focus();
    });
    return tab;
  });
  const look = (index) => tabs.forEach((tab, at) => {
    tab.setAttribute("aria-selected", String(at === index));
    tab.tabIndex = at === index ? 0 : -1;
  });
  const mark = (index) => {
    look(index);
    choose(index);
    byId(panel)?.setAttribute("aria-labelledby", tabs[index].id);
  };
  look(chosen);
  list.append(...tabs);
  return list;
}

function answered({ request, answer }) {
  const good = answer.status < 400;
  const mails = answer.audit.flatMap((line) => line.mails ?? []);
  const links = mails.filter((mail) => mail.outcome === "accepted").map((mail) => element("a", { href: `#${mail.operation_id}`, textContent: mail.mail }));
  const body = parsed(answer.body);
  const head = (lines) => lines.map(([name, value]) => `${name}: ${value}`).join("\n");
  return element(
    "div", { className: "answer" },
    element("p", {}, badge(`${answer.status} ${answer.phrase}`, good ? "delivered" : "failed"), " ", good ? answer.audit.map((line) => line.verdict).join(", ") : reason(answer)),
    links.length ? element("p", {}, "In the inbox: ", ...among(links)) : "",
    source(body === undefined ? answer.body : JSON.stringify(body, null, 2)),
    more("The answer’s headers", source(head(answer.headers))),
    more("The request", source(`${request.method} ${request.target} HTTP/1.1\n${head(request.headers)}\n\n${request.body.slice(0, 20000)}`)),
    more("The gate’s audit line", source(answer.audit.map((line) => JSON.stringify(line, null, 2)).join("\n"))),
  );
}

export const start = (root) => new Studio().start(root);

// The example pages, opened as people open them. The site is played by the driver; the gate is real.

import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import puppeteer from 'puppeteer-core';

const GATE = process.env.GATE;
const SITE = 'http://localhost:8080';
const WIDGET = new URL('./node_modules/altcha/dist/main/altcha.js', import.meta.url);
const FOREIGN = 'http://foreign.localhost:8081';
const EXAMPLES = new URL('../../examples/', import.meta.url);
const SHOTS = process.env.SHOTS;
const PHONE = { width: 390, height: 844, deviceScaleFactor: 1 };
const DESKTOP = { width: 1280, height: 800, deviceScaleFactor: 1 };
const PDF = '%PDF-1.7\nnot much of a document';

let browser;
let page;
let sentBefore;

const sent = async () => (await (await fetch(`${GATE}/sent`)).json()).slice(sentBefore);

before(async () => {
  browser = await puppeteer.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-features=LocalNetworkAccessChecks', '--lang=en'],
  });
});

after(() => browser?.close());

// A page with the widget of altcha.org, as its documentation has it.
const ALTCHA = `<!doctype html><html lang="en"><title>Ask</title><script type="module" src="/altcha.js"></script>
<form method="post" action="${GATE}/prove"><input id="name" name="name"><input id="message" name="message">
<altcha-widget challenge="${GATE}/prove/challenge" auto="onload"></altcha-widget><button type="submit">Send</button></form>`;

// Controls whose names hide properties that a form has by itself. They are disabled, so no browser sends them.
const HIDING = ['action', 'method', 'reset', 'append', 'elements', 'dataset', 'addEventListener', 'dispatchEvent',
  'querySelector', 'querySelectorAll', 'setAttribute'].map((name) => `<input name="${name}" disabled>`).join('');
const HIDDEN = `<!doctype html><html lang="en"><title>Contact</title><script src="${GATE}/postern.js" defer></script>
<form method="post" action="http://[">${HIDING}</form>
<form method="post" action="${GATE}/contact">${HIDING}<input id="name" name="name"><input id="email" name="email">
<input id="message" name="message"><button type="submit">Send</button></form>`;

// Client libraries as npm has them, not what we think that they send.
const MODULES = new URL('./node_modules/', import.meta.url);
const LIBRARIES = {
  '/formspree-core.js': '@formspree/core/dist/index.mjs',
  '/formspree-ajax.js': '@formspree/ajax/dist/global.js',
  '/axios.js': 'axios/dist/axios.min.js',
  '/jquery.js': 'jquery/dist/jquery.min.js',
  '/htmx2.js': 'htmx.org/dist/htmx.min.js',
  '/htmx4.js': 'htmx4/dist/htmx.min.js',
  '/turbo.js': '@hotwired/turbo/dist/turbo.es2017-umd.js',
};

const CONTROLS = `<input id="name" name="name"><input id="email" name="email"><input id="message" name="message">
<input type="hidden" name="_gotcha"><button type="submit">Send</button>`;
const plain = (head, form = '') => `<!doctype html><html lang="en"><title>Contact</title>${head}
<form method="post" action="${GATE}/contact"${form}>${CONTROLS.replace('_gotcha', 'feedback_note')}</form>`;
const htmx = (version, config) => `<!doctype html><html lang="en"><title>Contact</title>
<meta name="htmx-config" content='${config}'><script src="/htmx${version}.js"></script>
<form id="form" hx-post="${GATE}/f/contact" hx-target="#answer">${CONTROLS}</form><p id="answer"></p>`;

// Pages as the libraries' documentation has them.
const PAGES = {
  '/core.html': '<!doctype html><html lang="en"><title>Contact</title>',
  '/ajax.html': `<!doctype html><html lang="en"><title>Contact</title>
    <script>window.formspree = window.formspree || function () { (formspree.q = formspree.q || []).push(arguments); };
    formspree('initForm', { formElement: '#form', formId: 'contact', origin: '${GATE}' });</script>
    <script src="/formspree-ajax.js" defer></script><div data-fs-success></div><div data-fs-error></div>
    <form id="form">${CONTROLS}<span data-fs-error="email"></span></form>`,
  '/axios.html': '<!doctype html><html lang="en"><title>Contact</title><script src="/axios.js"></script>',
  '/jquery.html': '<!doctype html><html lang="en"><title>Contact</title><script src="/jquery.js"></script>',
  '/htmx2.html': htmx(2, '{"selfRequestsOnly": false}'),
  '/htmx4.html': htmx(4, '{"mode": "cors"}'),
  '/turbo.html': plain('<script src="/turbo.js"></script>'),
  '/open.html': plain('<meta name="referrer" content="strict-origin-when-cross-origin">'),
  '/no-referrer.html': plain('<meta name="referrer" content="no-referrer">'),
  '/same-origin.html': plain('<meta name="referrer" content="same-origin">'),
  '/latin/says-nothing.html': plain('<meta charset="windows-1252">'),
  '/latin/charset.html': plain('<meta charset="windows-1252">').replace('<button', '<input type="hidden" name="_charset_"><button'),
  '/latin/accept-charset.html': plain('<meta charset="windows-1252">', ' accept-charset="utf-8"'),
};

// A form whose route also sends the visitor a copy.
const COPY = `<!doctype html><html lang="en"><title>Contact</title><script src="${GATE}/postern.js" defer></script>
<form method="post" action="${GATE}/copy"><input id="name" name="name"><input id="email" name="email">
<textarea id="message" name="message"></textarea><button type="submit">Send</button></form>`;

// The example as it is, with the gate's address put in.
const content = async (path) => {
  if (path in PAGES) return PAGES[path];
  if (path in LIBRARIES) return readFile(new URL(LIBRARIES[path], MODULES), 'utf8');
  if (path === '/thanks.html') return '<!doctype html><title>Thanks</title><h1>Thank you!</h1>';
  if (path === '/altcha.js') return readFile(WIDGET, 'utf8');
  if (path === '/altcha.html') return ALTCHA;
  if (path === '/hidden.html') return HIDDEN;
  if (path === '/copy.html') return COPY;
  const text = await readFile(new URL(`.${path}`, EXAMPLES), 'utf8');
  return text.replaceAll('https://mail.contoso.example', GATE);
};

const open = async (path, { scripts = true, site = SITE, language = 'en', size = DESKTOP } = {}) => {
  page = await browser.newPage();
  await page.setViewport(size);
  await page.setJavaScriptEnabled(scripts);
  await page.setExtraHTTPHeaders({ 'accept-language': language });
  await page.setRequestInterception(true);
  page.on('request', async (request) => {
    const url = new URL(request.url());
    if (url.origin === GATE) return request.continue();
    if (url.origin !== SITE && url.origin !== FOREIGN) return request.abort();
    const html = url.pathname.startsWith('/latin/') ? 'text/html' : 'text/html; charset=utf-8';
    const type = { css: 'text/css', js: 'text/javascript' }[url.pathname.split('.').pop()] ?? html;
    const body = await content(url.pathname).catch(() => null);
    return request.respond(body === null ? { status: 404, body: '' } : { status: 200, contentType: type, body });
  });
  await page.goto(site + path);
};

beforeEach(async () => {
  sentBefore = 0;
  sentBefore = (await sent()).length;
});

afterEach(async () => {
  if (page?.isClosed() === false) await page.close();
  page = undefined;
});

const send = () => Promise.all([page.waitForNavigation(), page.click('button')]);
const text = (selector) => page.$eval(selector, (element) => element.textContent.trim());
const value = (selector) => page.$eval(selector, (element) => element.value);
const shot = async (name) => {
  if (!SHOTS) return;
  await mkdir(SHOTS, { recursive: true });
  for (const [width, size] of [['phone', PHONE], ['desktop', DESKTOP]]) {
    await page.setViewport(size);
    await writeFile(`${SHOTS}/${name}-${width}.png`, await page.screenshot());
  }
};

test('without scripts: sent, and on to the thanks page', async () => {
  await open('/contact.html', { scripts: false });
  await page.type('#name', 'Ada');
  await page.type('#email', 'ada@customer.example');
  await page.type('#message', 'Hello');
  await shot('form');
  await send();
  assert.equal(page.url(), `${SITE}/thanks.html`);
  const [mail] = await sent();
  assert.equal(mail.content.subject, 'From Ada');
  assert.equal(mail.content.plainText, 'Name: Ada\nE-mail: ada@customer.example\nMessage: Hello\n');
});

test('without scripts: errors on a page, corrected there and sent', async () => {
  await open('/contact.html', { scripts: false, language: 'de' });
  await page.$eval('form', (form) => { form.noValidate = true; });
  await page.type('#email', 'ada at home');
  await page.select('#topic', 'support');
  await page.type('#message', 'Grüße & <b>mehr</b>');
  await send();
  assert.equal(page.url(), `${GATE}/contact`);
  assert.equal(await text('h1'), 'Bitte prüfen Sie Ihre Angaben');
  assert.equal(await page.$eval('html', (html) => html.lang), 'de');
  assert.equal(await value('[name=message]'), 'Grüße & <b>mehr</b>');
  assert.equal(await value('[name=topic]'), 'support');
  assert.equal(await value('[name=email]'), 'ada at home');
  const wrong = await page.$$eval('[aria-invalid=true]', (all) => all.map((one) => one.name));
  assert.deepEqual(wrong, ['name', 'email']);
  const described = await page.$eval('[name=email]', (one) => document.getElementById(one.getAttribute('aria-describedby')).textContent);
  assert.equal(described, 'Hier wird eine E-Mail-Adresse erwartet.');
  const listed = await page.$$eval('.summary a', (all) => all.map((one) => one.textContent));
  assert.deepEqual(listed, ['Name', 'E-mail']);
  const overflow = async () => page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  for (const size of [PHONE, DESKTOP]) {
    await page.setViewport(size);
    assert.equal(await overflow(), false, `nothing is cut off at ${size.width}`);
  }
  await shot('errors');
  await page.click('.summary a');
  assert.equal(await page.evaluate(() => document.activeElement.name), 'name');
  assert.deepEqual(await sent(), []);
  await page.type('[name=name]', 'Ada');
  await page.$eval('[name=email]', (one) => { one.value = 'ada@customer.example'; });
  await send();
  assert.equal(page.url(), `${SITE}/thanks.html`);
  assert.equal((await sent())[0].content.subject, 'From Ada');
});

test('without scripts: a robot in the honeypot sees thanks and sends nothing', async () => {
  await open('/contact.html', { scripts: false });
  await page.type('#name', 'Robot');
  await page.type('#email', 'robot@customer.example');
  await page.type('#message', 'Buy');
  await page.$eval('#feedback_note', (one) => { one.value = 'https://robot.example'; });
  await send();
  assert.equal(page.url(), `${SITE}/thanks.html`);
  assert.deepEqual(await sent(), []);
});

test('without scripts: a text that fills its field to the brim over many lines', async () => {
  await open('/contact.html', { scripts: false });
  await page.type('#name', 'Ada');
  await page.type('#email', 'ada@customer.example');
  const brim = `${'twenty licences, please\n'.repeat(200)}${'x'.repeat(200)}`;
  await page.$eval('#message', (one, brim) => { one.maxLength = 5000; one.value = brim; }, brim);
  assert.equal(brim.length, 5000);
  await send();
  assert.equal(page.url(), `${SITE}/thanks.html`);
  assert.equal((await sent())[0].content.plainText, `Name: Ada\nE-mail: ada@customer.example\nMessage: ${brim}\n`);
});

const NOTICE = 'Your message has arrived. The copy for you could not be sent to the email address that you entered.';

test('without scripts: a copy that cannot be sent, and the way on', async () => {
  await open('/copy.html', { scripts: false });
  await page.type('#name', 'Ada');
  await page.type('#email', 'ada@refused.example');
  await page.type('#message', 'Hello');
  await send();
  assert.equal(page.url(), `${GATE}/copy`);
  assert.deepEqual([await text('h1'), await text('main > p')], ['Thank you', NOTICE]);
  assert.equal((await sent()).length, 1);
  await Promise.all([page.waitForNavigation(), page.click('a')]);
  assert.equal(page.url(), `${SITE}/thanks.html`);
});

test('with the script: a copy that cannot be sent', async () => {
  await open('/copy.html');
  await page.type('#name', 'Ada');
  await page.type('#email', 'ada@refused.example');
  await page.type('#message', 'Hello');
  await page.click('button');
  await page.waitForFunction((notice) => document.querySelector('.postern-status').textContent === notice, {}, NOTICE);
  assert.equal(page.url(), `${SITE}/copy.html`);
  assert.equal((await sent()).length, 1);
});

test('without scripts: a file', async () => {
  await open('/apply.html', { scripts: false });
  await page.type('#name', 'Ada');
  await choose('cv.pdf', PDF);
  await send();
  assert.equal(await text('h1'), 'Thank you');
  await shot('thanks');
  const [mail] = await sent();
  assert.deepEqual(mail.attachments.map(({ name, contentType }) => [name, contentType]), [['cv.pdf', 'application/pdf']]);
  assert.equal(Buffer.from(mail.attachments[0].contentInBase64, 'base64').toString(), PDF);
});

const choose = async (name, bytes) => {
  const path = new URL(`./node_modules/.cache/`, import.meta.url);
  await mkdir(path, { recursive: true });
  await writeFile(new URL(name, path), bytes);
  const control = await page.$('input[type=file]');
  await control.uploadFile(new URL(name, path).pathname);
};

test('with the script: errors beside the fields, the first in focus, and no page left', async () => {
  await open('/contact.html');
  await page.$eval('form', (form) => { form.noValidate = true; });
  await page.type('#email', 'ada at home');
  await page.type('#message', 'Hello');
  await page.click('button');
  await page.waitForSelector('.postern-error');
  assert.equal(page.url(), `${SITE}/contact.html`);
  const notes = await page.$$eval('.postern-error', (all) => all.map((note) => [note.previousElementSibling.id, note.textContent]));
  assert.deepEqual(notes, [['name', 'This must not be empty.'], ['email', 'This must be an email address.']]);
  await page.waitForFunction(() => !document.querySelector('button').disabled);
  assert.equal(await page.evaluate(() => document.activeElement.name), 'name');
  const described = await page.$eval('#email', (one) => document.getElementById(one.getAttribute('aria-describedby')).textContent);
  assert.equal(described, 'This must be an email address.');
  await shot('inline');
  await page.type('#name', 'Ada');
  await page.$eval('#email', (one) => { one.value = 'ada@customer.example'; });
  await send();
  assert.equal(page.url(), `${SITE}/thanks.html`);
  assert.equal((await sent()).length, 1);
});

test('with the script: a file, and one of a wrong type', async () => {
  await open('/apply.html');
  await page.type('#name', 'Ada');
  await choose('cv.pdf', 'no PDF');
  await page.click('button');
  await page.waitForSelector('.postern-error');
  assert.equal(await text('.postern-error'), 'This file must be of one of these types: pdf.');
  await choose('cv.pdf', PDF);
  await page.click('button');
  await page.waitForFunction(() => document.querySelector('[role=status]').textContent.startsWith('Thank you'));
  assert.equal((await sent())[0].attachments.length, 1);
});

test('with the script: form token and proof of work, under a strict content security policy', async () => {
  const complaints = [];
  await open('/guarded.html');
  page.on('console', (line) => complaints.push(line.text()));
  await page.type('#name', 'Ada');
  await page.type('#message', 'Why?');
  await page.click('button');
  await page.waitForFunction(() => document.querySelector('[role=status]').textContent.startsWith('Thank you'));
  assert.deepEqual(complaints, []);
  assert.equal((await sent())[0].content.plainText, 'Name: Ada\nQuestion: Why?\n');
});

test('the official ALTCHA widget solves the challenge of a form', async () => {
  await open('/altcha.html');
  await page.type('#name', 'Ada');
  await page.type('#message', 'Why?');
  await page.waitForFunction(() => document.querySelector('[name=altcha]')?.value);
  await Promise.all([page.waitForNavigation(), page.click('button[type=submit]')]);
  assert.equal(await text('h1'), 'Thank you');
  assert.equal((await sent())[0].content.plainText, 'Name: Ada\nQuestion: Why?\n');
});

test('with the script: names of controls that hide what a form has by itself', async () => {
  await open('/hidden.html');
  await page.type('#name', 'Ada');
  await page.type('#email', 'ada at home');
  await page.type('#message', 'Hello');
  await page.click('button');
  await page.waitForSelector('[aria-invalid=true]');
  assert.equal(page.url(), `${SITE}/hidden.html`);
  await page.waitForFunction(() => !document.querySelector('button').disabled);
  await page.$eval('#email', (one) => { one.value = 'ada@customer.example'; });
  await Promise.all([page.waitForNavigation(), page.click('button')]);
  assert.equal(page.url(), `${SITE}/thanks.html`);
  assert.equal((await sent()).length, 1);
});

test('the script is under 3 KB compressed', async () => {
  const script = Buffer.from(await (await fetch(`${GATE}/postern.js`)).arrayBuffer());
  const size = gzipSync(script, { level: 9 }).length;
  assert.ok(size < 3000, `${size} bytes`);
});

test('without the script a guarded form is refused on a page', async () => {
  await open('/guarded.html', { scripts: false });
  await page.type('#name', 'Ada');
  await page.type('#message', 'Why?');
  await send();
  assert.equal(await text('h1'), 'This could not be sent');
  assert.deepEqual(await sent(), []);
});

test('a script of your own reads the answer', async () => {
  await open('/fetch.html');
  await page.type('#name', 'Ada');
  await page.type('#email', 'ada');
  await page.type('#message', 'Hello');
  await page.click('button');
  await page.waitForFunction(() => document.querySelector('[role=status]').textContent.includes('email'));
  assert.equal(await text('[role=status]'), 'email: This must be an email address.');
  await page.type('#email', '@customer.example');
  await page.click('button');
  await page.waitForFunction(() => document.querySelector('[role=status]').textContent.startsWith('Sent'));
  assert.equal((await sent()).length, 1);
});

test('a page of another site is refused, with a script and without', async () => {
  await open('/fetch.html', { site: FOREIGN });
  const outcome = await page.evaluate((gate) => fetch(`${gate}/contact`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}',
  }).then(() => 'read', (error) => error.name), GATE);
  assert.equal(outcome, 'TypeError');
  await page.close();
  await open('/contact.html', { site: FOREIGN, scripts: false });
  await page.type('#name', 'Eve');
  await page.type('#email', 'eve@customer.example');
  await page.type('#message', 'Hello');
  await send();
  assert.equal(await text('h1'), 'This could not be sent');
  assert.deepEqual(await sent(), []);
});

const ADA = { name: 'Ada', email: 'ada@customer.example', message: 'Hello' };
const MAIL = 'Name: Ada\nE-mail: ada@customer.example\nMessage: Hello\n';
const fill = async (fields) => {
  for (const [name, text] of Object.entries(fields)) await page.type(`#${name}`, text);
};

test('@formspree/core: JSON and FormData are sent, and its errors are read', async () => {
  await open('/core.html');
  const submit = (fields, asForm) => page.evaluate(async (endpoint, fields, asForm) => {
    const { createClient } = await import('/formspree-core.js');
    const data = new FormData();
    for (const [name, text] of Object.entries(fields)) data.append(name, text);
    const result = await createClient().submitForm('contact', asForm ? data : fields, { endpoint, clientName: 'test@1' });
    return { kind: result.kind, email: result.getFieldErrors?.('email'), form: result.getFormErrors?.() };
  }, GATE, fields, asForm);
  assert.deepEqual(await submit(ADA, false), { kind: 'success' });
  assert.deepEqual(await submit({ ...ADA, message: 'Hello again' }, true), { kind: 'success' });
  const wrong = { code: 'TYPE_EMAIL', message: 'This must be an email address.' };
  assert.deepEqual(await submit({ ...ADA, email: 'ada at home' }, false), { kind: 'error', email: [wrong], form: [] });
  assert.deepEqual((await sent()).map((mail) => mail.content.plainText), [MAIL, MAIL.replace('Hello', 'Hello again')]);
});

test('@formspree/ajax: a form of its documentation, with an error first', async () => {
  await open('/ajax.html');
  await fill({ ...ADA, email: 'ada at home' });
  await page.click('button');
  await page.waitForFunction(() => document.querySelector('[data-fs-error="email"]').textContent !== '');
  assert.equal(await text('[data-fs-error="email"]'), 'This must be an email address.');
  await page.$eval('#email', (one) => { one.value = 'ada@customer.example'; });
  await page.click('button');
  await page.waitForFunction(() => document.body.textContent.includes('Thank you!'));
  assert.deepEqual((await sent()).map((mail) => mail.content.plainText), [MAIL]);
});

test('axios: JSON, FormData and URLSearchParams, with headers that pages and tracing libraries add', async () => {
  await open('/axios.html');
  const headers = { 'X-Requested-With': 'XMLHttpRequest', 'sentry-trace': '0123456789abcdef0123456789abcdef-0123456789abcdef-1', 'X-Of-This-Site': '1' };
  for (const [index, kind] of ['JSON', 'FormData', 'URLSearchParams'].entries()) {
    const answer = await page.evaluate(async (url, fields, kind, headers) => {
      let data = fields;
      if (kind !== 'JSON') {
        data = new globalThis[kind]();
        for (const [name, text] of Object.entries(fields)) data.append(name, text);
      }
      const { status, data: { sent } } = await axios.post(url, data, { headers });
      return [status, sent];
    }, `${GATE}/f/contact`, { ...ADA, message: kind }, kind, headers);
    assert.deepEqual(answer, [200, 1], kind);
    assert.equal((await sent())[index].content.plainText, MAIL.replace('Hello', kind));
  }
});

test('jQuery: what $.ajax makes of a form', async () => {
  await open('/jquery.html');
  const sentByIt = await page.evaluate((url, fields) => new Promise((resolve, reject) => {
    $.ajax({ url, method: 'POST', data: fields, dataType: 'json' }).then((answer) => resolve(answer.sent), reject);
  }), `${GATE}/f/contact`, ADA);
  assert.equal(sentByIt, 1);
  assert.equal((await sent())[0].content.plainText, MAIL);
});

for (const [version, answered] of [[2, '"sent":1'], [4, 'Thank you']]) {
  test(`htmx ${version}: a form with hx-post`, async () => {
    await open(`/htmx${version}.html`);
    await fill(ADA);
    await page.click('button');
    await page.waitForFunction(() => document.querySelector('#answer').textContent !== '');
    assert.ok((await text('#answer')).includes(answered), await text('#answer'));
    assert.equal((await sent())[0].content.plainText, MAIL);
  });
}

test('Turbo leaves a form to another site to the browser', async () => {
  await open('/turbo.html');
  await fill(ADA);
  await send();
  assert.equal(page.url(), `${SITE}/thanks.html`);
  assert.equal((await sent())[0].content.plainText, MAIL);
});

test('a page that hides its site is told what to change, and works once it has', async () => {
  for (const policy of ['no-referrer', 'same-origin']) {
    await open(`/${policy}.html`, { language: 'de' });
    await fill(ADA);
    await send();
    assert.equal(await text('h1'), 'Das konnte nicht gesendet werden', policy);
    const hint = await text('span[lang=en]');
    assert.ok(hint.startsWith('The browser sent `Origin: null`') && hint.includes('<meta name="referrer" content="strict-origin-when-cross-origin">'), hint);
    assert.deepEqual(await sent(), []);
    await page.close();
  }
  await open('/open.html');
  await fill(ADA);
  await send();
  assert.equal(page.url(), `${SITE}/thanks.html`);
  assert.equal((await sent()).length, 1);
});

test('pages in windows-1252: sent where they say so or send UTF-8, else told what to change', async () => {
  for (const [name, works] of [['charset', true], ['accept-charset', true], ['says-nothing', false]]) {
    await open(`/latin/${name}.html`);
    assert.equal(await page.evaluate(() => document.characterSet), 'windows-1252');
    await fill({ ...ADA, name: 'Jürgen', message: `5 € für Öl (${name})` });
    await send();
    if (works) assert.equal(page.url(), `${SITE}/thanks.html`, name);
    else assert.ok((await text('span[lang=en]')).endsWith('Add accept-charset="utf-8" to its <form> element.'));
    await page.close();
  }
  page = undefined;
  const texts = (await sent()).map((mail) => mail.content.plainText);
  const expected = ['charset', 'accept-charset'].map((name) => `Name: Jürgen\nE-mail: ada@customer.example\nMessage: 5 € für Öl (${name})\n`);
  assert.deepEqual(texts, expected);
});

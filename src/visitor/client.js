// Makes plain forms comfortable: sends them without leaving the page and shows what is wrong next to each field.
// <script src="https://GATE/postern.js" defer></script>; forms that post to GATE are found by their action.
// data-postern="token proof-of-work" names what the form's route asks for.
(() => {
  const home = new URL(document.currentScript.src).origin;
  const words = {
    en: { busy: 'Sending …', done: 'Thank you. Your message has been sent.', queued: 'Thank you. Your message has been received and will be sent as soon as possible.', fail: 'This could not be sent. Please try again.' },
    de: { busy: 'Wird gesendet …', done: 'Vielen Dank. Ihre Nachricht wurde gesendet.', queued: 'Vielen Dank. Ihre Nachricht ist angekommen und wird sobald wie möglich gesendet.', fail: 'Das konnte nicht gesendet werden. Bitte versuchen Sie es erneut.' },
  };
  const say = words[(document.documentElement.lang || navigator.language).slice(0, 2)] || words.en;
  // What a form has by itself: a control named `action` or `reset` hides the property of that name.
  const own = (form, name) => {
    const value = Reflect.get(HTMLFormElement.prototype, name, form);
    return typeof value === 'function' ? value.bind(form) : value;
  };
  const isOurs = (form) => {
    try {
      return own(form, 'method') === 'post' && new URL(own(form, 'action')).origin === home;
    } catch {
      return false; // Its action is no address.
    }
  };
  const get = async (form, what) => {
    const url = new URL(own(form, 'action'));
    url.pathname += '/' + what;
    const answer = await fetch(url, { headers: { accept: 'application/json' } });
    if (!answer.ok) throw new Error(what);
    return answer.json();
  };
  const hex = (bytes) => [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, '0')).join('');

  // ALTCHA's challenge: the number whose hash with the salt is the one shown.
  const solve = async ({ algorithm, challenge, maxnumber, salt, signature }) => {
    const encoder = new TextEncoder();
    for (let number = 0; number <= maxnumber; number++) {
      if (hex(await crypto.subtle.digest(algorithm, encoder.encode(salt + number))) === challenge) {
        return btoa(JSON.stringify({ algorithm, challenge, number, salt, signature }));
      }
    }
    throw new Error('challenge');
  };

  // XMLHttpRequest, because fetch does not report the progress of an upload.
  const post = (form, data, progress) => new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', own(form, 'action'));
    request.setRequestHeader('accept', 'application/json');
    request.responseType = 'json';
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    request.onload = () => resolve({ ok: request.status < 300, body: request.response || {} });
    request.onerror = reject;
    const files = [...data.values()].some((value) => value instanceof File);
    request.send(files ? data : new URLSearchParams(data));
  });

  const enhance = (form) => {
    const of = (name) => own(form, name);
    const needs = (of('dataset').postern || '').split(' ');
    const live = document.createElement('p');
    live.className = 'postern-status';
    live.setAttribute('role', 'status');
    of('append')(live);
    let token;
    const fetchToken = () => {
      token = get(form, 'token').then((issued) => ({ ...issued, at: Date.now() }));
      token.catch(() => {});
    };
    if (needs.includes('token')) fetchToken();

    const clear = () => {
      for (const note of of('querySelectorAll')('.postern-error')) note.remove();
      for (const control of of('querySelectorAll')('[aria-invalid]')) {
        control.removeAttribute('aria-invalid');
        control.removeAttribute('aria-describedby');
      }
    };
    const named = (field) => [...of('elements')].find(
      (control) => control.name && control.type !== 'hidden'
        && control.name.replace(/\[\]/g, '').replace(/\[(.*?)\]/g, '.$1') === field,
    );
    const show = ({ detail, errors = [] }) => {
      const rest = [];
      errors.forEach(({ field, message }, index) => {
        const control = field && named(field);
        if (!control) return rest.push(field ? `${field}: ${message}` : message);
        const note = document.createElement('span');
        note.className = 'postern-error';
        note.id = `postern-${[...document.forms].indexOf(form)}-${index}`;
        note.textContent = message;
        control.after(note);
        control.setAttribute('aria-invalid', 'true');
        control.setAttribute('aria-describedby', note.id);
      });
      live.textContent = rest.join(' ') || detail || say.fail;
      of('querySelector')('[aria-invalid]')?.focus();
    };

    let busy = false;
    const setBusy = (now, button) => {
      busy = now;
      of('setAttribute')('aria-busy', String(now));
      if (button) button.disabled = now;
    };
    of('addEventListener')('submit', async (event) => {
      event.preventDefault();
      const button = event.submitter || of('querySelector')('[type=submit], button:not([type])');
      if (busy) return;
      clear();
      const data = new FormData(form, event.submitter);
      setBusy(true, button);
      live.textContent = say.busy;
      try {
        if (token) {
          const old = await token.catch(() => null);
          if (!old || Date.now() - old.at > old.max_seconds * 900) fetchToken();
          const issued = await token;
          const wait = issued.at + issued.min_seconds * 1000 - Date.now();
          if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait + 500));
          data.set(issued.field, issued.token);
        }
        if (needs.includes('proof-of-work')) data.set('altcha', await solve(await get(form, 'challenge')));
        const { ok, body } = await post(form, data, (part) => {
          live.textContent = `${say.busy} ${Math.round(part * 100)} %`;
        });
        if (!ok) {
          show(body);
        } else if (of('dispatchEvent')(new CustomEvent('postern:sent', { bubbles: true, cancelable: true, detail: body }))) {
          live.textContent = body.notice || (body.queued ? say.queued : of('dataset').thanks || say.done);
          of('reset')();
          if (body.next && !body.queued && !body.notice) location.assign(body.next);
        }
      } catch {
        live.textContent = say.fail;
      } finally {
        setBusy(false, button);
      }
    });
  };

  const start = () => {
    for (const form of document.forms) {
      if (isOurs(form)) enhance(form);
    }
  };
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', start);
  else start();
})();

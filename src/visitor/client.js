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
  const get = async (form, what) => {
    const url = new URL(form.action);
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
    request.open('POST', form.action);
    request.setRequestHeader('accept', 'application/json');
    request.responseType = 'json';
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    request.onload = () => resolve({ ok: request.status < 300, body: request.response || {} });
    request.onerror = reject;
    const files = [...data.values()].some((value) => value instanceof File);
    request.send(files ? data : new URLSearchParams(data));
  });

  const enhance = (form) => {
    const needs = (form.dataset.postern || '').split(' ');
    const live = document.createElement('p');
    live.className = 'postern-status';
    live.setAttribute('role', 'status');
    form.append(live);
    let token;
    const fetchToken = () => {
      token = get(form, 'token').then((issued) => ({ ...issued, at: Date.now() }));
      token.catch(() => {});
    };
    if (needs.includes('token')) fetchToken();

    const clear = () => {
      for (const note of form.querySelectorAll('.postern-error')) note.remove();
      for (const control of form.querySelectorAll('[aria-invalid]')) {
        control.removeAttribute('aria-invalid');
        control.removeAttribute('aria-describedby');
      }
    };
    const named = (field) => [...form.elements].find(
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
      form.querySelector('[aria-invalid]')?.focus();
    };

    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      const button = event.submitter || form.querySelector('[type=submit], button:not([type])');
      if (form.ariaBusy === 'true') return;
      clear();
      const data = new FormData(form, event.submitter);
      form.ariaBusy = 'true';
      if (button) button.disabled = true;
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
        } else if (form.dispatchEvent(new CustomEvent('postern:sent', { bubbles: true, cancelable: true, detail: body }))) {
          live.textContent = body.queued ? say.queued : form.dataset.thanks || say.done;
          form.reset();
          if (body.next && !body.queued) location.assign(body.next);
        }
      } catch {
        live.textContent = say.fail;
      } finally {
        form.ariaBusy = null;
        if (button) button.disabled = false;
      }
    });
  };

  const start = () => {
    for (const form of document.forms) {
      if (form.method === 'post' && new URL(form.action).origin === home) enhance(form);
    }
  };
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', start);
  else start();
})();

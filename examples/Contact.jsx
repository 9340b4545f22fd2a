// A contact form in React 19: the action sends JSON, and errors come back by field.
import { useActionState } from 'react';

const GATE = 'https://mail.contoso.example/contact';

async function send(_, data) {
  const answer = await fetch(GATE, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify(Object.fromEntries(data)),
  });
  const { errors = [] } = await answer.json();
  const messages = Object.fromEntries(errors.map(({ field, message }) => [field ?? '', message]));
  return { sent: answer.ok, messages, values: Object.fromEntries(data) };
}

function Field({ name, label, state, as: Control = 'input', ...rest }) {
  const message = state.messages[name];
  return (
    <p>
      <label htmlFor={name}>{label}</label>
      <Control
        id={name}
        name={name}
        defaultValue={state.values[name]}
        aria-invalid={message ? true : undefined}
        aria-describedby={message ? `${name}-error` : undefined}
        required
        {...rest}
      />
      {message && <span id={`${name}-error`}>{message}</span>}
    </p>
  );
}

export default function Contact() {
  const [state, action, pending] = useActionState(send, { sent: false, messages: {}, values: {} });
  if (state.sent) return <p role="status">Thank you. Your message has been sent.</p>;
  return (
    <form action={action}>
      <Field name="name" label="Name" state={state} />
      <Field name="email" label="E-mail" type="email" state={state} />
      <Field name="message" label="Message" as="textarea" state={state} />
      <button disabled={pending}>Send</button>
      <p role="status">{state.messages['']}</p>
    </form>
  );
}

// Sends a mail with the official JavaScript package and waits for its end: send.mjs (key|string) ...
import { createRequire } from "node:module";

// Scripts stand in the repository, packages do not.
const require = createRequire(`${process.env.POSTERN_SDK}/`);
const { EmailClient } = require("@azure/communication-email");
const { AzureKeyCredential } = require("@azure/core-auth");

const message = {
  senderAddress: "forms@contoso.example",
  content: { subject: "From JavaScript", plainText: "Grüße", html: "<p>Grüße</p>" },
  recipients: {
    to: [{ address: "user@example.com", displayName: "User" }],
    cc: [{ address: "copy@example.com" }],
  },
  replyTo: [{ address: "reply@example.com" }],
  headers: { "X-Order": "17" },
  attachments: [{ name: "a.txt", contentType: "text/plain", contentInBase64: "SGk=", contentId: "a" }],
};

const [how, ...settings] = process.argv.slice(2);
const options = { allowInsecureConnection: true };
const client =
  how === "key"
    ? new EmailClient(settings[0], new AzureKeyCredential(settings[1]), options)
    : new EmailClient(settings[0], options);
const poller = await client.beginSend(message);
const result = await poller.pollUntilDone();
console.log(result.status, result.id);

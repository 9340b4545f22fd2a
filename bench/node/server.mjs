// The contact form with the usual libraries: fastify, ajv, handlebars and the official SDK.
import { readFileSync } from "node:fs";
import { EmailClient } from "@azure/communication-email";
import { AzureKeyCredential } from "@azure/core-auth";
import Ajv2020 from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import Fastify from "fastify";
import Handlebars from "handlebars";

const { ACS_ENDPOINT, ACS_ACCESS_KEY, POLICY } = process.env;
const read = (path) => readFileSync(`${POLICY}/${path}`, "utf8");

// These templates only print variables, for which Jinja2 and Handlebars have the same syntax.
const html = Handlebars.compile(read("templates/contact/body.html.j2"));
const text = Handlebars.compile(read("templates/contact/body.txt.j2"), { noEscape: true });
const subject = Handlebars.compile(read("templates/contact/subject.txt.j2"), { noEscape: true });
const ajv = new Ajv2020({ allErrors: true });
addFormats(ajv);
const fits = ajv.compile(JSON.parse(read("schemas/contact.json")));
const client = new EmailClient(ACS_ENDPOINT, new AzureKeyCredential(ACS_ACCESS_KEY), {
  allowInsecureConnection: true,
});

const server = Fastify();
server.post("/contact", async (request, reply) => {
  const form = request.body;
  if (!fits(form)) return reply.code(422).send({ violations: fits.errors });
  await client.beginSend({
    senderAddress: "web@contoso.example",
    content: { subject: subject(form).trim(), plainText: text(form), html: html(form) },
    recipients: { to: [{ address: "sales@contoso.example" }] },
    replyTo: [{ address: form.email, displayName: form.name }],
    disableUserEngagementTracking: true,
  });
  return { sent: 1 };
});
const address = await server.listen({ host: "127.0.0.1", port: 0 });
console.log(new URL(address).host);

"""The contact form as it is usually built: FastAPI, jsonschema, jinja2 and the official SDK."""

import json
import os
import socket
from pathlib import Path

import uvicorn
from azure.communication.email.aio import EmailClient
from azure.core.credentials import AzureKeyCredential
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from jinja2 import Environment, FileSystemLoader, select_autoescape
from jsonschema import Draft202012Validator

policy = Path(os.environ["POLICY"])
escaped = select_autoescape(enabled_extensions=("html.j2",))
templates = Environment(loader=FileSystemLoader(policy / "templates"), autoescape=escaped)
html = templates.get_template("contact/body.html.j2")
text = templates.get_template("contact/body.txt.j2")
subject = templates.get_template("contact/subject.txt.j2")
schema = json.loads((policy / "schemas/contact.json").read_text())
validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
credential = AzureKeyCredential(os.environ["ACS_ACCESS_KEY"])
client = EmailClient(os.environ["ACS_ENDPOINT"], credential)
server = FastAPI()


@server.post("/contact")
async def contact(request: Request):
    form = await request.json()
    violations = [error.message for error in validator.iter_errors(form)]
    if violations:
        return JSONResponse({"violations": violations}, status_code=422)
    await client.begin_send(
        {
            "senderAddress": "web@contoso.example",
            "content": {
                "subject": subject.render(form).strip(),
                "plainText": text.render(form),
                "html": html.render(form),
            },
            "recipients": {"to": [{"address": "sales@contoso.example"}]},
            "replyTo": [{"address": form["email"], "displayName": form["name"]}],
            "userEngagementTrackingDisabled": True,
        }
    )
    return {"sent": 1}


listener = socket.create_server(("127.0.0.1", 0))
print("%s:%d" % listener.getsockname(), flush=True)
uvicorn.Server(uvicorn.Config(server, log_level="warning", access_log=False)).run(sockets=[listener])

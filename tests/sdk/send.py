"""Sends a mail with the official Python package and waits for its end: send.py (sync|async) (key|string) ..."""
import asyncio
import sys

from azure.communication.email import EmailClient
from azure.communication.email.aio import EmailClient as AsyncEmailClient
from azure.core.credentials import AzureKeyCredential

MESSAGE = {
    "senderAddress": "forms@contoso.example",
    "content": {"subject": "From Python", "plainText": "Grüße", "html": "<p>Grüße</p>"},
    "recipients": {
        "to": [{"address": "user@example.com", "displayName": "User"}],
        "cc": [{"address": "copy@example.com"}],
    },
    "replyTo": [{"address": "reply@example.com"}],
    "headers": {"X-Order": "17"},
    "attachments": [
        {"name": "a.txt", "contentType": "text/plain", "contentInBase64": "SGk=", "contentId": "a"},
    ],
}


def client(kind, settings):
    if settings[0] == "key":
        return kind(settings[1], AzureKeyCredential(settings[2]))
    return kind.from_connection_string(settings[1])


def send(settings):
    with client(EmailClient, settings) as mail:
        return mail.begin_send(MESSAGE, polling_interval=0).result()


async def send_async(settings):
    async with client(AsyncEmailClient, settings) as mail:
        return await (await mail.begin_send(MESSAGE, polling_interval=0)).result()


how, *settings = sys.argv[1:]
result = send(settings) if how == "sync" else asyncio.run(send_async(settings))
print(result["status"], result["id"])

"""Shows the mail that was kept instead of sent, to developers and tests."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header
from starlette.responses import HTMLResponse, JSONResponse, Response

Mail = Mapping[str, str]

_FIELDS = ("to", "subject", "text", "html", "time")
_MOST = 200

# Styles stand inline in mail; nothing else may load or run, neither here nor in the frames, which
# inherit this policy.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
)
# No scripts, no forms, no origin. Links may open a page of their own, outside of the sandbox.
_SANDBOX = "allow-popups allow-popups-to-escape-sandbox"
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Mail</title>
<style>
:root {{ color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }}
body {{ max-width: 48rem; margin: 2rem auto; padding: 0 1rem; }}
article {{ border: 1px solid #8886; border-radius: .5rem; margin: 1rem 0; padding: 1rem; }}
h2 {{ font-size: 1.1rem; margin: 0; }}
p {{ margin: .25rem 0 .75rem; opacity: .8; }}
iframe {{ width: 100%; height: 24rem; border: 0; border-radius: .25rem; background: #fff; }}
pre {{ white-space: pre-wrap; overflow-wrap: anywhere; }}
</style>
<h1>Mail</h1>
<p>Kept instead of sent, newest first.</p>
<main>{articles}</main>
</html>
"""
_NOTHING = "<p>There is no mail yet.</p>"


class Mailbox:
    """Reads the mail in a folder: one JSON file a message, under names that sort by time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def messages(self) -> list[Mail]:
        """The last 200 messages, newest first."""
        return list(self._read())

    def _read(self) -> Iterator[Mail]:
        for path in sorted(self._folder.glob("*.json"), reverse=True)[:_MOST]:
            try:
                message = json.loads(path.read_bytes())
            except (OSError, ValueError):
                continue  # Being written or removed at this moment.
            if isinstance(message, dict):
                yield {name: str(message.get(name) or "") for name in _FIELDS}


def mail_router(mailbox: Mailbox) -> APIRouter:
    """The route `/dev/mail`: JSON for programs, a page for people."""
    router = APIRouter(include_in_schema=False)

    @router.api_route("/dev/mail", methods=["GET", "HEAD"])
    async def dev_mail(accept: Annotated[str, Header()] = "") -> Response:
        mail = await asyncio.to_thread(mailbox.messages)
        if "application/json" in accept:
            return JSONResponse({"messages": mail}, headers={"vary": "accept"})
        headers = {"content-security-policy": _POLICY, "vary": "accept"}
        return HTMLResponse(render(mail), headers=headers)

    return router


def render(mail: Sequence[Mail]) -> str:
    """The page that lists mail, each in a frame of its own that can do nothing."""
    return _PAGE.format(articles="\n".join(map(_article, mail)) or _NOTHING)


def _article(mail: Mail) -> str:
    said = {name: escape(mail[name]) for name in _FIELDS}
    # Links of the mail open beside this page instead of in the frame.
    document = escape(f'<base target="_blank">{mail["html"]}')
    return (
        f"<article><h2>{said['subject']}</h2>"
        f"<p>{said['to']} · <time>{said['time']}</time></p>"
        f'<iframe title="{said["subject"]}" sandbox="{_SANDBOX}" srcdoc="{document}"></iframe>'
        f"<details><summary>Text</summary><pre>{said['text']}</pre></details></article>"
    )

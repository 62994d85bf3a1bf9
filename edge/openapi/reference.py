"""The reference page: an OpenAPI document of this package as one page of HTML.

The page is complete without a script; the script adds a filter and buttons that copy. It holds no
inline style or script and fetches nothing from elsewhere, so that it can be served with the policy
`default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'` (CSP level 3).
"""

import hashlib
import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from edge.openapi.highlight import json_text, shell_command
from edge.openapi.outline import Group, Outline
from edge.openapi.problems import title
from edge.openapi.prose import Prose

assets = Path(__file__).parent / "assets"
"""The folder with the style and the script of the page, to be served below `ASSETS_PATH`."""

ASSETS_PATH = "/docs/assets/"
DOCUMENT_PATH = "/openapi.json"

_TEMPLATES = Path(__file__).parent / "templates"
_VARIABLE = re.compile(r"(\{[^}]*\})")


def page(document: dict[str, Any]) -> str:
    """Return the page for a document that `edge.openapi.document.build` made.

    Every error reason has its name as its anchor, so that the `type` of a problem can point to it.
    """
    outline = Outline(document)
    groups = outline.groups()
    schemas = document["components"]["schemas"]
    prose = Prose(_links(groups, document))
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "blocks": prose.blocks,
        "inline": prose.inline,
        "json_text": json_text,
        "shell_command": shell_command,
        "path_template": _path_template,
        "status_title": lambda status: title(int(status)),
    }
    return environment.get_template("reference.html").render(
        document=document,
        document_path=DOCUMENT_PATH,
        groups=groups,
        asset=_asset,
        errors=document["x-limen-errors"],
        returned_by=_returned_by(groups),
        schemas={name: outline.shapes.shape(schema) for name, schema in schemas.items()},
    )


def _links(groups: tuple[Group, ...], document: dict[str, Any]) -> dict[str, str]:
    """Return the anchors of what descriptions refer to by name: RPCs and error reasons."""
    rpcs = {
        operation.rpc.rpartition("/")[2]: f"#{operation.id}"
        for group in groups
        for operation in reversed(group.operations)
    }
    return rpcs | {name: f"#{name}" for name in document["x-limen-errors"]}


def _returned_by(groups: tuple[Group, ...]) -> dict[str, dict[str, str]]:
    """Return, for each reason, the titles of the operations that name it, by their anchors."""
    found: dict[str, dict[str, str]] = {}
    for group in groups:
        for operation in group.operations:
            for refusal in operation.refusals:
                for reason in refusal.reasons:
                    found.setdefault(reason, {})[operation.id] = operation.title
    return found


def _path_template(path: str) -> Markup:
    """Return a path with its variables marked, and with places where a long one may break."""
    return Markup("").join(
        Markup("<var>{}</var>").format(piece)
        if piece.startswith("{")
        else escape(piece).replace("/", Markup("/<wbr>"))
        for piece in _VARIABLE.split(path)
    )


def _asset(name: str) -> str:
    """Return the address of an asset, which changes whenever its content does."""
    digest = hashlib.sha256((assets / name).read_bytes()).hexdigest()
    return f"{ASSETS_PATH}{name}?v={digest[:12]}"

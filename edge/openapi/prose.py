"""Descriptions as HTML: the little Markdown that comments use, with references made into links."""

import re
from collections.abc import Mapping

from markupsafe import Markup, escape

from edge.openapi.comments import paragraphs

_INLINE = re.compile(
    r"""
      `(?P<code>[^`]+)`
    | \b(?P<rfc>RFC\ (?P<number>\d{3,5}))(?P<section>,\ sections?\ (?P<place>[\d.]*\d))?
    | \b(?P<name>[A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*)\b
    """,
    re.VERBOSE,
)
_RFC = "https://www.rfc-editor.org/rfc/rfc"


class Prose:
    """Renders descriptions.

    Args:
        links: The address for each word that is to become a link, as plain text or as code.
    """

    def __init__(self, links: Mapping[str, str]) -> None:
        self._links = links

    def blocks(self, text: str) -> Markup:
        """Return a description of any length as paragraphs and lists."""
        return Markup("\n").join(self._block(each) for each in paragraphs(text))

    def inline(self, text: str) -> Markup:
        """Return one line of a description without a block around it."""
        pieces: list[Markup] = []
        end = 0
        for match in _INLINE.finditer(text):
            pieces += [escape(text[end : match.start()]), self._special(match)]
            end = match.end()
        return Markup("").join([*pieces, escape(text[end:])])

    def _block(self, paragraph: str) -> Markup:
        lines = paragraph.splitlines()
        items = [line.removeprefix("- ") for line in lines if line.startswith("- ")]
        if len(items) < len(lines):
            return Markup("<p>{}</p>").format(self.inline(" ".join(lines)))
        rows = [Markup("<li>{}</li>").format(self.inline(item)) for item in items]
        return Markup("<ul>{}</ul>").format(Markup("").join(rows))

    def _special(self, match: re.Match[str]) -> Markup:
        if match["number"]:
            return _rfc(match)
        word = match["code"] or match["name"]
        shown = Markup("<code>{}</code>").format(word) if match["code"] else escape(word)
        address = self._links.get(word)
        return Markup('<a href="{}">{}</a>').format(address, shown) if address else shown


def _rfc(match: re.Match[str]) -> Markup:
    fragment = f"#section-{match['place']}" if match["place"] else ""
    address = f"{_RFC}{match['number']}{fragment}"
    return Markup('<a href="{}">{}</a>').format(address, match[0])

"""Comments of a contract as prose: paragraphs, first sentences, names as JSON spells them."""

import re
from collections.abc import Mapping

_BREAK = re.compile(r"\n\s*\n")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z`\"(])")
_LIST_ITEM = re.compile(r"^\s*(?:[-*]|\d+\.) ")
_QUOTED_NAME = re.compile(r"`([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*)`")
_BARE_NAME = re.compile(r"\b([a-z][a-z0-9]*(?:_[a-z0-9]+)+)\b")


def paragraphs(comment: str) -> list[str]:
    """Return the paragraphs of a comment, their lines as they stand."""
    return [part.strip("\n") for part in _BREAK.split(comment) if part.strip()]


def flowed(paragraph: str) -> str:
    """Join the lines of a paragraph; items of a list keep a line of their own."""
    lines: list[str] = []
    for line in paragraph.splitlines():
        if not lines or _LIST_ITEM.match(line):
            lines.append(line.strip())
        else:
            lines[-1] += f" {line.strip()}"
    return "\n".join(lines)


def prose(comment: str) -> str:
    """Return a comment as Markdown, one line for each paragraph or item."""
    return "\n\n".join(flowed(part) for part in paragraphs(comment))


def split_summary(text: str) -> tuple[str, str]:
    """Return the first sentence of a text, without its full stop, and the rest."""
    first, gap, others = text.partition("\n\n")
    sentence, *rest = _SENTENCE_END.split(first, maxsplit=1)
    return sentence.removesuffix("."), "\n\n".join([*rest, *([others] if gap else [])])


def without_subject(text: str, name: str) -> str:
    """Return a text without the name that it opens with, as comments on declarations do.

    `Role is a named set` becomes `A named set`, and `Roles holds all` becomes `Holds all`.
    """
    opening = re.match(rf"{re.escape(name)} (?:(?:is|are) )?(?=\S)", text)
    rest = text[opening.end() :] if opening else text
    return rest[:1].upper() + rest[1:]


def with_json_names(text: str, names: Mapping[str, str]) -> str:
    """Spell quoted field names, such as `page_size`, as JSON does.

    Args:
        text: Markdown.
        names: The JSON name for each Protobuf name that may be replaced. A quoted path is
            replaced if each of its parts is among them.
    """

    def replacement(match: re.Match[str]) -> str:
        parts = match[1].split(".")
        if not all(part in names for part in parts):
            return match[0]
        return f"`{'.'.join(names[part] for part in parts)}`"

    return _QUOTED_NAME.sub(replacement, text)


def with_json_words(text: str, names: Mapping[str, str]) -> str:
    """Spell field names as JSON does wherever they stand outside of code."""
    pieces = text.split("`")
    pieces[::2] = [_BARE_NAME.sub(lambda it: names.get(it[1], it[0]), each) for each in pieces[::2]]
    return "`".join(pieces)

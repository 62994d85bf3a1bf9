"""What a set of rules comes to: keywords for programs and sentences for people."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on one value."""

    keywords: dict[str, Any] = field(default_factory=dict)
    """Keywords of JSON Schema."""
    sentences: tuple[str, ...] = ()
    """What the keywords cannot say, in Markdown; field names as the contract spells them."""

    def __add__(self, other: "Limits") -> "Limits":
        """Return the limits of both; further schemas under `allOf` are added up."""
        merged = {**self.keywords, **other.keywords}
        everything = [*self.keywords.get("allOf", []), *other.keywords.get("allOf", [])]
        if everything:
            merged["allOf"] = everything
        return Limits(merged, (*self.sentences, *other.sentences))


NONE = Limits()


def listed(words: list[str], joint: str = "and") -> str:
    """Return words as a list in a sentence: `a, b and c`."""
    return f" {joint} ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def quoted(values: list[Any], joint: str = "or") -> str:
    """Return values as a list in a sentence, each marked as code."""
    return listed([f"`{value}`" for value in values], joint)

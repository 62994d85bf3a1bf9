"""Sentences that wait for a language and for the values they mention.

The source text of every sentence stands in a call of `Sentence` or `Counted`, which is where
`limen.messages.extraction` looks for it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from gettext import NullTranslations


@dataclass(frozen=True, slots=True)
class Sentence:
    """English text, with `%(name)s` where a parameter goes."""

    text: str

    def say(self, translations: NullTranslations, params: Mapping[str, str]) -> str | None:
        """Return the sentence in the language of `translations`; None if a parameter is missing."""
        try:
            return translations.gettext(self.text) % params
        except KeyError:
            return None


@dataclass(frozen=True, slots=True)
class Counted:
    """English text for one and for many, with `%(count)s` where the number goes."""

    one: str
    many: str
    #: The parameter that holds the number.
    count: str

    def say(self, translations: NullTranslations, params: Mapping[str, str]) -> str | None:
        """Return the sentence in the language of `translations`; None without a whole number."""
        try:
            count = int(params[self.count])
        except (KeyError, ValueError):
            return None
        return translations.ngettext(self.one, self.many, count) % {"count": count}


def say_first(
    variants: Iterable[Sentence | Counted],
    translations: NullTranslations,
    params: Mapping[str, str],
) -> str:
    """Return the first variant whose parameters are all there. The last one takes none."""
    spoken = (variant.say(translations, params) for variant in variants)
    return next(sentence for sentence in spoken if sentence is not None)

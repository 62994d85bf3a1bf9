"""Reads gettext catalogues: one domain, any of the languages limen speaks.

The `.po` files that translators edit are the ones that are read. Babel parses such a file in a few
milliseconds and it happens once for each language, so there is nothing to compile when limen is
built, a clean checkout works as it is, and no binary `.mo` can disagree with its source.
"""

from dataclasses import dataclass
from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from io import BytesIO
from typing import Final

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

#: The languages limen speaks, as BCP 47 tags. The first is the source and the default.
LANGUAGES: Final = ("en", "de", "fr", "es", "pt-BR", "ja")

_ENGLISH: Final = LANGUAGES[0]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The translations of one gettext domain, for instance `limen` or `mail`."""

    domain: str

    def translations(self, language: str) -> NullTranslations:
        """Return the translations into `language`, one of `LANGUAGES`.

        English, and any language limen does not speak, gets translations that return their source.
        The first call for a language reads a file; later calls are a dictionary look-up.

        Raises:
            FileNotFoundError: the domain has no catalogue for the language.
        """
        return _read(self.domain, language if language in LANGUAGES else _ENGLISH)

    def warm(self) -> None:
        """Read every language now, so that no later call waits for a file."""
        for language in LANGUAGES:
            self.translations(language)


def posix_name(language: str) -> str:
    """Return the name that gettext and Babel have for a BCP 47 tag: `pt_BR` for `pt-BR`."""
    return language.replace("-", "_")


@lru_cache(maxsize=64)
def _read(domain: str, language: str) -> NullTranslations:
    if language == _ENGLISH:
        return NullTranslations()
    name = posix_name(language)
    source = files(__package__) / "locale" / name / "LC_MESSAGES" / f"{domain}.po"
    with source.open("rb") as po:
        catalog = read_po(po, locale=name, domain=domain, abort_invalid=True)
    compiled = BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return GNUTranslations(compiled)

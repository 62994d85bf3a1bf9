"""Keeps the catalogue `mail` in line with the sentences of the letters.

`python -m server.jobs.extraction` names every sentence that a translation lacks, holds in vain or
breaks, and exits 1 if there is any. With `--update` new sentences arrive untranslated, and those
that are gone leave.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from limen.messages.catalogue import LANGUAGES, posix_name
from limen.messages.extraction import faults
from server.jobs import wording

_DOMAIN = "mail"


def template() -> Catalog:
    """The sentences of the letters, untranslated, in their order."""
    catalog = Catalog(domain=_DOMAIN)
    for sentence in wording.sentences():
        catalog.add(sentence.text)
    return catalog


def path(language: str) -> Path:
    """Where the catalogue of a language lies."""
    folder = Path(str(files("limen.messages"))) / "locale"
    return folder / posix_name(language) / "LC_MESSAGES" / f"{_DOMAIN}.po"


def read(language: str) -> Catalog:
    """The catalogue of a language as it is on disk; an empty one if there is none."""
    locale = posix_name(language)
    if not path(language).exists():
        return _empty(locale)
    with path(language).open("rb") as po:
        return read_po(po, locale=locale, domain=_DOMAIN, abort_invalid=True)


def update(language: str) -> None:
    """Rewrites the catalogue of a language so that it holds the sentences there are, no others."""
    catalog = read(language)
    catalog.update(template(), no_fuzzy_matching=True, update_creation_date=False)
    catalog.obsolete.clear()
    with path(language).open("wb") as po:
        write_po(po, catalog, width=100, ignore_obsolete=True)


def main(arguments: Sequence[str], write: Callable[[str], object]) -> int:
    """Checks or updates every catalogue; returns the exit code, 1 if a fault remains."""
    parser = argparse.ArgumentParser(prog="server.jobs.extraction", description=__doc__)
    parser.add_argument("--update", action="store_true", help="rewrite the catalogues")
    updating = parser.parse_args(arguments).update
    found = False
    for language in LANGUAGES[1:]:
        if updating:
            update(language)
        for fault in faults(template(), read(language)):
            found = True
            write(f"{language}: {fault}\n")
    return int(found)


def _empty(locale: str) -> Catalog:
    return Catalog(
        locale=locale,
        domain=_DOMAIN,
        fuzzy=False,
        project="limen",
        version="1",
        header_comment=f"# What the letters of limen say, in {locale}.",
        msgid_bugs_address="limen",
        last_translator="limen",
        language_team=locale,
        revision_date=datetime.now(UTC),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], sys.stdout.write))

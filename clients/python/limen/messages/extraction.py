"""Keeps the catalogues in line with the sentences in the code.

`python -m limen.messages.extraction` names every sentence that a catalogue lacks, holds in vain or
translates with a broken placeholder, and exits 1 if there is any. With `--update` it brings the
catalogues in line: new sentences arrive untranslated, sentences that are gone leave.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po, write_po

from limen.messages.catalogue import LANGUAGES, posix_name

_PACKAGE: Final = Path(__file__).parent
_DOMAIN: Final = "limen"
# The calls that hold source text, and which of their arguments do, counted from 1.
_KEYWORDS: Final[Mapping[str, tuple[int, ...]]] = {"Sentence": (1,), "Counted": (1, 2)}


def extract() -> Catalog:
    """Return the sentences in the code of this package, untranslated, in the order of the files."""
    template = Catalog(domain=_DOMAIN)
    for module in sorted(_PACKAGE.glob("*.py")):
        for _, text, _, _ in extract_from_file("python", module, keywords=_KEYWORDS):
            template.add(text, locations=[(module.name, 0)])
    return template


def path(language: str) -> Path:
    """Return where the catalogue of a language lies."""
    return _PACKAGE / "locale" / posix_name(language) / "LC_MESSAGES" / f"{_DOMAIN}.po"


def read(language: str) -> Catalog:
    """Return the catalogue of a language as it is on disk; an empty one if there is none.

    Raises:
        babel.messages.pofile.PoFileError: the file cannot be parsed.
    """
    locale = posix_name(language)
    if not path(language).exists():
        return _empty(locale)
    with path(language).open("rb") as po:
        return read_po(po, locale=locale, domain=_DOMAIN, abort_invalid=True)


def faults(template: Catalog, catalog: Catalog) -> Iterator[str]:
    """Yield what is wrong with a catalogue, a line for each fault."""
    for message in _messages(template):
        found = catalog.get(message.id)
        if found is None or not found.string or not all(_forms(found)):
            yield f"not translated: {message.id!r}"
    for message in _messages(catalog):
        if message.id not in template:
            yield f"no longer in the code: {message.id!r}"
        if message.fuzzy:
            yield f"fuzzy: {message.id!r}"
    for obsolete in catalog.obsolete:
        yield f"obsolete: {obsolete!r}"
    for message, errors in catalog.check():
        yield from (f"{error}: {message.id!r}" for error in errors)


def update(template: Catalog, language: str) -> None:
    """Rewrite the catalogue of a language so that it holds the sentences in the code, no others."""
    catalog = read(language)
    catalog.update(template, no_fuzzy_matching=True, update_creation_date=False)
    catalog.obsolete.clear()
    path(language).parent.mkdir(parents=True, exist_ok=True)
    with path(language).open("wb") as po:
        write_po(po, catalog, width=100, include_lineno=False, ignore_obsolete=True)


def main(arguments: Sequence[str], write: Callable[[str], object]) -> int:
    """Check or update every catalogue; return the exit code, 1 if a fault remains."""
    parser = argparse.ArgumentParser(prog="limen.messages.extraction", description=__doc__)
    parser.add_argument("--update", action="store_true", help="rewrite the catalogues")
    updating = parser.parse_args(arguments).update
    template = extract()
    found = False
    for language in LANGUAGES[1:]:
        if updating:
            update(template, language)
        for fault in faults(template, read(language)):
            found = True
            write(f"{language}: {fault}\n")
    return int(found)


def _empty(locale: str) -> Catalog:
    return Catalog(
        locale=locale,
        domain=_DOMAIN,
        fuzzy=False,
        project=_DOMAIN,
        version="1",
        header_comment=f"# What limen says to people, in {locale}.",
        msgid_bugs_address="limen",
        last_translator="limen",
        language_team=locale,
        revision_date=datetime.now(UTC),
    )


def _messages(catalog: Catalog) -> Iterator[Message]:
    return (message for message in catalog if message.id)


def _forms(message: Message) -> Sequence[str]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], sys.stdout.write))

"""The texts of the pages, read from gettext catalogues.

The English text is the message id, so English has no catalogue of its own.
"""

from gettext import NullTranslations
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

from edge.pages.languages import DEFAULT_LANGUAGE

CATALOGUE_DIRECTORY = Path(__file__).parent / "locale"


def load_translations(language: str, directory: Path = CATALOGUE_DIRECTORY) -> NullTranslations:
    """Return the texts of one language.

    Raises:
        FileNotFoundError: There is no catalogue for the language.
        babel.messages.pofile.PoFileError: The catalogue is malformed.
    """
    if language == DEFAULT_LANGUAGE:
        return NullTranslations()
    with (directory / f"{language}.po").open("rb") as file:
        catalogue = read_po(file, locale=language.replace("-", "_"), abort_invalid=True)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)

"""From templates and translations to finished pages."""

from gettext import NullTranslations
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATE_DIRECTORY = Path(__file__).parent / "templates"


def make_environment(translations: NullTranslations, language: str) -> Environment:
    """Return the environment that renders the templates in one language.

    Everything a template writes out is escaped, translations too: a translator writes text, never
    markup. A name that is not defined is an error rather than a gap in a page.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATE_DIRECTORY),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["_"] = translations.gettext
    environment.globals["language"] = language
    return environment

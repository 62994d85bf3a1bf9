"""The languages of the pages, and which of them a browser asks for."""

from collections.abc import Iterator

DEFAULT_LANGUAGE = "en"
LANGUAGES = (DEFAULT_LANGUAGE, "de", "fr", "es", "pt-BR", "ja")

_BY_PRIMARY_SUBTAG = {tag.partition("-")[0]: tag for tag in LANGUAGES}
# Nobody reads more languages than this; the rest of a longer header is not looked at.
_MAX_RANGES = 32


def negotiate_language(accept_language: str | None) -> str:
    """Return the best of `LANGUAGES` for an `Accept-Language` header (RFC 9110, section 12.5.4).

    A range matches by its primary subtag, as there is one variety of each language: who asks for
    `pt-PT` reads `pt-BR` more easily than English. What cannot be understood is passed over, and
    without any match the answer is English.
    """
    ranges = sorted(_parse_ranges(accept_language or ""), key=lambda pair: pair[1], reverse=True)
    for language_range, quality in ranges:
        primary_subtag = language_range.partition("-")[0].lower()
        language = _BY_PRIMARY_SUBTAG.get(primary_subtag)
        if language is not None and quality > 0:
            return language
    return DEFAULT_LANGUAGE


def _parse_ranges(header: str) -> Iterator[tuple[str, float]]:
    """Yield each language range with its quality, 0 to 1, in the order of the header."""
    for item in header.split(",", _MAX_RANGES)[:_MAX_RANGES]:
        language_range, _, parameter = item.partition(";")
        quality = _parse_quality(parameter.strip())
        if quality is not None:
            yield language_range.strip(), quality


def _parse_quality(parameter: str) -> float | None:
    """Return the weight that a parameter such as `q=0.8` gives, or None if it is malformed."""
    if not parameter:
        return 1.0
    name, _, value = parameter.partition("=")
    try:
        quality = float(value)
    except ValueError:
        return None
    return quality if name.strip().lower() == "q" and 0 <= quality <= 1 else None

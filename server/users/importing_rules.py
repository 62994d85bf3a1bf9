"""What an account must look like to be imported.

The contract holds whole requests to its rules; in an import one bad row must not keep out the
others. So the rules of SignUp are repeated here, where rows are judged one by one.
"""

import re
import unicodedata

from server.errors import Fault

_LONGEST_EMAIL = 254
_LONGEST_NAME = 100
_LONGEST_LOCALE = 35

# An address as HTML defines it for its input fields (WHATWG HTML, 4.10.5.1.5).
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_EMAIL = re.compile(rf"[a-zA-Z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{_LABEL}(?:\.{_LABEL})*")
_LOCALE = re.compile(r"(?:[a-zA-Z]{2,3}(?:-[a-zA-Z0-9]{2,8})*)?")

# Control and format characters, separators of lines, and halves of characters, which only broken
# programs write.
_UNWANTED = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs"})


def fault_of(*, email: str, display_name: str, locale: str) -> Fault | None:
    """The first thing that is wrong with an account; None if it can be taken."""
    return _email(email) or _display_name(display_name) or _locale(locale)


def _email(text: str) -> Fault | None:
    if not text:
        return Fault("email", "required")
    if len(text) > _LONGEST_EMAIL:
        return _too_long("email", _LONGEST_EMAIL)
    return None if _EMAIL.fullmatch(text) else Fault("email", "string.email")


def _display_name(text: str) -> Fault | None:
    if len(text) > _LONGEST_NAME:
        return _too_long("display_name", _LONGEST_NAME)
    # Printable text has nothing that is unwanted, and most names are printable.
    if text.isprintable() or _UNWANTED.isdisjoint(map(unicodedata.category, text)):
        return None
    return Fault("display_name", "text.control")


def _locale(text: str) -> Fault | None:
    if len(text) > _LONGEST_LOCALE:
        return _too_long("locale", _LONGEST_LOCALE)
    return None if _LOCALE.fullmatch(text) else Fault("locale", "locale.unknown")


def _too_long(field: str, most: int) -> Fault:
    return Fault(field, "string.max_len", {"max_len": str(most)})

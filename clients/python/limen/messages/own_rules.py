"""Sentences for the rules that limen itself sets, beyond the standard ones of the contract.

`json`, `query`, `path` and `body` are of the edge, which reads HTTP; `mask.unknown` is of both; the
others are of the core.
"""

from collections.abc import Mapping
from typing import Final

from limen.messages.sentences import Counted, Sentence

_NO_SUCH_MASK_FIELD: Final = (Sentence("The update mask names a field that does not exist."),)
_NOT_A_CHOICE: Final = (Sentence("This is not one of the allowed values."),)

_HTTP_RULES: Final[Mapping[str, tuple[Sentence | Counted, ...]]] = {
    "json.syntax": (Sentence("This is not valid JSON."),),
    "json.encoding": (Sentence("This is not valid UTF-8 text."),),
    "json.depth": (Sentence("This is nested too deeply."),),
    "json.unknown_field": (Sentence("There is no field with this name."),),
    "json.duplicate_key": (Sentence("This field is given more than once."),),
    "json.type": (Sentence("This value has the wrong type."),),
    "json.enum": _NOT_A_CHOICE,
    "json.oneof": (Sentence("Only one of these fields can be set at a time."),),
    "query.unknown": (Sentence("There is no query parameter with this name."),),
    "query.type": (Sentence("This query parameter has a value of the wrong type."),),
    "query.repeated": (Sentence("This query parameter can be given only once."),),
    "path.type": (Sentence("This part of the address has the wrong form."),),
    "path.conflict": (Sentence("The address and the body give different values for this field."),),
    "body.unexpected": (Sentence("This request does not take a body."),),
    "mask.unknown": _NO_SUCH_MASK_FIELD,
}

_CORE_RULES: Final[Mapping[str, tuple[Sentence | Counted, ...]]] = {
    "password.common": (
        Sentence("Many people use this password, so it is easy to guess. Please choose another."),
    ),
    "password.own_name": (
        Sentence("Please choose a password without your name or e-mail address in it."),
    ),
    "password.product_name": (
        Sentence("Please choose a password without the name of this service in it."),
    ),
    "password.too_short": (
        Counted(
            "Please choose a password of at least %(count)s character.",
            "Please choose a password of at least %(count)s characters.",
            "min_len",
        ),
        Sentence("This password is too short."),
    ),
    "password.too_long": (
        Counted(
            "Please choose a password of at most %(count)s character.",
            "Please choose a password of at most %(count)s characters.",
            "max_len",
        ),
        Sentence("This password is too long."),
    ),
    "password.breached": (
        Sentence(
            "This password has appeared in a data breach elsewhere, so others may know it. "
            "Please choose another one."
        ),
    ),
    "password_hash.unknown": (
        Sentence("This is not a password hash of a kind that can be imported."),
    ),
    "password_hash.costly": (
        Sentence("Checking a password against this hash would take too much memory or time."),
    ),
    "filter.syntax": (
        Sentence("This filter cannot be read. Please check its operators and quotation marks."),
    ),
    "filter.unknown_field": (Sentence("The filter uses a field that cannot be filtered by."),),
    "filter.value": (Sentence("The filter compares a field with a value that does not fit it."),),
    "page_token.invalid": (
        Sentence(
            "This page token does not belong to this list. Please start again from the first page."
        ),
    ),
    "mask.immutable": (Sentence("The update mask names a field that cannot be changed."),),
    "role.name.taken": (Sentence("There is a role of this name already."),),
    "role.permission.unknown": (
        Sentence("There is no permission “%(name)s”."),
        Sentence("There is no such permission."),
    ),
    "locale.unknown": (
        Sentence("We do not know this language. Please use a tag such as “de” or “pt-BR”."),
    ),
    "user.email.taken": (Sentence("This e-mail address already belongs to another account."),),
    "token.invalid": (
        Sentence(
            "This link or code has expired or has been used already. Please request a new one."
        ),
    ),
    "message.unreadable": (Sentence("This is not a valid message."),),
    "text.control": (Sentence("Please remove line breaks and invisible control characters."),),
}

OWN_RULES: Final[Mapping[str, tuple[Sentence | Counted, ...]]] = {**_HTTP_RULES, **_CORE_RULES}

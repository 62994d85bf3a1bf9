"""The sentence for a fault of one field of a request.

A fault is named by the id of the rule it breaks: a standard rule of `buf.validate`, such as
`string.max_len`, or one of limen's own, such as `json.type` or `password.common`.
"""

import re
from collections.abc import Mapping
from typing import Final

from limen.messages.catalogue import Catalogue
from limen.messages.contract_rules import CONTRACT_RULES
from limen.messages.own_rules import OWN_RULES
from limen.messages.sentences import Counted, Sentence, say_first

_CATALOGUE: Final = Catalogue("limen")
_RULES: Final = {**CONTRACT_RULES, **OWN_RULES}

_NUMBER: Final = re.compile(r"(?:[su]?int|s?fixed)(?:32|64)|float|double")
_RANGE: Final = re.compile(r"gte?_lte?(?:_exclusive)?")
# `string.email_empty` and the like, and a message's own rule that asks for a field inside it.
_MISSING: Final = re.compile(r"(?:string|bytes)\..*_empty|.*\.required", re.DOTALL)


def violation(rule: str, params: Mapping[str, str], language: str) -> str | None:
    """Return the sentence for a broken rule; None if the rule is unknown.

    `params` holds the limits that stand on the field, by their names in the contract: for
    `int32.gte_lte` they are `gte` and `lte`, for `string.max_len` it is `max_len`. Where they are
    missing the sentence is less precise. Others are ignored.
    """
    variants = _find(rule)
    if variants is None:
        return None
    return say_first(variants, _CATALOGUE.translations(language), params)


def _find(rule: str) -> tuple[Sentence | Counted, ...] | None:
    if _MISSING.fullmatch(rule):
        return _RULES["required"]
    family, dot, name = rule.partition(".")
    if _NUMBER.fullmatch(family):
        family = "number"
    known = _RULES.get(f"{family}{dot}{name}")
    if known is None and _RANGE.fullmatch(name):
        return _RULES.get(f"{family}.range")
    return known

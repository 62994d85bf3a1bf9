"""Sentences for the standard rules of `buf.validate`, by rule id.

Every kind of number shares the family `number`; `violations` maps the ids. Ranges that limen's
contract does not use share the id `range` of their family.
"""

from collections.abc import Mapping
from typing import Final

from limen.messages.sentences import Counted, Sentence

_Variants = tuple[Sentence | Counted, ...]

_REQUIRED: Final = (Sentence("Please fill this in."),)
_NOT_A_CHOICE: Final = (Sentence("This is not one of the allowed values."),)
_NOT_ALLOWED: Final = (Sentence("This value is not allowed here."),)
_FORMAT: Final = (Sentence("This does not have the expected format."),)

_TOO_SHORT: Final = Sentence("This is too short.")
_TOO_LONG: Final = Sentence("This is too long.")
_WRONG_LENGTH: Final = Sentence("This does not have the expected length.")
_TOO_FEW: Final = Sentence("There are too few entries.")
_TOO_MANY: Final = Sentence("There are too many entries.")
_OUT_OF_RANGE: Final = Sentence("This number is outside the allowed range.")

_IP: Final = (Sentence("Please enter a valid IP address."),)
_IPV4: Final = (Sentence("Please enter a valid IPv4 address, such as 192.0.2.1."),)
_IPV6: Final = (Sentence("Please enter a valid IPv6 address, such as 2001:db8::1."),)
_NETWORK: Final = (Sentence("Please enter a valid IP network, such as 192.0.2.0/24."),)
_UUID: Final = (Sentence("Please enter a valid id: a UUID of 36 characters."),)


def _exact_bytes(count: str) -> _Variants:
    return (
        Counted(
            "This must be exactly %(count)s byte long.",
            "This must be exactly %(count)s bytes long.",
            count,
        ),
        _WRONG_LENGTH,
    )


def _least_bytes(count: str) -> _Variants:
    return (
        Counted(
            "This must be at least %(count)s byte long.",
            "This must be at least %(count)s bytes long.",
            count,
        ),
        _TOO_SHORT,
    )


def _most_bytes(count: str) -> _Variants:
    return (
        Counted(
            "This may be at most %(count)s byte long.",
            "This may be at most %(count)s bytes long.",
            count,
        ),
        _TOO_LONG,
    )


def _least_entries(count: str) -> _Variants:
    return (
        Counted(
            "Please give at least %(count)s entry.",
            "Please give at least %(count)s entries.",
            count,
        ),
        _TOO_FEW,
    )


def _most_entries(count: str) -> _Variants:
    return (
        Counted(
            "Please give at most %(count)s entry.",
            "Please give at most %(count)s entries.",
            count,
        ),
        _TOO_MANY,
    )


def _parts(family: str) -> Mapping[str, _Variants]:
    """Return the rules about the parts and the choice of a text or of bytes."""
    return {
        f"{family}.const": _NOT_A_CHOICE,
        f"{family}.in": _NOT_A_CHOICE,
        f"{family}.not_in": _NOT_ALLOWED,
        f"{family}.pattern": _FORMAT,
        f"{family}.prefix": (
            Sentence("This must begin with “%(prefix)s”."),
            *_FORMAT,
        ),
        f"{family}.suffix": (
            Sentence("This must end with “%(suffix)s”."),
            *_FORMAT,
        ),
        f"{family}.contains": (
            Sentence("This must contain “%(contains)s”."),
            *_FORMAT,
        ),
        f"{family}.ip": _IP,
        f"{family}.ipv4": _IPV4,
        f"{family}.ipv6": _IPV6,
        f"{family}.uuid": _UUID,
    }


_STRING: Final[Mapping[str, _Variants]] = {
    **_parts("string"),
    "string.len": (
        Counted(
            "Please enter exactly %(count)s character.",
            "Please enter exactly %(count)s characters.",
            "len",
        ),
        _WRONG_LENGTH,
    ),
    "string.min_len": (
        Counted(
            "Please enter at least %(count)s character.",
            "Please enter at least %(count)s characters.",
            "min_len",
        ),
        _TOO_SHORT,
    ),
    "string.max_len": (
        Counted(
            "Please enter at most %(count)s character.",
            "Please enter at most %(count)s characters.",
            "max_len",
        ),
        _TOO_LONG,
    ),
    "string.len_bytes": _exact_bytes("len_bytes"),
    "string.min_bytes": _least_bytes("min_bytes"),
    "string.max_bytes": _most_bytes("max_bytes"),
    "string.not_contains": (
        Sentence("This must not contain “%(not_contains)s”."),
        *_NOT_ALLOWED,
    ),
    "string.email": (Sentence("Please enter a valid e-mail address, such as ada@example.com."),),
    "string.hostname": (Sentence("Please enter a valid host name, such as www.example.com."),),
    "string.address": (Sentence("Please enter a valid host name or IP address."),),
    "string.host_and_port": (
        Sentence("Please enter a host name or IP address with a port, such as example.com:443."),
    ),
    "string.ip_with_prefixlen": _NETWORK,
    "string.ipv4_with_prefixlen": _NETWORK,
    "string.ipv6_with_prefixlen": _NETWORK,
    "string.ip_prefix": _NETWORK,
    "string.ipv4_prefix": _NETWORK,
    "string.ipv6_prefix": _NETWORK,
    "string.uri": (Sentence("Please enter a complete web address, such as https://example.com/."),),
    "string.uri_ref": (Sentence("Please enter a valid web address or path."),),
    "string.tuuid": (
        Sentence("Please enter a valid id: a UUID of 32 characters without hyphens."),
    ),
    "string.ulid": _FORMAT,
    "string.protobuf_fqn": _FORMAT,
    "string.protobuf_dot_fqn": _FORMAT,
    "string.well_known_regex.header_name": _FORMAT,
    "string.well_known_regex.header_value": _FORMAT,
}

_BYTES: Final[Mapping[str, _Variants]] = {
    **_parts("bytes"),
    "bytes.len": _exact_bytes("len"),
    "bytes.min_len": _least_bytes("min_len"),
    "bytes.max_len": _most_bytes("max_len"),
}

_NUMBER: Final[Mapping[str, _Variants]] = {
    "number.const": _NOT_A_CHOICE,
    "number.in": _NOT_A_CHOICE,
    "number.not_in": _NOT_ALLOWED,
    "number.lt": (Sentence("Please enter a number below %(lt)s."), _OUT_OF_RANGE),
    "number.lte": (Sentence("Please enter a number of at most %(lte)s."), _OUT_OF_RANGE),
    "number.gt": (Sentence("Please enter a number above %(gt)s."), _OUT_OF_RANGE),
    "number.gte": (Sentence("Please enter a number of at least %(gte)s."), _OUT_OF_RANGE),
    "number.gte_lte": (
        Sentence("Please enter a number from %(gte)s to %(lte)s."),
        _OUT_OF_RANGE,
    ),
    "number.range": (_OUT_OF_RANGE,),
    "number.finite": (Sentence("Please enter a finite number."),),
}

_COLLECTION: Final[Mapping[str, _Variants]] = {
    "repeated.min_items": _least_entries("min_items"),
    "repeated.max_items": _most_entries("max_items"),
    "repeated.unique": (Sentence("Please give every entry only once."),),
    "map.min_pairs": _least_entries("min_pairs"),
    "map.max_pairs": _most_entries("max_pairs"),
}

_DURATION_TOO_LONG: Final = (Sentence("This period is too long."),)
_DURATION_TOO_SHORT: Final = (Sentence("This period is too short."),)
_TOO_LATE: Final = (Sentence("This date is too late."),)
_TOO_EARLY: Final = (Sentence("This date is too early."),)

_TIME: Final[Mapping[str, _Variants]] = {
    "duration.const": _NOT_A_CHOICE,
    "duration.in": _NOT_A_CHOICE,
    "duration.not_in": _NOT_ALLOWED,
    "duration.lt": _DURATION_TOO_LONG,
    "duration.lte": _DURATION_TOO_LONG,
    "duration.gt": _DURATION_TOO_SHORT,
    "duration.gte": _DURATION_TOO_SHORT,
    "duration.range": (Sentence("This period is too short or too long."),),
    "timestamp.const": _NOT_A_CHOICE,
    "timestamp.lt": _TOO_LATE,
    "timestamp.lte": _TOO_LATE,
    "timestamp.gt": _TOO_EARLY,
    "timestamp.gte": _TOO_EARLY,
    "timestamp.range": (Sentence("This date is outside the allowed range."),),
    "timestamp.lt_now": (Sentence("This date must lie in the past."),),
    "timestamp.gt_now": (Sentence("This date must lie in the future."),),
    "timestamp.within": (Sentence("This date is too far from today."),),
}

CONTRACT_RULES: Final[Mapping[str, _Variants]] = {
    **_STRING,
    **_BYTES,
    **_NUMBER,
    **_COLLECTION,
    **_TIME,
    "required": _REQUIRED,
    "bool.const": _NOT_A_CHOICE,
    "enum.const": _NOT_A_CHOICE,
    "enum.defined_only": _NOT_A_CHOICE,
    "enum.in": _NOT_A_CHOICE,
    "enum.not_in": _NOT_A_CHOICE,
    "any.in": _NOT_A_CHOICE,
    "any.not_in": _NOT_ALLOWED,
    "field_mask.const": _NOT_A_CHOICE,
    "field_mask.in": _NOT_A_CHOICE,
    "field_mask.not_in": _NOT_ALLOWED,
    "message.oneof": (Sentence("Please fill in exactly one of these fields."),),
}

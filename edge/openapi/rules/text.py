"""Rules on strings and bytes."""

import base64
from typing import Any

from edge.openapi.rules.limits import Limits, quoted
from edge.openapi.rules.pattern import literal, to_ecma

_NAME = "[A-Za-z_][A-Za-z_0-9]*"
_KNOWN_KEYWORDS: dict[str, dict[str, Any]] = {
    "email": {"format": "email"},
    "hostname": {"format": "hostname"},
    "ipv4": {"format": "ipv4"},
    "ipv6": {"format": "ipv6"},
    "uri": {"format": "uri"},
    "uri_ref": {"format": "uri-reference"},
    "uuid": {"format": "uuid"},
    "ip": {"anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]},
    "address": {"anyOf": [{"format": "hostname"}, {"format": "ipv4"}, {"format": "ipv6"}]},
    "tuuid": {"pattern": "^[0-9a-fA-F]{32}$"},
    "ulid": {"pattern": "^[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}$"},
    "protobuf_fqn": {"pattern": rf"^{_NAME}(\.{_NAME})*$"},
    "protobuf_dot_fqn": {"pattern": rf"^\.{_NAME}(\.{_NAME})*$"},
}
_KNOWN_SENTENCES = {
    "ip_with_prefixlen": "An IP address with a prefix length, such as `192.0.2.1/24`.",
    "ipv4_with_prefixlen": "An IPv4 address with a prefix length, such as `192.0.2.1/24`.",
    "ipv6_with_prefixlen": "An IPv6 address with a prefix length, such as `2001:db8::1/64`.",
    "ip_prefix": "An IP network, such as `192.0.2.0/24`.",
    "ipv4_prefix": "An IPv4 network, such as `192.0.2.0/24`.",
    "ipv6_prefix": "An IPv6 network, such as `2001:db8::/64`.",
    "host_and_port": "A host and a port, such as `example.com:443`.",
}
_HTTP_SENTENCES = {
    1: "An HTTP header name (RFC 9110, section 5.1).",
    2: "An HTTP header value (RFC 9110, section 5.5).",
}


def string_limits(rules: Any) -> Limits:
    """Return the limits that `buf.validate.StringRules` set. Lengths are in code points."""
    keywords = _lengths(rules) | _values(rules) | _well_known(rules)
    everything: list[dict[str, Any]] = [{"pattern": each} for each in _patterns(rules)]
    if rules.not_in:
        everything.append({"not": {"enum": list(rules.not_in)}})
    if rules.HasField("not_contains"):
        everything.append({"not": {"pattern": literal(rules.not_contains)}})
    if everything and "pattern" in everything[0] and "pattern" not in keywords:
        keywords |= everything.pop(0)
    if everything:
        keywords["allOf"] = everything
    return Limits(keywords, tuple(_string_sentences(rules)))


def bytes_limits(rules: Any) -> Limits:
    """Return the limits that `buf.validate.BytesRules` set. Lengths are those before base64."""
    keywords: dict[str, Any] = {}
    if rules.HasField("const"):
        keywords["const"] = _base64(rules.const)
    if getattr(rules, "in"):
        keywords["enum"] = [_base64(value) for value in getattr(rules, "in")]
    if rules.not_in:
        keywords["allOf"] = [{"not": {"enum": [_base64(value) for value in rules.not_in]}}]
    if rules.example:
        keywords["examples"] = [_base64(value) for value in rules.example]
    return Limits(keywords, tuple(_bytes_sentences(rules)))


def _lengths(rules: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if rules.HasField("min_len"):
        found["minLength"] = rules.min_len
    if rules.HasField("max_len"):
        found["maxLength"] = rules.max_len
    if rules.HasField("len"):
        found |= {"minLength": rules.len, "maxLength": rules.len}
    return found


def _values(rules: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if rules.HasField("const"):
        found["const"] = rules.const
    if getattr(rules, "in"):
        found["enum"] = list(getattr(rules, "in"))
    if rules.example:
        found["examples"] = list(rules.example)
    return found


def _well_known(rules: Any) -> dict[str, Any]:
    kind = rules.WhichOneof("well_known")
    return dict(_KNOWN_KEYWORDS.get(kind, {})) if kind and getattr(rules, kind) else {}


def _patterns(rules: Any) -> list[str]:
    pattern = to_ecma(rules.pattern) if rules.HasField("pattern") else None
    return [
        *([pattern] if pattern is not None else []),
        *([f"^{literal(rules.prefix)}"] if rules.HasField("prefix") else []),
        *([literal(rules.contains)] if rules.HasField("contains") else []),
        *([f"{literal(rules.suffix)}$"] if rules.HasField("suffix") else []),
    ]


def _string_sentences(rules: Any) -> list[str]:
    found = _sizes(rules, "len_bytes", "min_bytes", "max_bytes", " in UTF-8")
    if rules.HasField("pattern") and to_ecma(rules.pattern) is None:
        found.append(f"Must match the RE2 expression `{rules.pattern}`.")
    kind = rules.WhichOneof("well_known")
    if kind == "well_known_regex":
        found += [_HTTP_SENTENCES.get(rules.well_known_regex, "")]
    elif kind and getattr(rules, kind):
        found += [_KNOWN_SENTENCES.get(kind, "")]
    return [sentence for sentence in found if sentence]


def _bytes_sentences(rules: Any) -> list[str]:
    found = _sizes(rules, "len", "min_len", "max_len", "")
    if rules.HasField("pattern"):
        found.append(f"The bytes must match the RE2 expression `{rules.pattern}`.")
    for name, words in {"prefix": "begin with", "suffix": "end with", "contains": "hold"}.items():
        if rules.HasField(name):
            found.append(f"The bytes must {words} {quoted([getattr(rules, name).hex()])} (hex).")
    kind = rules.WhichOneof("well_known")
    forms = {"ip": "an IP address", "ipv4": "an IPv4 address", "ipv6": "an IPv6 address"}
    if kind and getattr(rules, kind):
        found.append(f"The bytes are {forms.get(kind, 'a UUID')} in binary form.")
    return found


def _sizes(rules: Any, exact: str, least: str, most: str, where: str) -> list[str]:
    found = []
    for name, words in {exact: "Exactly", least: "At least", most: "At most"}.items():
        if rules.HasField(name):
            size = getattr(rules, name)
            found.append(f"{words} {size} {'byte' if size == 1 else 'bytes'}{where}.")
    return found


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()

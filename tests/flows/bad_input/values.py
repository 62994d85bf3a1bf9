"""Values that somebody hostile, careless or foreign gives a field, made from its type and rules."""

from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.struct_pb2 import Struct

from tests.flows.bad_input.plausible import text_rules
from tests.flows.bad_input.rpcs import is_map

EMOJI = "\N{GRINNING FACE}"
_LONG = 10_000

CHARACTERS = (
    "\0",
    "\x01",
    "\t",
    "\r\n",
    "\x1b[31m",
    "\x7f",
    "\x85",
    "\xa0",
    "\xad",  # a soft hyphen
    "\u200b",  # a space of no width
    "\u2028",  # a line separator
    "\u202e",  # text goes backwards from here
    "\u2066",  # an isolate that never ends
    "\ufeff",
    "\ufffd",
    "\uffff",
    "\U000e0041",  # a letter of a tag that nobody sees
    "\U0010ffff",
    "e\u0301" + "\u0301" * 40,
    EMOJI,
)
INJECTIONS = (
    "' OR '1'='1' --",
    "'; DROP TABLE users.users; --",
    "\\'; SELECT pg_sleep(9); --",
    "*)(uid=*))(|(uid=*",
    "{{7*7}}${7*7}<%= 7*7 %>",
    "${jndi:ldap://example.com/a}",
    "%s%n%x%00%0d%0a",
    "x\r\nBcc: everybody@example.com",
    "<script>alert(1)</script>",
    "../../../../etc/passwd",
    "file:///etc/passwd",
    "$(id)`id`|id;id",
    "__proto__",
    "null",
    "NaN",
    "me",
    "*",
    "-1",
    "0",
    "1e999",
    "\\u0000",
    "%",
    "a" * 64 + "@" + ".".join(["b" * 63] * 3),
)
ADDRESSES = (
    "a",
    "a@",
    "@example.com",
    "a@b@example.com",
    "a b@example.com",
    '"a b"@example.com',
    "a@exa mple.com",
    "a@-example.com",
    "a@example..com",
    "a@[127.0.0.1]",
    "a@b\u00fccher.example",
    "\u00e4@example.com",
    "a@example.com, b@example.com",
    "A <a@example.com>",
    "a@example.com\nBcc: b@example.com",
    "a@localhost",
    "a+b%c'd@example.com",
)
NAMES_OF_THINGS = (
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "{0197a3c2-8f4e-7b6a-9c1d-2e3f4a5b6c7d}",
    "urn:uuid:0197a3c2-8f4e-7b6a-9c1d-2e3f4a5b6c7d",
    "0197a3c28f4e7b6a9c1d2e3f4a5b6c7d",
    "0197a3c2-8f4e-7b6a-9c1d-2e3f4a5b6c7",
    "0197a3c2-8f4e-7b6a-9c1d-2e3f4a5b6c7d0",
    "0197A3C2-8F4E-7B6A-9C1D-2E3F4A5B6C7D",
    "0197a3c2-8f4e-7b6a-9c1d-2e3f4a5b6c7g",
    "\uff10197a3c2-8f4e-7b6a-9c1d-2e3f4a5b6c7d",
    "ME",
    "me ",
)
FILTERS = (
    '"',
    "=",
    "a",
    "a = ",
    'email = "',
    'email = "a" OR email = "b"',
    "(email = a)",
    "NOT email = a",
    "email = a AND",
    "email = a email = b",
    "nonsense = 1",
    "email > a",
    "state = NOPE",
    "time = yesterday",
    'time >= "9999-12-31T23:59:59+00:01"',
    'create_time >= "0001-01-01T00:00:00+23:59"',
    'create_time >= "9999-12-31T23:59:59-23:59"',
    'create_time < "2026-01-01T00:00:00"',
    'create_time < "2026"',
    'create_time = "2026-W01-1"',
    "email_verified = maybe",
    'email = "\\"',
    'email = "%_\\\\*"',
    'email = "*"',
    'role = "\\\\"',
    'subject.id = "\U0010ffff"',
    'actor.id != ""',
    " AND ".join(["email = a"] * 21),
)
TOKENS = (
    "A",
    "AAAA",
    "A" * 511,
    "-" * 512,
    "..",
    "a.b.c",
    "lmr_AAAA",
    "lmr_" + "A" * 60,
    "eyJhbGciOiJub25lIn0.e30.",
    "eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCIsImtpZCI6W119.e30.AAAA",
    "e30.e30.e30",
    "W10.W10.W10",
)
TREES: tuple[dict[str, Any], ...] = (
    {},
    {"": None},
    {"id": 1, "rawId": True, "type": [], "response": "none"},
    {"id": "", "rawId": "", "type": "public-key", "response": {}},
    {"id": "=", "rawId": "\0", "type": EMOJI, "response": {"clientDataJSON": "e30", "a": [[[]]]}},
    {"id": float("nan"), "rawId": float("inf"), "response": -1e308},
    {"id": "a" * _LONG, "response": {"clientDataJSON": "a" * _LONG, "signature": "a" * _LONG}},
    {f"k{number}": [number] for number in range(1000)},
)

MASKS = (
    (),
    ("",),
    ("*",),
    (".",),
    ("nonsense",),
    ("display_name.x",),
    ("user_id",),
    ("state",),
    ("roles",),
    ("create_time",),
    ("display_name", "display_name"),
    ("user.display_name",),
    ("displayName",),
    ("x" * _LONG,),
    tuple(f"f{number}" for number in range(500)),
)
_WIDTHS = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}


def hostile(field: FieldDescriptor, right: Any) -> Iterator[Any]:
    """Values of the right type, many of which break a rule. `right` keeps them all."""
    if is_map(field):
        yield from _maps()
    elif field.is_repeated:
        yield (list(right) or ["a"]) * 1001
    elif field.message_type is not None:
        yield from _messages(field)
    elif field.enum_type is not None:
        yield from (0, 1, 99, -1, 2**31 - 1, -(2**31))
    elif field.type == FieldDescriptor.TYPE_BYTES:
        yield from (b"", b"\xff" * _LONG)
    elif field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        yield from _texts(field, right)
    elif field.cpp_type in _WIDTHS:
        yield from _whole_numbers(field)
    elif field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        yield from (True, False)
    else:
        yield from (0.0, -0.0, float("inf"), float("-inf"), float("nan"), 1e308, 5e-324)


def _texts(field: FieldDescriptor, right: str) -> Iterator[str]:
    yield from ("", " ", "a" * _LONG, EMOJI * _LONG)
    yield from _lengths(field)
    for each in CHARACTERS:
        yield from (f"{right}{each}", f"a{each}b")
    # `$` of many pattern languages means: the end, or before a line break at the end.
    yield from (f"{right}\n", f"\n{right}", f" {right}", f"{right} ", right.upper(), right * 2)
    yield from INJECTIONS
    yield from ADDRESSES
    yield from NAMES_OF_THINGS
    yield from FILTERS
    yield from TOKENS


def _lengths(field: FieldDescriptor) -> Iterator[str]:
    """Just long enough, just short enough and one beyond, counted in code points."""
    rules = text_rules(field)
    for limit in {rules.min_len, rules.max_len} - {0}:
        for letter in ("a", "\u00e4", EMOJI):
            yield from (letter * (limit - 1), letter * limit, letter * (limit + 1))
        address = "@example.com"
        yield from ("a" * (limit + more - len(address)) + address for more in (0, 1))
        yield "x." + "a" * (limit - 2)
        yield "de" + "-abcdefgh" * ((limit - 2) // 9)


def _whole_numbers(field: FieldDescriptor) -> Iterator[int]:
    least, most = _WIDTHS[field.cpp_type]
    near = (-1, 0, 1, 2, 50, 199, 200, 201, 1000)
    yield from (number for number in (*near, least, most) if least <= number <= most)


def _maps() -> Iterator[dict[str, str]]:
    yield {}
    yield from ({f"k{number}": "v" for number in range(size)} for size in (32, 33, 1000))
    yield from ({"k": value * size} for value in ("a", EMOJI) for size in (1023, 1024, 1025, _LONG))
    yield from ({"k" * size: "v"} for size in (64, 65, _LONG))
    yield from ({"k": character} for character in CHARACTERS)
    yield from ({"k": text} for text in INJECTIONS)
    yield from ({key: "v"} for key in ("", " ", "1", ".", "-", "_", '"', "a b", "a\0", "k\n", "é"))
    yield {"": "", '"]': "\0", "a\\": "b" * 2000}
    yield {f" {number}" * 40: "\0" * 200 for number in range(32)}


def _struct(tree: dict[str, Any]) -> Struct:
    message = Struct()
    message.update(tree)
    return message


def _messages(field: FieldDescriptor) -> Iterator[Any]:
    yield None
    if field.message_type.full_name == FieldMask.DESCRIPTOR.full_name:
        yield from (FieldMask(paths=paths) for paths in MASKS)
    elif field.message_type.full_name == Struct.DESCRIPTOR.full_name:
        yield from map(_struct, TREES)
    else:
        yield GetMessageClass(field.message_type)()

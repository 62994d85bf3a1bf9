"""Bodies that are no JSON, or no JSON for their RPC, each with the field that is at fault."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.timestamp_pb2 import Timestamp

from edge.field_names import json_path
from tests.flows.bad_input.plausible import request_for
from tests.flows.bad_input.rpcs import (
    Chain,
    RestRequest,
    Rpc,
    Tree,
    has_fields,
    is_map,
    path_of,
    tree_of,
)

NOTHING_OF_ITS_OWN = "nonsense"
_PLACE = "the place of a value"
_DIGITS = "9" * 5000
_DEEP = 10_000

NO_TEXT = ("1", "1.5", "true", "[]", "{}", '["a"]', '{"a": "b"}')
BROKEN_TEXT = (r'"\ud800"', r'"\udc00\ud800"', r'"a\ud83dz"')
NO_WHOLE_NUMBER = (
    *('"x"', '""', '" 1"', '"+1"', '"1_000"', '"0x1"', '"NaN"', '"\u0661"', '"1e400"'),
    *("1.5", "1e100", "-1e100", _DIGITS, f'"{_DIGITS}"', "true", "[]", "{}"),
)
NO_NUMBER = ('"x"', '""', "true", "[]", "{}")
NO_BOOL = ('"true"', '"yes"', "1", "0", "[]", "{}")
NO_ENUM = ('"NOPE"', '"outcome_success"', "1.5", "1e100", _DIGITS, "true", "[]", "{}")
NO_OBJECT = ("1", '"x"', "true", "[]", "[{}]")
NO_ARRAY = ("1", '"x"', "true", "{}", "[[]]", "[null]")
NO_MAP = ("1", '"x"', "true", "[]", '{"k": 1}', '{"k": {}}', '{"k": null}', '{"k": ["v"]}')
NO_TIME = ("1", "{}", '"x"', '"2026-13-01T00:00:00Z"', '"2026-01-01"', '"9999-12-31T23:59:60Z"')

NO_JSON = (
    b" ",
    b"{",
    b"{}}",
    b"{} {}",
    b"{'a': 1}",
    b'{"a": 1,}',
    b'{"a": /* a comment */ 1}',
    b'{"a": NaN}',
    b'{"a": Infinity}',
    b'{"a": -Infinity}',
    b'{"a": 01}',
    b'{"a": "\n"}',
    b'{"a": "\\x41"}',
    b'{"a": "\\u12"}',
    b'{"a": "\\',
    b'{"a": "\xff\xfe"}',
    b'{"\xed\xa0\x80": 1}',
    b'{"a": "\xc0\x80"}',
    b"\xef\xbb\xbf{}",
    "{}".encode("utf-16"),
    b"\0",
    b"email=a%40example.com&password=x",
    b"<a/>",
    b"null",
    b"[]",
    b"[{}]",
    b"1",
    b'"{}"',
    b"true",
    _DIGITS.encode(),
    b"[" * _DEEP,
    b'{"a":' * _DEEP,
    b'{"a":' * 500 + b"1" + b"}" * 500,
    b'{"a": ' + b"[" * 2000 + b"]" * 2000 + b"}",
    b'{"' + b"k" * _DEEP + b'": 1}',
)
"""What is no object in JSON, or one without a single field of any RPC."""


@dataclass(frozen=True)
class Faulty:
    """A request with a body that has one fault."""

    request: RestRequest
    field: str
    """The name of the field that is at fault."""

    def __str__(self) -> str:
        return f"{self.request.method} {self.request.target} {self.request.body!r}"[:500]


def of_wrong_types(rpc: Rpc) -> Iterator[Faulty]:
    """Requests in which one field has a value that no field of its type can hold."""
    for chain in _in_body(rpc):
        for value in _unfit(chain[-1]):
            yield _faulty(rpc, chain, value)


def of_wrong_names(rpc: Rpc) -> Iterator[Faulty]:
    """Requests with a field that is unknown, or given twice, also under both of its names."""
    for chain in [(), *_in_body(rpc)]:
        if not chain or has_fields(chain[-1]):
            yield _unknown(rpc, chain)
    for chain in _in_body(rpc):
        leaf = chain[-1]
        # A place for a value within a text for JSON: its end, and the beginning of another member.
        twice = f'{_empty(leaf)}, "{leaf.json_name}": {_empty(leaf)}'
        yield _faulty(rpc, chain, twice)
        if leaf.name != leaf.json_name:
            both = f'{_empty(leaf)}, "{leaf.name}": {_empty(leaf)}'
            yield _faulty(rpc, chain, both)


def in_the_query(rpc: Rpc) -> Iterator[Faulty]:
    """Requests with a parameter of the query that its field cannot hold, or that is given twice."""
    request = rpc.rest(request_for(rpc))
    assert request is not None
    for chain in _in_query(rpc):
        name = ".".join(field.json_name for field in chain)
        for value in ("%", "%zz", "%ff", *_unfit_texts(chain[-1])):
            yield _asking(request, f"{name}={value}", name)
        if not chain[-1].is_repeated:
            yield _asking(request, f"{name}={_some(chain[-1])}&{name}={_some(chain[-1])}", name)
            yield _asking(request, f"{name}=&{path_of(chain)}=", name)


def plain(rpc: Rpc, body: bytes) -> RestRequest:
    """A request with a path that is right, and a body of one's own."""
    found = rpc.rest_of_tree(tree_of(request_for(rpc)), body)
    assert found is not None
    return found


def _in_body(rpc: Rpc) -> list[Chain]:
    """The fields that the body may have, those included that only the server sets."""
    root = None if rpc.body == "*" else rpc.body
    return [
        chain
        for chain in rpc.fields(settable=False)
        if rpc.body
        and path_of(chain) not in rpc.variables
        and (root is None or (chain[0].name == root and len(chain) > 1))
    ]


def _in_query(rpc: Rpc) -> list[Chain]:
    """The fields that the query may have."""
    if rpc.body == "*":
        return []
    taken = {*rpc.variables, rpc.body}
    return [
        chain
        for chain in rpc.fields(settable=False)
        if path_of(chain) not in taken and chain[0].name not in taken and not has_fields(chain[-1])
    ]


def _unfit_texts(field: FieldDescriptor) -> tuple[str, ...]:
    if field.message_type is not None or field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return ()
    if field.cpp_type in (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT):
        return ("x", "1_0")
    return ("x", "1_0", "+1", "1.5", "%D9%A1", "null", "[]", "{}", _DIGITS)


def _some(field: FieldDescriptor) -> str:
    return "true" if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL else "1"


def _asking(request: RestRequest, query: str, name: str) -> Faulty:
    joint = "&" if "?" in request.target else "?"
    return Faulty(replace(request, target=f"{request.target}{joint}{query}"), name)


def _unknown(rpc: Rpc, chain: Chain) -> Faulty:
    tree = tree_of(request_for(rpc, (*chain, *chain[-1:])))
    inner = _reach(tree, [field.json_name for field in chain] or _root(rpc))
    inner[NOTHING_OF_ITS_OWN] = 1
    request = rpc.rest_of_tree(tree)
    assert request is not None
    path = ".".join([*(field.json_name for field in chain), NOTHING_OF_ITS_OWN])
    return Faulty(request, rpc.name_over_rest(path) if chain else NOTHING_OF_ITS_OWN)


def _faulty(rpc: Rpc, chain: Chain, value: str) -> Faulty:
    """A request with the field set to `value`, as it is."""
    tree = tree_of(request_for(rpc, chain))
    inner = _reach(tree, [field.json_name for field in chain[:-1]])
    inner[chain[-1].json_name] = _PLACE
    request = rpc.rest_of_tree(tree)
    assert request is not None
    assert request.body is not None
    body = request.body.decode().replace(f'"{_PLACE}"', value).encode("utf-8", "surrogatepass")
    at_fault = rpc.name_over_rest(path_of(chain))
    return Faulty(replace(request, body=body), at_fault)


def _root(rpc: Rpc) -> list[str]:
    return [] if rpc.body in ("", "*") else [json_path(rpc.body)]


def _reach(tree: Tree, names: list[str]) -> Tree:
    for name in names:
        tree = tree.setdefault(name, {})
    return tree


def _is_time(field: FieldDescriptor) -> bool:
    return field.message_type.full_name == Timestamp.DESCRIPTOR.full_name


def _unfit(field: FieldDescriptor) -> tuple[str, ...]:
    if is_map(field):
        return NO_MAP
    if field.is_repeated:
        return NO_ARRAY
    if field.message_type is not None:
        return NO_TIME if _is_time(field) else NO_OBJECT
    if field.enum_type is not None:
        return NO_ENUM
    kinds: dict[int, tuple[str, ...]] = {
        FieldDescriptor.CPPTYPE_STRING: NO_TEXT + BROKEN_TEXT,
        FieldDescriptor.CPPTYPE_BOOL: NO_BOOL,
        FieldDescriptor.CPPTYPE_DOUBLE: NO_NUMBER,
        FieldDescriptor.CPPTYPE_FLOAT: NO_NUMBER,
    }
    return kinds.get(field.cpp_type, NO_WHOLE_NUMBER)


def _empty(field: FieldDescriptor) -> str:
    """Some value that a field can hold, in JSON."""
    if is_map(field):
        return "{}"
    if field.is_repeated:
        return "[]"
    if field.message_type is not None:
        return '"2026-01-01T00:00:00Z"' if _is_time(field) else "{}"
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return '""'
    return "false" if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL else "0"

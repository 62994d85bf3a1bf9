"""Input by chance: half right, so that it gets far, and half anything."""

import json
from dataclasses import replace
from typing import Any

from google.protobuf.message import Message
from hypothesis import strategies as st

from tests.flows.bad_input import values
from tests.flows.bad_input.bodies import NO_JSON
from tests.flows.bad_input.plausible import request_for
from tests.flows.bad_input.rpcs import OVER_REST, RPCS, WITH_FIELDS, RestRequest, Rpc, Tree, tree_of

ROUTES_WITH_FIELDS = [rpc for rpc in OVER_REST if rpc in WITH_FIELDS]

_NAMES = sorted({chain[-1].json_name for rpc in RPCS for chain in rpc.fields(settable=False)})
_TEXTS = st.text(max_size=40) | st.sampled_from(
    [*values.CHARACTERS, *values.INJECTIONS, *values.ADDRESSES, *values.TOKENS, *values.FILTERS]
)
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | _TEXTS
    | st.sampled_from(["OUTCOME_SUCCESS", "2026-01-01T00:00:00Z", "me"])
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(_NAMES) | _TEXTS, inner, max_size=3)
    ),
    max_leaves=8,
)
_OBJECTS = st.dictionaries(st.sampled_from(_NAMES) | st.text(max_size=8), _VALUES, max_size=4)
_PRINTABLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=60)
_HEADER_NAMES = st.sampled_from(
    ["accept", "accept-language", "cookie", "origin", "traceparent", "user-agent", "x-request-id"]
)
_HEADER_VALUES = _PRINTABLE | st.binary(max_size=60).map(
    lambda value: bytes(byte for byte in value if byte not in b"\0\r\n")
)

metadata = st.lists(
    st.tuples(st.sampled_from(["accept-language", "limen-session", "x-request-id"]), _PRINTABLE)
    | st.tuples(st.sampled_from(["x-bin", "grpc-trace-bin"]), st.binary(max_size=60)),
    max_size=3,
)
headers = st.lists(st.tuples(_HEADER_NAMES, _HEADER_VALUES), max_size=3)


@st.composite
def requests(draw: st.DrawFn) -> RestRequest:
    """A request for some route, with a body, a query or a path that may be anything."""
    rpc = draw(st.sampled_from(ROUTES_WITH_FIELDS))
    request = rpc.rest_of_tree(_mixed(draw, rpc), None) or rpc.rest(request_for(rpc))
    assert request is not None
    body = request.body
    if body is not None and draw(st.booleans()):
        body = draw(st.binary(max_size=60) | st.sampled_from(NO_JSON) | _torn(body))
    target = request.target + draw(st.sampled_from(["", "", "?", "&", "/"]))
    return replace(request, target=target + draw(_queries), body=body)


@st.composite
def messages(draw: st.DrawFn) -> tuple[Rpc, bytes]:
    """Bytes for some RPC: those of a request that is right, in part, and others."""
    rpc = draw(st.sampled_from(WITH_FIELDS))
    right = _message(draw, rpc).SerializeToString()
    data = draw(_torn(right) | st.binary(max_size=60) | st.just(right))
    return rpc, data


_queries = st.just("") | st.tuples(st.sampled_from(_NAMES), st.binary(max_size=12)).map(
    lambda pair: f"{pair[0]}=" + "".join(f"%{byte:02x}" for byte in pair[1])
)


def _mixed(draw: st.DrawFn, rpc: Rpc) -> Tree:
    """A request in JSON that is right, but for some fields."""
    tree: Any = tree_of(request_for(rpc)) | draw(_OBJECTS)
    return json.loads(json.dumps(tree, default=str))


def _message(draw: st.DrawFn, rpc: Rpc) -> Message:
    request = request_for(rpc)
    for chain in draw(st.lists(st.sampled_from(rpc.fields()), max_size=2)):
        leaf = chain[-1]
        if len(chain) == 1 and leaf.cpp_type == leaf.CPPTYPE_STRING and not leaf.is_repeated:
            text = draw(_TEXTS).encode("utf-8", "ignore").decode()
            setattr(request, leaf.name, text)
    return request


def _torn(data: bytes) -> st.SearchStrategy[bytes]:
    """Bytes of which some became others."""
    return st.tuples(st.integers(0, 2**16), st.binary(max_size=4)).map(
        lambda tear: _overwritten(data, tear[0] % (len(data) + 1), tear[1])
    )


def _overwritten(data: bytes, place: int, patch: bytes) -> bytes:
    return data[:place] + patch + data[place + len(patch) :]

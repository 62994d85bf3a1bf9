"""What comes back is what Google's own library makes of the same message."""

import json
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.asyncio(loop_scope="module")

MESSAGE = "everything.v1.Everything"

INT32 = st.integers(-(2**31), 2**31 - 1)
UINT32 = st.integers(0, 2**32 - 1)
INT64 = st.integers(-(2**63), 2**63 - 1)
UINT64 = st.integers(0, 2**64 - 1)
# Google's library writes floats of 32 bits in fewer digits; these are short in both.
FLOAT = st.sampled_from([0.0, 1.5, -0.25, 1024.0])
DOUBLE = st.floats(allow_nan=False)
TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
BYTES = st.binary(max_size=8)
COLOR = st.sampled_from([0, 1, 2, -1, 7])
NANOS = st.sampled_from([0, 1, 1_000, 500_000_000, 999_999_999])
TIME = st.fixed_dictionaries(
    {"seconds": st.integers(-62_135_596_800, 253_402_300_799), "nanos": NANOS}
)
DURATION = st.fixed_dictionaries({"seconds": st.integers(0, 315_576_000_000), "nanos": NANOS})
MASK = st.lists(st.sampled_from(["a", "a_bc", "an_int32.deeper", "x.y_z"]), max_size=3)
FREE = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)

SINGLE = {
    "an_int32": INT32,
    "a_sint32": INT32,
    "a_sfixed32": INT32,
    "a_uint32": UINT32,
    "a_fixed32": UINT32,
    "an_int64": INT64,
    "a_sint64": INT64,
    "a_sfixed64": INT64,
    "a_uint64": UINT64,
    "a_fixed64": UINT64,
    "a_float": FLOAT,
    "a_double": DOUBLE,
    "a_bool": st.booleans(),
    "a_string": TEXT,
    "some_bytes": BYTES,
    "a_color": COLOR,
    "maybe_int": INT32,
    "maybe_string": TEXT,
    "numbers": st.lists(INT32, max_size=2),
    "texts": st.lists(TEXT, max_size=2),
    "colors": st.lists(COLOR, max_size=2),
    "labels": st.dictionaries(TEXT, TEXT, max_size=2),
    "by_flag": st.dictionaries(st.booleans(), INT64, max_size=2),
    "colors_by_number": st.dictionaries(UINT64, COLOR, max_size=2),
    "a_time": TIME,
    "a_duration": DURATION,
    "a_mask": st.fixed_dictionaries({"paths": MASK}),
    "wrapped_int": st.fixed_dictionaries({"value": INT64}),
    "wrapped_string": st.fixed_dictionaries({"value": TEXT}),
    "wrapped_bool": st.fixed_dictionaries({"value": st.booleans()}),
    "wrapped_bytes": st.fixed_dictionaries({"value": BYTES}),
    "wrapped_double": st.fixed_dictionaries({"value": DOUBLE}),
    "empty": st.just({}),
    "renamed": TEXT,
    "times": st.lists(TIME, max_size=2),
}
CHOICES: list[st.SearchStrategy[dict[str, Any]]] = [
    st.just({}),
    st.fixed_dictionaries({"left": TEXT}),
    st.fixed_dictionaries({"right": INT32}),
    st.just({"nothing": 0}),
]
FLAT = st.tuples(st.fixed_dictionaries({}, optional=SINGLE), st.one_of(CHOICES)).map(
    lambda pair: {**pair[0], **pair[1]}
)
FREE_FORM = st.fixed_dictionaries(
    {},
    optional={
        "a_value": FREE,
        "a_list": st.lists(FREE, max_size=2),
        "a_struct": st.dictionaries(TEXT, FREE, max_size=2),
        "values": st.lists(FREE, max_size=2),
    },
)
MAPS = {"labels", "by_flag", "colors_by_number"}
DEEP = st.fixed_dictionaries(
    {},
    optional={
        "child": FLAT,
        "middle": FLAT,
        "children": st.lists(FLAT, max_size=2),
        "by_number": st.dictionaries(INT32, FLAT, max_size=2),
        "anything": FLAT.map(
            # Packed, the entries of a map are bytes whose order is anybody's.
            lambda values: {name: value for name, value in values.items() if name not in MAPS}
        ),
    },
)


def build(new: Any, flat: Any, free: Any, deep: Any) -> Any:
    """A message of Google's library that says what was drawn."""
    message = new(MESSAGE, **flat)
    json_free = {json_format_name(name): value for name, value in free.items()}
    json_format.ParseDict(json_free, message)
    for name, value in deep.items():
        if name == "anything":
            message.anything.Pack(new(MESSAGE, **value))
        elif name == "children":
            message.children.extend(new(MESSAGE, **each) for each in value)
        elif name == "by_number":
            for key, each in value.items():
                message.by_number[key].CopyFrom(new(MESSAGE, **each))
        else:
            getattr(message, name).CopyFrom(new(MESSAGE, **value))
    return message


def json_format_name(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.title, rest))


@pytest.mark.parametrize("proto_names", [False, True])
@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(flat=FLAT, free=FREE_FORM, deep=DEEP)
async def test_a_message_survives(mirror, proto_names, flat, free, deep) -> None:
    message = build(mirror.core.new, flat, free, deep)
    pool = mirror.core.pool
    body = json_format.MessageToJson(
        message, preserving_proto_field_name=proto_names, descriptor_pool=pool
    )
    headers = {"content-type": "application/json"}
    mirror.core.calls.clear()
    response = await mirror.http.post("/v1/mirror", content=body, headers=headers)
    assert response.status_code == 200, response.text
    assert mirror.core.request == message
    assert response.json() == json.loads(
        json_format.MessageToJson(
            message, always_print_fields_with_no_presence=True, descriptor_pool=pool
        )
    )

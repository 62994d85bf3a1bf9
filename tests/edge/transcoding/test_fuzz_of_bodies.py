"""Whatever is sent, it is the client's fault or none: never a failure of the edge."""

import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON = {"content-type": "application/json"}
LENIENT = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

NAMES = st.sampled_from(
    [
        "anInt32",
        "an_int32",
        "aUint64",
        "aFloat",
        "aDouble",
        "aBool",
        "aString",
        "someBytes",
        "aColor",
        "maybeInt",
        "child",
        "numbers",
        "texts",
        "children",
        "colors",
        "labels",
        "byNumber",
        "byFlag",
        "colorsByNumber",
        "left",
        "right",
        "middle",
        "nothing",
        "aTime",
        "aDuration",
        "aMask",
        "aStruct",
        "aValue",
        "aList",
        "wrappedInt",
        "wrappedString",
        "wrappedBytes",
        "anything",
        "empty",
        "renamed",
        "aliasOfIt",
        "times",
        "values",
        "@type",
        "value",
        "x",
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(
        [
            "NaN",
            "1e5",
            "COLOR_RED",
            "2020-01-01T00:00:00Z",
            "1s",
            "a.b",
            "YQ==",
            "\ud800",
            "everything.v1.Everything",
            "x/everything.v1.Everything",
            "x/google.protobuf.Struct",
            "x/google.protobuf.Any",
            10**30,
            1e400,
            -0.0,
        ]
    )
)
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(NAMES | st.sampled_from(["1", "true", "\ud800", ""]), inner, max_size=4)
    ),
    max_leaves=12,
)


@LENIENT
@given(st.binary(max_size=64))
@example(b'{"a":' * 20_000)
@example(b"[" * 1_000_000)
@example(b'{"aString":"\\ud800"}')
async def test_any_bytes(mirror, body) -> None:
    response = await mirror.http.post("/v1/mirror", content=body, headers=JSON)
    assert response.status_code in (200, 400)


@LENIENT
@given(st.dictionaries(NAMES, TREES, max_size=4))
async def test_any_tree(mirror, tree) -> None:
    response = await mirror.http.post("/v1/mirror", content=json.dumps(tree), headers=JSON)
    assert response.status_code in (200, 400), response.text
    if response.status_code == 400:
        assert response.json()["errors"]

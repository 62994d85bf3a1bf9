"""Whatever is asked for, it is the client's fault or none: never a failure of the edge."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

LENIENT = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@LENIENT
@given(st.binary(max_size=24), st.binary(max_size=40))
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "OPTIONS"])
@pytest.mark.parametrize("prefix", [b"/", b"/v1/books/", b"/v1/files/", b"/v1/isbn/"])
async def test_any_target(raw, method, prefix, path, query) -> None:
    raw.sent.clear()
    response = await raw.ask(raw.scope(method, prefix + path, query))
    assert response.status_code in (200, 204, 400, 404, 405)


@LENIENT
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [
                    "pageSize",
                    "page_size",
                    "filter",
                    "filter.title",
                    "filter.genres",
                    "filter.after",
                    "filter.either",
                    "filter.either.after",
                    "genre",
                    "lent",
                    "years",
                    "minPages",
                    "readMask",
                    "extra",
                    "labels",
                    "token",
                    "weight",
                    "signed",
                    "x",
                ]
            ),
            st.sampled_from(
                [
                    "1",
                    "-1",
                    "1.5",
                    "true",
                    "GENRE_POEMS",
                    "2020-01-01T00:00:00Z",
                    "a,b",
                    "YQ",
                    "%00",
                    "%ff",
                ]
            )
            | st.text(max_size=4),
        ),
        max_size=5,
    )
)
async def test_any_query(raw, pairs: Any) -> None:
    raw.sent.clear()
    query = "&".join(f"{name}={value}" for name, value in pairs).encode()
    response = await raw.ask(raw.scope("GET", b"/v1/books", query))
    assert response.status_code in (200, 400), response.text


@LENIENT
@given(
    st.sampled_from(["content-type", "content-encoding", "accept", "content-length", "x"]),
    st.binary(max_size=20),
    st.binary(max_size=20),
)
@pytest.mark.parametrize("path", [b"/v1/titles", b"/v1/files/x", b"/v1/raw"])
async def test_any_header(raw, path, name, value, body) -> None:
    raw.sent.clear()
    scope = raw.scope("POST" if path == b"/v1/raw" else "PUT", path, transfer_encoding="chunked")
    scope["headers"].append((name.encode(), value))
    response = await raw.ask(scope, body)
    assert response.status_code in (200, 400, 413, 415), response.text

"""Bodies that are too large."""

import pytest

JSON = {"content-type": "application/json"}


@pytest.fixture
async def small(make_rig, library):
    async with make_rig(library, "library.v1.Library", max_body=64) as rig:
        yield rig


async def test_a_body_that_just_fits(small) -> None:
    response = await small.http.put("/v1/titles", json=["x" * 60])
    assert response.status_code == 200


async def test_a_body_that_says_it_is_too_large_is_not_read(small) -> None:
    sent = []

    async def receive():
        raise AssertionError("must not be read")

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": "PUT",
        "path": "/v1/titles",
        "raw_path": b"/v1/titles",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json"), (b"content-length", b"65")],
    }
    await small.transcoder(scope, receive, send)
    assert sent[0]["status"] == 413


async def test_a_body_that_is_too_large_without_saying_so(small) -> None:
    async def endless():
        while True:
            yield b"x" * 40

    response = await small.http.put("/v1/titles", content=endless(), headers=JSON)
    assert response.status_code == 413
    assert response.json()["reason"] == "REQUEST_TOO_LARGE"


async def test_a_body_in_pieces(rig) -> None:
    async def pieces():
        for byte in b'["a",  "b"]':
            yield bytes([byte])

    response = await rig.http.put("/v1/titles", content=pieces(), headers=JSON)
    assert response.status_code == 200
    assert list(rig.core.request.titles) == ["a", "b"]


async def test_a_length_that_is_no_number(raw) -> None:
    scope = raw.scope("PUT", b"/v1/titles", content_length="x", content_type="application/json")
    assert (await raw.ask(scope, b"[]")).status_code == 200

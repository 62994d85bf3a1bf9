"""Calls, their metadata and their errors."""

import asyncio

import grpc
import pytest

from edge.transcoding.fault import Fault


async def test_a_call_and_its_answer(rig) -> None:
    book = rig.core.new("library.v1.Book", book_id="7", title="Emma", genre=1)
    rig.core.answers("GetBook", rig.core.new("library.v1.GetBookResponse", book=book))
    response = await rig.http.get("/v1/books/7")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.headers["content-length"] == str(len(response.content))
    assert response.json()["title"] == "Emma"
    (call,) = rig.core.calls
    assert call.metadata["x-from"] == "edge"
    assert 0 < call.seconds_left <= 5


async def test_without_a_timeout_there_is_none(rig) -> None:
    rig.frontier.seconds = None
    await rig.http.get("/v1/books/7")
    assert rig.core.calls[0].seconds_left is None


async def test_metadata_becomes_headers(rig) -> None:
    async def behavior(_request, context):
        await context.send_initial_metadata((("x-seen", "first"), ("x-raw-bin", b"\x00\xff")))
        context.set_trailing_metadata((("x-seen", "last"),))
        return rig.core.new("library.v1.GetBookResponse")

    rig.core.on("GetBook", behavior)
    response = await rig.http.get("/v1/books/7")
    assert response.headers.get_list("x-seen") == ["first", "last"]
    assert ("x-raw-bin", b"\x00\xff") in rig.frontier.received


async def test_the_route_is_known_to_all(rig) -> None:
    await rig.http.get("/v1/books/7")
    await rig.http.post("/v1/books/7:lend", json={})
    assert [route.template for route in rig.frontier.routes] == [
        "/v1/books/{book_id}",
        "/v1/books/{book_id}:lend",
    ]


async def test_the_frontier_can_refuse(rig) -> None:
    rig.frontier.refusal = Fault(403, grpc.StatusCode.PERMISSION_DENIED, "CSRF_REJECTED")
    response = await rig.http.post("/v1/books/7:lend", content=b"not even JSON")
    assert response.status_code == 403
    assert response.json()["reason"] == "CSRF_REJECTED"
    assert rig.core.calls == []


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (grpc.StatusCode.NOT_FOUND, 404),
        (grpc.StatusCode.UNAUTHENTICATED, 401),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, 429),
        (grpc.StatusCode.CANCELLED, 499),
        (grpc.StatusCode.INTERNAL, 500),
    ],
)
async def test_the_server_can_refuse(rig, code, status) -> None:
    rig.core.fails("GetBook", code, "for a reason")
    response = await rig.http.get("/v1/books/7")
    assert response.status_code == status
    assert response.json() == {"reason": "for a reason", "code": code.name}
    assert response.headers["content-length"] == str(len(response.content))


async def test_the_server_may_be_late(rig) -> None:
    rig.frontier.seconds = 0.05
    rig.core.on("GetBook", never)
    response = await rig.http.get("/v1/books/7")
    assert response.status_code == 504


async def never(_request, _context):
    await asyncio.Event().wait()


async def test_the_server_may_be_gone(rig) -> None:
    await rig.channel.close()
    response = await rig.http.get("/v1/books/7")
    assert response.status_code == 503
    assert response.json()["reason"] == "UNAVAILABLE"
    response = await rig.http.get("/v1/books:watch")
    assert response.status_code == 503


async def test_the_server_may_speak_another_contract(rig) -> None:
    rig.core.answers("GetBook", b"\xff\xff")
    response = await rig.http.get("/v1/books/7")
    assert response.status_code == 500
    assert response.json()["reason"] == "INTERNAL"


async def test_the_server_may_answer_what_json_cannot_say(rig) -> None:
    wrong = rig.core.new("google.protobuf.Timestamp", seconds=2**60)
    book = rig.core.new("library.v1.Book", create_time=wrong)
    rig.core.answers("GetBook", rig.core.new("library.v1.GetBookResponse", book=book))
    response = await rig.http.get("/v1/books/7")
    assert response.status_code == 500
    assert response.json()["reason"] == "INTERNAL"

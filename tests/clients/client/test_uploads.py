"""Calls with a stream of requests."""

import grpc
import pytest

from limen.client import PermissionDenied, Unauthenticated, connect
from limen.users.v1.users_pb2 import ImportUsersRequest, ImportUsersResponse


async def rows(number):
    for _ in range(number):
        yield ImportUsersRequest()


async def test_an_upload_carries_the_credential_and_all_requests(backend):
    async def count(requests, _context):
        return ImportUsersResponse(created_count=len(requests))

    backend.script("ImportUsers", count)
    async with connect(backend.address, token="key.1", deadline=0.001) as limen:
        answer = await limen.users.ImportUsers(rows(300))
    assert answer.created_count == 300
    assert backend.calls[0].headers["authorization"] == "Bearer key.1"
    # It lasts as long as it takes, unless the caller says otherwise.
    assert backend.calls[0].time_remaining is None


async def test_a_refused_upload_raises_the_reason(backend, refuse):
    backend.script("ImportUsers", refuse(grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED"))
    async with connect(backend.address, token="key.1") as limen:
        with pytest.raises(PermissionDenied) as caught:
            await limen.users.ImportUsers(rows(2), timeout=30)
    assert caught.value.reason == "PERMISSION_DENIED"


async def test_an_upload_is_not_made_again_with_what_is_left_of_its_requests(backend, refuse):
    backend.script("ImportUsers", refuse(grpc.StatusCode.UNAUTHENTICATED, "CREDENTIAL_INVALID"))

    async with connect(backend.address, token="key.1") as limen:
        with pytest.raises(Unauthenticated):
            await limen.users.ImportUsers(rows(2), timeout=30)
    assert len(backend.calls) == 1

"""Channels that are encrypted, and that show a certificate."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest
from grpc import aio

from limen.client import Tls, Unavailable, connect
from limen.users.v1.users_pb2 import GetUserRequest, GetUserResponse
from limen.users.v1.users_pb2_grpc import UserServiceServicer, add_UserServiceServicer_to_server
from tests.server.apikeys.authority import Authority

ME = GetUserRequest(user_id="me")


class Users(UserServiceServicer):
    """Notes what the connection proves."""

    def __init__(self) -> None:
        self.shown: list[bytes | None] = []

    async def GetUser(self, _request, context):  # noqa: N802 - the name of the RPC
        certificate = context.auth_context().get("x509_pem_cert")
        self.shown.append(certificate[0] if certificate else None)
        return GetUserResponse()


@asynccontextmanager
async def serving(
    authority: Authority, *, clients: Authority | None = None
) -> AsyncIterator[tuple[str, Users]]:
    """An address with a certificate of `authority`; with `clients` it demands one of theirs."""
    server, users, identity = aio.server(), Users(), authority.identity("limen")
    credentials = grpc.ssl_server_credentials(
        [(identity.key, identity.certificate)],
        root_certificates=clients.pem if clients else None,
        require_client_auth=clients is not None,
    )
    port = server.add_secure_port("127.0.0.1:0", credentials)
    add_UserServiceServicer_to_server(users, server)
    await server.start()
    try:
        yield f"127.0.0.1:{port}", users
    finally:
        await server.stop(None)


async def test_a_channel_trusts_the_authorities_of_a_file(tmp_path):
    authority = Authority()
    tls = Tls(authorities=authority.write(tmp_path / "ca.pem"))

    async with serving(authority) as (address, users), connect(address, credentials=tls) as limen:
        await limen.users.GetUser(ME)

    assert users.shown == [None]


async def test_and_no_others(tmp_path):
    tls = Tls(authorities=Authority("another").write(tmp_path / "ca.pem"))

    async with serving(Authority()) as (address, users), connect(address, credentials=tls) as limen:
        with pytest.raises(Unavailable):
            await limen.users.GetUser(ME)

    assert users.shown == []


async def test_a_channel_shows_its_certificate(tmp_path):
    authority, clients = Authority(), Authority("of programs")
    identity = clients.identity("a program")
    certificate, key = identity.write(tmp_path, "program")
    tls = Tls(authority.write(tmp_path / "ca.pem"), certificate, key)

    async with (
        serving(authority, clients=clients) as (address, users),
        connect(address, credentials=tls) as limen,
    ):
        await limen.users.GetUser(ME)

    assert users.shown == [identity.certificate]


async def test_credentials_of_grpc_will_do_as_well():
    authority = Authority()
    credentials = grpc.ssl_channel_credentials(authority.pem)

    async with (
        serving(authority) as (address, users),
        connect(address, credentials=credentials) as limen,
    ):
        await limen.users.GetUser(ME)

    assert users.shown == [None]


def test_a_certificate_needs_its_key(tmp_path):
    for halves in ({"certificate": tmp_path / "x"}, {"key": tmp_path / "x"}):
        with pytest.raises(ValueError, match="need each other"):
            Tls(**halves)


def test_files_that_are_not_there_are_named(tmp_path):
    with pytest.raises(OSError, match="absent"):
        connect("127.0.0.1:1", credentials=Tls(authorities=tmp_path / "absent"))

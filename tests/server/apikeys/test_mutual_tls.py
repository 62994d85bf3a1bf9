"""Client certificates: bound to service accounts, tokens bound to them, and renewed listeners."""

import asyncio
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path

import grpc
import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from limen.auth.v1 import auth_pb2, auth_pb2_grpc
from limen.users.v1 import users_pb2_grpc
from server import app
from server.apikeys.certificates import CertificateUnreadableError, thumbprint
from tests.server.apikeys.authority import Authority, Identity
from tests.server.apikeys.machines import ME, Manager, Program, presenting
from tests.server.running_core import (
    EDGE_SECRET,
    MovableClock,
    RunningCore,
    core_settings,
    refused,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

BY_EDGE = (("limen-edge-secret", EDGE_SECRET),)
INVALID = "CREDENTIAL_INVALID"


def thumbprint_of(identity: Identity) -> str:
    """As RFC 8705, section 3.1, has it, by other means than the core's."""
    der = x509.load_pem_x509_certificate(identity.certificate).public_bytes(Encoding.DER)
    return urlsafe_b64encode(sha256(der).digest()).rstrip(b"=").decode()


class House:
    """A core with TLS, its authorities, and ways to call it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority, self.of_clients = Authority(), Authority("an authority of programs")
        self.server = self.authority.identity("limen")
        self.certificate, self.key = self.server.write(folder, "server")
        self.client_ca = self.of_clients.write(folder / "clients.pem")
        self.core: RunningCore

    def settings(self, database_url: str, valkey_url: str):
        return core_settings(
            database_url,
            valkey_url,
            mtls_address="127.0.0.1:0",
            tls_certificate=self.certificate,
            tls_key=self.key,
            tls_client_ca=self.client_ca,
        )

    def client(self, name: str = "a program") -> Identity:
        return self.of_clients.identity(name)

    @asynccontextmanager
    async def channel(
        self, identity: Identity | None = None, *, port: int = 0
    ) -> AsyncIterator[grpc.aio.Channel]:
        """To the listener that demands certificates; without one, to the one that asks for none."""
        usual = self.core.core.mtls_port if identity else self.core.core.port
        credentials = grpc.ssl_channel_credentials(
            self.authority.pem,
            identity.key if identity else None,
            identity.certificate if identity else None,
        )
        options = (("grpc.use_local_subchannel_pool", 1),)
        address = f"127.0.0.1:{port or usual}"
        async with grpc.aio.secure_channel(address, credentials, options=options) as channel:
            yield channel


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory, database_url, valkey_url) -> AsyncIterator[House]:
    house = House(tmp_path_factory.mktemp("tls"))
    clock = MovableClock()
    core = app.build(house.settings(database_url, valkey_url), clock=clock)
    await core.start()
    try:
        credentials = grpc.ssl_channel_credentials(house.authority.pem)
        async with grpc.aio.secure_channel(f"127.0.0.1:{core.port}", credentials) as channel:
            await channel.channel_ready()
            await core._domain.keyring.load()
            house.core = RunningCore(core, clock, channel)
            yield house
    finally:
        await core.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def manager(house) -> Manager:
    return await Manager.of(house.core)


async def bound(house: House, manager: Manager, *roles: str) -> tuple[Program, Identity]:
    program, identity = await manager.account(*roles), house.client()
    await manager.bind(program, identity.text)
    return program, identity


async def me(channel: grpc.aio.Channel, token: str, metadata=()):
    users = users_pb2_grpc.UserServiceStub(channel)
    return (await users.GetUser(ME, metadata=presenting(token) + metadata)).user


def claims(token: str) -> dict:
    body = token.split(".")[1]
    return json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))


class TestTokens:
    async def test_a_certificate_is_a_proof_and_its_token_names_it(self, house, manager):
        program, identity = await bound(house, manager, "service")

        async with house.channel(identity) as channel:
            issued = await program.token(secret="", channel=channel)
            found = await me(channel, issued.access_token)
            request = auth_pb2.IntrospectTokenRequest(token=issued.access_token)
            told = await auth_pb2_grpc.AuthServiceStub(channel).IntrospectToken(
                request, metadata=presenting(issued.access_token)
            )

        said = claims(issued.access_token)
        assert found.user_id == program.client_id
        assert said["cnf"] == {"x5t#S256": thumbprint_of(identity)}
        assert said["amr"] == ["pop"]
        assert told.cnf.x5t_s256 == thumbprint_of(identity)

    async def test_a_bound_token_is_worth_nothing_without_its_certificate(self, house, manager):
        program, identity = await bound(house, manager)
        async with house.channel(identity) as channel:
            token = (await program.token(secret="", channel=channel)).access_token
            assert await me(channel, token)

        async with house.channel() as plain, house.channel(house.client()) as other:
            assert (await refused(me(plain, token))).reason == INVALID
            assert (await refused(me(other, token))).reason == INVALID

    async def test_nor_through_the_edge_whatever_certificate_that_shows(self, house, manager):
        program, identity = await bound(house, manager)

        async with house.channel(identity) as channel:
            token = (await program.token(secret="", channel=channel)).access_token
            answer = await refused(me(channel, token, BY_EDGE))
            issuing = await refused(program.token(secret="", channel=channel, metadata=BY_EDGE))

        assert answer.reason == INVALID
        assert issuing.reason == "SIGN_IN_FAILED"

    async def test_a_stream_needs_it_as_well(self, house, manager):
        program, identity = await bound(house, manager, "service")
        async with house.channel(identity) as channel:
            token = (await program.token(secret="", channel=channel)).access_token
        request = auth_pb2.WatchRevocationsRequest()

        async with house.channel() as plain:
            stream = auth_pb2_grpc.AuthServiceStub(plain).WatchRevocations(
                request, metadata=presenting(token)
            )
            answer = await refused(stream.read())

        assert answer.reason == INVALID

    async def test_a_token_of_a_secret_is_bound_to_nothing(self, house, manager):
        program, identity = await bound(house, manager)

        async with house.channel(identity) as channel, house.channel() as plain:
            token = (await program.token(channel=channel)).access_token
            assert await me(plain, token)

        assert "cnf" not in claims(token)

    async def test_the_certificate_of_somebody_else_is_no_proof(self, house, manager):
        _, identity = await bound(house, manager)
        other, unbound = await manager.account(), house.client()

        async with house.channel(identity) as channel, house.channel(unbound) as stranger:
            for place in (channel, stranger):
                answer = await refused(other.token(secret="", channel=place))
                assert answer.reason == "SIGN_IN_FAILED"

    async def test_nor_is_a_wrong_secret_mended_by_a_right_certificate(self, house, manager):
        program, identity = await bound(house, manager)

        async with house.channel(identity) as channel:
            answer = await refused(program.token(secret="x", channel=channel))

        assert answer.reason == "SIGN_IN_FAILED"

    async def test_a_certificate_in_a_header_is_no_certificate(self, house, manager):
        program, identity = await bound(house, manager)
        header = (("x509_pem_cert", identity.text.replace("\n", "")), ("x-client-cert", "x"))

        answer = await refused(program.token(secret="", metadata=header))

        assert answer.reason == "SIGN_IN_FAILED"

    async def test_the_right_certificate_of_a_closed_account(self, house, manager):
        program, identity = await bound(house, manager)
        await manager.disable(program.client_id)

        async with house.channel(identity) as channel:
            answer = await refused(program.token(secret="", channel=channel))

        assert answer.reason == "ACCOUNT_DISABLED"


class TestBinding:
    async def test_an_account_shows_its_certificates(self, house, manager):
        program, one, other = await manager.account(), house.client(), house.client()

        await manager.bind(program, one.text)
        shown = await manager.bind(program, other.text)

        assert list(shown.certificate_thumbprints) == [thumbprint_of(one), thumbprint_of(other)]

    async def test_a_certificate_belongs_to_one_account(self, house, manager):
        program, identity = await bound(house, manager)
        other = await manager.account()

        for each in (program, other):
            answer = await refused(manager.bind(each, identity.text))
            assert answer.reason == "ALREADY_EXISTS"

    async def test_of_fifty_who_bind_it_at_once_one_has_it(self, house, manager):
        identity = house.client()
        programs = [await manager.account() for _ in range(10)]

        answers = await asyncio.gather(
            *(manager.bind(each, identity.text) for each in programs * 5), return_exceptions=True
        )

        assert sum(not isinstance(each, BaseException) for each in answers) == 1

    async def test_an_account_has_ten_at_most(self, house, manager):
        program = await manager.account()
        for _ in range(10):
            await manager.bind(program, house.client().text)

        answer = await refused(manager.bind(program, house.client().text))

        assert (answer.reason, answer.metadata["limit"]) == ("LIMIT_REACHED", "10")

    async def test_unbinding_ends_the_tokens_of_the_certificate_and_no_others(self, house, manager):
        program, identity = await bound(house, manager)
        other = house.client()
        await manager.bind(program, other.text)
        async with house.channel(identity) as channel, house.channel(other) as elsewhere:
            ended = (await program.token(secret="", channel=channel)).access_token
            kept = (await program.token(secret="", channel=elsewhere)).access_token
            free = (await program.token(channel=channel)).access_token
            await me(channel, ended)

            left = await manager.unbind(program, thumbprint_of(identity))

            assert list(left.certificate_thumbprints) == [thumbprint_of(other)]
            assert (await refused(me(channel, ended))).reason == INVALID
            assert await me(elsewhere, kept)
            assert await me(channel, free)
            answer = await refused(program.token(secret="", channel=channel))
            assert answer.reason == "SIGN_IN_FAILED"

    async def test_what_is_not_bound_cannot_be_unbound(self, house, manager):
        program, _ = await bound(house, manager)
        _, foreign = await bound(house, manager)

        for each in ("A" * 43, thumbprint_of(foreign)):
            answer = await refused(manager.unbind(program, each))
            assert (answer.reason, answer.metadata["resource"]) == ("NOT_FOUND", "certificate")

    async def test_each_change_leaves_one_event(self, house, manager):
        program, identity = await bound(house, manager)
        await manager.unbind(program, thumbprint_of(identity))

        events = await house.core.events(subject_id=program.client_id)

        assert [each.action for each in events] == [
            "service_accounts.create",
            "service_accounts.bind_certificate",
            "service_accounts.unbind_certificate",
        ]

    async def test_hostile_text_is_no_certificate(self, house, manager):
        program, identity = await manager.account(), house.client()
        pem = identity.text
        body = pem.splitlines()[1]
        hostile = [
            "x",
            "\x00",
            "-----BEGIN CERTIFICATE-----",
            "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            pem.replace(body, body[::-1]),
            pem.replace(body, ""),
            pem.replace("CERTIFICATE", "CERTIFICATE REQUEST"),
            pem * 2,
            pem + identity.key.decode(),
            identity.key.decode(),
            "é" * 100,
            "A" * 8_192,
        ]

        for text in hostile:
            answer = await refused(manager.bind(program, text))
            assert (answer.reason, set(answer.faults)) == ("INVALID_REQUEST", {"certificate"}), text
            assert answer.messages["certificate"]
            assert identity.key.decode() not in answer.details

        too_long = await refused(manager.bind(program, "A" * 8_193))
        assert set(too_long.faults) == {"certificate"}

    async def test_bound_through_text_around_it_all_the_same(self, house, manager):
        program, identity = await manager.account(), house.client()

        await manager.bind(program, f"Issued to a program\n\n{identity.text}\n")

        async with house.channel(identity) as channel:
            assert await program.token(secret="", channel=channel)


class TestListeners:
    async def test_plain_text_gets_no_answer(self, house):
        for port in (house.core.core.port, house.core.core.mtls_port):
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                users = users_pb2_grpc.UserServiceStub(channel)
                with pytest.raises(grpc.aio.AioRpcError) as raised:
                    await users.GetUser(ME, timeout=5)
            assert raised.value.code() is grpc.StatusCode.UNAVAILABLE

    async def test_certificates_of_other_authorities_do_not_get_in(self, house):
        stranger = Authority("somebody else").identity("a program")
        port = house.core.core.mtls_port

        for identity in (stranger, None):
            async with house.channel(identity, port=port) as channel:
                with pytest.raises(grpc.aio.AioRpcError) as raised:
                    await users_pb2_grpc.UserServiceStub(channel).GetUser(ME, timeout=5)
            assert raised.value.code() is grpc.StatusCode.UNAVAILABLE

    async def test_a_new_certificate_is_shown_without_a_restart(self, house):
        before, renewed = house.server, Authority()
        try:
            renewed.identity("limen").write(house.folder, "server")
            credentials = grpc.ssl_channel_credentials(renewed.pem)
            address = f"127.0.0.1:{house.core.core.port}"
            async with grpc.aio.secure_channel(address, credentials) as channel:
                async with asyncio.timeout(10):
                    await channel.channel_ready()
        finally:
            before.write(house.folder, "server")

    async def test_an_unusable_certificate_does_not_replace_a_usable_one(self, house):
        async with house.channel() as channel:
            await channel.channel_ready()
        house.key.write_bytes(Authority().identity("another").key)
        try:
            async with house.channel() as channel, asyncio.timeout(10):
                await channel.channel_ready()
        finally:
            house.server.write(house.folder, "server")


async def test_a_thumbprint_is_that_of_the_rfc():
    identity = Authority().identity("a program")

    assert thumbprint(identity.text) == thumbprint_of(identity)
    with pytest.raises(CertificateUnreadableError):
        thumbprint(identity.text * 2)

"""The verifier against real cores: two processes' worth of them on one database."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from limen.apikeys.v1 import apikeys_pb2, apikeys_pb2_grpc
from limen.auth.v1 import auth_pb2
from limen.client import PermissionDenied, connect
from limen.client.verifier import CredentialInvalid, Verifier
from limen.users.v1 import users_pb2
from server.auth.key_rotation import Manner
from server.settings import Settings
from tests.clients.client.verifier.wire import wire
from tests.eventually import soon
from tests.server.running_core import PASSWORD, bearer, core_settings, running_core

pytestmark = pytest.mark.asyncio(loop_scope="module")

ISSUER, AUDIENCE = "http://127.0.0.1:8080", "limen"


@pytest.fixture(scope="module")
def settings(database_url: str, valkey_url: str) -> Settings:
    return core_settings(database_url, valkey_url, issuer=ISSUER, audience=AUDIENCE)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cores(settings) -> AsyncIterator[list]:
    """Two cores that share their database."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(running_core(settings)) for _ in range(2)]


@pytest.fixture
def core(cores):
    return cores[0]


def address(core) -> str:
    return f"127.0.0.1:{core.core.port}"


@pytest_asyncio.fixture(loop_scope="module")
async def service(core):
    """A service with a session that renews itself."""
    account = await core.user("service")
    async with (
        connect(address(core), wait_for_ready=True) as limen,
        await limen.sign_in(account.user.email, PASSWORD) as signed_in,
    ):
        yield signed_in


def trusting(service, **settings) -> Verifier:
    return Verifier(service, issuer=ISSUER, audience=AUDIENCE, **settings)


async def signed_in(core, *roles):
    return await core.sign_in((await core.user(*roles)).user.email)


async def is_refused(verifier, token) -> bool:
    try:
        await verifier.verify(token)
    except CredentialInvalid:
        return True
    return False


async def test_real_tokens_are_what_they_say(core, service):
    session = await signed_in(core, "support")
    async with trusting(service) as verifier:
        claims = await verifier.verify(session.tokens.access_token)
        assert (claims.user_id, claims.session_id) == (
            session.user.user_id,
            session.session.session_id,
        )
        assert claims.scopes == {"users.read", "users.disable", "roles.read"}
        assert (claims.amr, claims.acr) == (("pwd",), "aal1")
        for other in (session.tokens.refresh_token, session.tokens.access_token[:-1]):
            assert await is_refused(verifier, other)


@pytest.mark.parametrize(
    ("issuer", "audience"), [("https://elsewhere.example", AUDIENCE), (ISSUER, "billing")]
)
async def test_a_service_that_expects_something_else_refuses(core, service, issuer, audience):
    token = (await signed_in(core)).tokens.access_token
    async with Verifier(service, issuer=issuer, audience=audience) as verifier:
        assert await is_refused(verifier, token)


async def test_every_end_of_a_session_is_heard(core, service):
    async with trusting(service) as verifier:

        async def ends(session, call):
            token = session.tokens.access_token
            await verifier.verify(token)
            await call
            await soon(lambda: verifier.known(token) is None)
            assert await is_refused(verifier, token)

        session = await signed_in(core)
        await ends(session, core.auth.SignOut(auth_pb2.SignOutRequest(), metadata=bearer(session)))
        session = await signed_in(core)
        again = auth_pb2.ReauthenticateRequest(password=PASSWORD)
        await ends(session, core.auth.Reauthenticate(again, metadata=bearer(session)))
        session, admin = await signed_in(core), await core.bearer("admin")
        disable = users_pb2.DisableUserRequest(user_id=session.user.user_id)
        await ends(session, core.users.DisableUser(disable, metadata=admin))
    assert verifier.counters.introspections == 0


async def test_a_caller_without_the_permission_is_told_so(core):
    account = await core.user()
    async with (
        connect(address(core), wait_for_ready=True) as limen,
        await limen.sign_in(account.user.email, PASSWORD) as nobody,
    ):
        with pytest.raises(PermissionDenied):
            await trusting(nobody).start()


async def test_while_limen_is_silent_real_introspection_decides(core, service, monotonic):
    async with trusting(service, monotonic=monotonic, memory=0) as verifier:
        live, over = await signed_in(core), await signed_in(core)
        for session in (live, over):
            await verifier.verify(session.tokens.access_token)
        verifier._tasks[0].cancel()
        await core.auth.SignOut(auth_pb2.SignOutRequest(), metadata=bearer(over))
        monotonic.seconds += 11
        assert await verifier.verify(live.tokens.access_token)
        assert await is_refused(verifier, over.tokens.access_token)
        assert verifier.counters.introspections == 2


async def test_an_api_key_until_it_is_revoked(core, service):
    session = await signed_in(core, "support")
    keys = apikeys_pb2_grpc.ApiKeyServiceStub(core.channel)
    made = await keys.CreateApiKey(
        apikeys_pb2.CreateApiKeyRequest(display_name="ci", scopes=["users.read"]),
        metadata=bearer(session),
    )
    async with trusting(service) as verifier:
        claims = await verifier.verify(made.secret)
        assert claims.is_api_key
        assert claims.scopes == {"users.read"}
        assert claims.user_id == session.user.user_id
        await keys.RevokeApiKey(
            apikeys_pb2.RevokeApiKeyRequest(api_key_id=made.api_key.api_key_id),
            metadata=bearer(session),
        )
        await soon(lambda: made.api_key.api_key_id in verifier._revoked)
        assert await is_refused(verifier, made.secret)
        assert verifier.counters.introspections == 1


async def test_the_service_may_show_an_api_key_itself(core):
    owner = await signed_in(core, "service")
    own = await apikeys_pb2_grpc.ApiKeyServiceStub(core.channel).CreateApiKey(
        apikeys_pb2.CreateApiKeyRequest(display_name="own", scopes=["tokens.introspect"]),
        metadata=bearer(owner),
    )
    session = await signed_in(core)
    async with (
        connect(address(core), token=own.secret, wait_for_ready=True) as limen,
        trusting(limen) as verifier,
    ):
        assert verifier.is_fresh
        assert (await verifier.verify(session.tokens.access_token)).client_id == "limen"


async def test_the_service_may_be_a_service_account(core):
    admin = await core.bearer("admin")
    made = await apikeys_pb2_grpc.ServiceAccountServiceStub(core.channel).CreateServiceAccount(
        apikeys_pb2.CreateServiceAccountRequest(display_name="orders"), metadata=admin
    )
    account_id = made.service_account.service_account_id
    await core.users.GrantRole(
        users_pb2.GrantRoleRequest(user_id=account_id, role="service"), metadata=admin
    )
    session = await signed_in(core)
    async with connect(address(core), wait_for_ready=True) as limen:
        own = limen.service_account(account_id, made.client_secret)
        async with trusting(own) as verifier:
            assert verifier.is_fresh
            assert await verifier.verify(session.tokens.access_token)
            token = await limen.service_accounts.IssueToken(
                apikeys_pb2.IssueTokenRequest(
                    client_id=account_id, client_secret=made.client_secret
                )
            )
            claims = await verifier.verify(token.access_token)
            assert (claims.user_id, claims.client_id) == (account_id, account_id)
            assert "tokens.introspect" in claims.scopes


async def test_a_compromised_key_is_let_go_of(core, service):
    old = (await signed_in(core)).tokens.access_token  # and that of the service with it
    async with trusting(service) as verifier:
        await verifier.verify(old)
        await core.domain.key_rotation.rotate(Manner.EMERGENCY)
        await soon(lambda: verifier.known(old) is None)
        assert await is_refused(verifier, old)
        await soon(lambda: verifier.is_fresh)
        assert await verifier.verify((await signed_in(core)).tokens.access_token)


async def test_goes_on_where_it_was_when_its_core_stops(core, settings):
    account, person = await core.user("service"), await core.user()
    async with running_core(settings) as passing, wire(address(core)) as other:
        other.cut()  # so that the stream is one of the core that will stop
        async with (
            # A core that has just begun is not healthy yet.
            connect([address(passing), other.address], wait_for_ready=True) as limen,
            await limen.sign_in(account.user.email, PASSWORD) as service,
            trusting(service) as verifier,
        ):
            sessions = [await core.sign_in(person.user.email) for _ in range(5)]
            for session in sessions:
                await verifier.verify(session.tokens.access_token)
            other.mend()
            await passing.core.stop()
            for session in sessions:
                await core.auth.SignOut(auth_pb2.SignOutRequest(), metadata=bearer(session))
            ids = [session.session.session_id for session in sessions]
            await soon(lambda: all(each in verifier._revoked for each in ids))
            for session in sessions:
                assert await is_refused(verifier, session.tokens.access_token)
            assert verifier.counters.introspections == 0


async def test_no_revocation_is_missed_while_cores_and_network_come_and_go(cores, core):
    """Cursors of one core are good at another, and what ends in a break is told after it."""
    chance = random.Random(21)  # noqa: S311 - a test that can be repeated
    account, person = await core.user("service"), await core.user()
    async with (
        wire(address(cores[0])) as first,
        wire(address(cores[1])) as second,
        connect([first.address, second.address], wait_for_ready=True) as limen,
        await limen.sign_in(account.user.email, PASSWORD) as service,
        trusting(service) as verifier,
    ):
        over: list[str] = []
        for turn in range(6):
            down = (first, second)[turn % 2]
            sessions = [await core.sign_in(person.user.email) for _ in range(8)]
            for session in sessions:
                await verifier.verify(session.tokens.access_token)
            ending = chance.sample(sessions, 5)
            down.cut()
            for session in ending:
                via = chance.choice(cores)
                await via.auth.SignOut(auth_pb2.SignOutRequest(), metadata=bearer(session))
                over.append(session.tokens.access_token)
            down.mend()
            ids = {session.session.session_id for session in ending}
            await soon(lambda ids=ids: all(each in verifier._revoked for each in ids))
            outcomes = await asyncio.gather(*(is_refused(verifier, t) for t in over))
            assert all(outcomes)
            for session in sessions:
                if session not in ending:
                    assert await verifier.verify(session.tokens.access_token)
        assert verifier.counters.streams > 1
        assert verifier.counters.introspections == 0

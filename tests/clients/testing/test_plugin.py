"""The plugin, as the tests of another team use it: a suite of theirs, run by pytest itself."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import limen
import limen.testing

pytest_plugins = ["pytester"]

CLIENT = Path(next(iter(limen.__path__))).parent

SUITE = '''
"""The tests of a notes service, which knows limen by its address and by a verifier."""

import asyncio

import pytest

from limen.auth.v1.auth_pb2 import GetJwksRequest, IntrospectTokenRequest
from limen.client import NotFound, PermissionDenied, Unauthenticated, connect
from limen.client.verifier import CredentialInvalid, Requirement, ProofTooOld, StaleError
from limen.testing import FakeLimen
from limen.users.v1.users_pb2 import GetUserRequest, ListUsersRequest


def test_a_synchronous_test_of_an_asynchronous_service(limen):
    ada = limen.user("ada@example.org", display_name="Ada", scopes={"notes.write"})
    session = limen.sign_in(ada)

    async def serve():
        async with limen.verifier() as verifier:
            return await verifier.verify(session.access_token)

    claims = asyncio.run(serve())
    assert claims.user_id == ada.user_id
    assert claims.scopes == {"notes.write"}


async def test_a_revoked_session_is_shut_out(limen):
    session = limen.sign_in(limen.user())
    async with limen.verifier() as verifier:
        await verifier.verify(session.access_token)
        limen.revoke(session)
        await limen.told(verifier)
        with pytest.raises(CredentialInvalid):
            await verifier.verify(session.access_token)


async def test_a_disabled_user_is_shut_out_everywhere(limen):
    ada = limen.user()
    session, key = limen.sign_in(ada), limen.api_key(ada)
    async with limen.verifier() as verifier:
        for credential in (session.access_token, key.secret):
            assert (await verifier.verify(credential)).user_id == ada.user_id
        limen.revoke(ada)
        await limen.told(verifier)
        for credential in (session.access_token, key.secret):
            with pytest.raises(CredentialInvalid):
                await verifier.verify(credential)


async def test_every_forgery_is_refused(limen):
    session = limen.sign_in(limen.user())
    async with limen.verifier() as verifier:
        for name, token in limen.forgeries(session).items():
            with pytest.raises(CredentialInvalid):
                await verifier.verify(token)
                pytest.fail(name)


async def test_proofs_age_and_tokens_expire(limen):
    ada = limen.user()
    async with limen.verifier(leeway=0) as verifier:
        claims = await verifier.verify(limen.sign_in(ada, proof_age=3601).access_token)
        with pytest.raises(ProofTooOld):
            Requirement(max_proof_age=3600).check(claims, claims.issue_time.timestamp())
        with pytest.raises(CredentialInvalid):
            await verifier.verify(limen.sign_in(ada, lifetime=-1).access_token)


async def test_limen_falls_silent(limen):
    async with limen.verifier(staleness=2, memory=0, when_stale="refuse") as verifier:
        token = limen.sign_in(limen.user()).access_token
        await verifier.verify(token)
        limen.fall_silent()
        while verifier.is_fresh:
            await asyncio.sleep(0.05)
        with pytest.raises(StaleError):
            await verifier.verify(token)
        limen.speak()
        while not verifier.is_fresh:
            await asyncio.sleep(0.05)
        await verifier.verify(token)


async def test_keys_rotate(limen):
    ada = limen.user()
    async with limen.verifier() as verifier:
        old = limen.sign_in(ada).access_token
        limen.rotate_key()
        assert limen.sign_in(ada).access_token.split(".")[0] != old.split(".")[0]
        assert await verifier.verify(limen.sign_in(ada).access_token)
        assert await verifier.verify(old)


async def test_code_that_takes_a_channel(limen):
    ada = limen.user("ada@example.org", display_name="Ada", scopes={"users.read"})
    ada.roles.add("support")
    bob = limen.user("bob@example.org")
    async with connect(limen.address) as client:
        async with await client.sign_in("ada@example.org", ada.password) as signed_in:
            me = (await signed_in.users.GetUser(GetUserRequest(user_id="me"))).user
            assert (me.email, me.display_name, me.roles) == ("ada@example.org", "Ada", ["support"])
            other = await signed_in.users.GetUser(GetUserRequest(user_id=bob.user_id))
            assert other.user.email == "bob@example.org"
            with pytest.raises(NotFound):
                await signed_in.users.GetUser(GetUserRequest(user_id="nobody"))
            page = await signed_in.users.ListUsers(ListUsersRequest(page_size=1))
            rest = await signed_in.users.ListUsers(
                ListUsersRequest(page_token=page.next_page_token)
            )
            assert [user.user_id for user in [*page.users, *rest.users]] == [
                ada.user_id, bob.user_id
            ]
            await signed_in.sign_out()
        with pytest.raises(Unauthenticated) as caught:
            await client.sign_in("bob@example.org", "wrong")
        assert caught.value.reason == "SIGN_IN_FAILED"
        assert (await client.auth.GetJwks(GetJwksRequest())).keys[0].kty == "OKP"
    async with connect(limen.address, token=limen.sign_in(bob).access_token) as client:
        with pytest.raises(PermissionDenied):
            await client.users.ListUsers(ListUsersRequest())
        # Others are none of Bob's business.
        theirs = IntrospectTokenRequest(token=limen.sign_in(ada).access_token)
        assert not (await client.auth.IntrospectToken(theirs)).active
    assert limen.calls["ListUsers"] == 3


async def test_a_session_renews_itself(limen):
    ada = limen.user("ada@example.org")
    async with connect(limen.address) as client:
        async with await client.sign_in("ada@example.org", ada.password) as signed_in:
            limen.rotate_key(retire=True)
            assert (await signed_in.users.GetUser(GetUserRequest(user_id="me"))).user.email
    assert limen.calls["RefreshTokens"] == 1


def test_each_test_has_a_limen_of_its_own(limen):
    assert isinstance(limen, FakeLimen)
    assert not limen.users
    with FakeLimen() as another:
        assert another.address != limen.address
'''


def test_the_suite_of_another_team_passes(pytester: pytest.Pytester, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(CLIENT))
    pytester.makeini("[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function")
    pytester.makepyfile(test_notes=SUITE)
    run = pytester.runpytest_subprocess("-p", "limen.testing.plugin", "-q", "-p", "no:xdist")
    run.assert_outcomes(passed=SUITE.count("\ndef test_") + SUITE.count("\nasync def test_"))


def test_the_plugin_does_not_know_the_server(pytester: pytest.Pytester, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(CLIENT))
    pytester.makepyfile(
        """
        import sys

        def test_it(limen):
            assert not {name.partition(".")[0] for name in sys.modules} & {"server", "edge"}
            assert not {"fastapi", "starlette", "jwt", "sqlalchemy"} & set(sys.modules)
        """
    )
    run = pytester.runpytest_subprocess("-p", "limen.testing.plugin", "-p", "no:xdist")
    run.assert_outcomes(passed=1)


def test_the_package_declares_the_plugin():
    project = tomllib.loads((CLIENT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"limen": "limen.testing.plugin"}
    assert set(project["optional-dependencies"]) == {"verifier", "fastapi", "testing"}


def test_the_plugin_costs_nothing_where_no_test_asks_for_it():
    program = "import sys, limen.testing.plugin; print(*sys.modules)"
    run = subprocess.run(  # noqa: S603 - a fixed program
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    brought = {name.partition(".")[0] for name in run.stdout.split()}
    assert not brought & {"grpc", "google", "cryptography"}


def test_the_package_offers_what_it_names():
    for name in limen.testing.__all__:
        assert getattr(limen.testing, name).__name__ == name
    with pytest.raises(AttributeError, match="FakeNothing"):
        limen.testing.FakeNothing  # noqa: B018 - the look itself fails

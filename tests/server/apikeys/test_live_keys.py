"""API keys that are presented: what they allow, until when, and what is told of them."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import grpc
import pytest
from sqlalchemy import event

from limen.auth.v1 import auth_pb2
from limen.users.v1 import users_pb2
from server.apikeys import secret_form
from server.apikeys.sweeps import sweeps
from tests.eventually import soon
from tests.server.apikeys.machines import ME, Manager, Owner, presenting
from tests.server.running_core import PASSWORD, core_settings, refused
from tests.server.running_core import running_core as run

pytestmark = pytest.mark.asyncio(loop_scope="module")

INVALID = "CREDENTIAL_INVALID"
LIST = users_pb2.ListUsersRequest(page_size=1)


async def me(core, secret, **options):
    return (await core.users.GetUser(ME, metadata=presenting(secret), **options)).user


async def introspected(core, token, metadata):
    request = auth_pb2.IntrospectTokenRequest(token=token)
    return await core.auth.IntrospectToken(request, metadata=metadata)


class TestPresenting:
    async def test_a_key_allows_what_its_scopes_name(self, core):
        owner = await Owner.of(core, "admin")
        secret = (await owner.key("users.read")).secret
        other = str((await core.user()).user.user_id)

        assert await core.users.ListUsers(LIST, metadata=presenting(secret))
        answer = await refused(
            core.users.DisableUser(
                users_pb2.DisableUserRequest(user_id=other), metadata=presenting(secret)
            )
        )

        assert answer.reason in {"PERMISSION_DENIED", "CREDENTIAL_KIND_REFUSED"}

    async def test_a_key_without_scopes_allows_nothing_that_takes_a_permission(self, core):
        owner = await Owner.of(core, "admin")
        secret = (await owner.key()).secret

        answer = await refused(core.users.ListUsers(LIST, metadata=presenting(secret)))

        assert answer.reason == "PERMISSION_DENIED"

    @pytest.mark.parametrize(
        ("stub", "rpc", "request_"),
        [
            ("auth", "SignOut", auth_pb2.SignOutRequest()),
            ("auth", "ListSessions", auth_pb2.ListSessionsRequest()),
            ("auth", "RevokeOtherSessions", auth_pb2.RevokeOtherSessionsRequest()),
            ("auth", "Reauthenticate", auth_pb2.ReauthenticateRequest(password=PASSWORD)),
            (
                "auth",
                "ChangePassword",
                auth_pb2.ChangePasswordRequest(
                    current_password=PASSWORD, new_password="a green door in winter"
                ),
            ),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    async def test_what_belongs_to_a_session_is_closed_to_keys(self, core, stub, rpc, request_):
        owner = await Owner.of(core, "admin")
        secret = (await owner.key("users.read", "users.update")).secret

        answer = await refused(
            getattr(getattr(core, stub), rpc)(request_, metadata=presenting(secret))
        )

        assert answer.reason == "CREDENTIAL_KIND_REFUSED"

    async def test_a_key_makes_lists_and_ends_no_keys(self, core):
        owner = await Owner.of(core, "admin")
        made = await owner.key("users.read")
        with_key = Owner(core, owner.user_id, owner.email, presenting(made.secret))

        for call in (
            with_key.key(),
            with_key.listed(),
            with_key.revoke(made.api_key.api_key_id),
        ):
            assert (await refused(call)).reason == "CREDENTIAL_KIND_REFUSED"

    async def test_a_fresh_proof_is_what_no_key_can_give(self, core):
        owner = await Owner.of(core, "admin")
        secret = (await owner.key("service_accounts.manage")).secret

        answer = await refused(Manager(core, presenting(secret)).account())

        assert answer.reason == "CREDENTIAL_KIND_REFUSED"

    async def test_a_key_is_no_cookie(self, core):
        secret = (await (await Owner.of(core)).key()).secret

        for cookie in (secret, f"lms_{secret}", secret.replace("lmk_", "lms_")):
            answer = await refused(core.users.GetUser(ME, metadata=(("limen-session", cookie),)))
            assert answer.reason == INVALID

    async def test_a_key_does_not_keep_anybody_from_what_is_public(self, core):
        owner = await Owner.of(core)
        secret = (await owner.key()).secret
        request = auth_pb2.SignInRequest(email=owner.email, password=PASSWORD)

        for shown in (secret, secret[:-1], "lmk_"):
            assert await core.auth.SignIn(request, metadata=presenting(shown))

    async def test_unknown_and_malformed_keys_are_refused_alike(self, core):
        unknown = secret_form.make(secret_form.API_KEY, bytes(32))
        known = (await (await Owner.of(core)).key()).secret

        for shown in (unknown, known[:-1], known + "x", known.upper(), "lmk_", f"{known} {known}"):
            assert (await refused(me(core, shown))).reason == INVALID

    async def test_a_typing_error_costs_no_query(self, core):
        secret = (await (await Owner.of(core)).key()).secret
        wrong = secret[:-1] + ("a" if secret[-1] != "a" else "b")
        taken = []
        engine = core.domain.database._engine.sync_engine

        def note(*_):
            taken.append(1)

        event.listen(engine, "checkout", note)
        try:
            assert (await refused(me(core, wrong))).reason == INVALID
        finally:
            event.remove(engine, "checkout", note)

        assert taken == []

    async def test_a_known_key_costs_no_query(self, core):
        secret = (await (await Owner.of(core)).key()).secret
        await me(core, secret)
        await core.domain.live_keys.flush()
        taken = []
        engine = core.domain.database._engine.sync_engine

        def note(*_):
            taken.append(1)

        event.listen(engine, "checkout", note)
        try:
            for _ in range(20):
                await me(core, secret)
        finally:
            event.remove(engine, "checkout", note)

        # What goes on in the background may take a connection or two.
        assert len(taken) < 10


class TestEnding:
    async def test_a_revoked_key_is_dead_in_the_next_call(self, core):
        owner = await Owner.of(core)
        made = await owner.key()
        await me(core, made.secret)

        await owner.revoke(made.api_key.api_key_id)

        assert (await refused(me(core, made.secret))).reason == INVALID
        assert not (await owner.listed()).api_keys

    async def test_and_in_another_process(self, core, database_url, valkey_url):
        owner = await Owner.of(core)
        made = await owner.key()
        async with run(core_settings(database_url, valkey_url)) as other:
            await me(other, made.secret)

            await owner.revoke(made.api_key.api_key_id)

            async def is_dead():
                answers = await asyncio.gather(me(other, made.secret), return_exceptions=True)
                return isinstance(answers[0], grpc.aio.AioRpcError)

            assert await soon(is_dead)
            assert (await refused(me(other, made.secret))).reason == INVALID

    async def test_a_key_is_ended_once(self, core):
        owner = await Owner.of(core)
        made = await owner.key()

        answers = await asyncio.gather(
            *(owner.revoke(made.api_key.api_key_id) for _ in range(50)), return_exceptions=True
        )

        assert answers.count(None) == 1
        assert (await refused(owner.revoke(made.api_key.api_key_id))).reason == "NOT_FOUND"

    async def test_keys_of_others_and_of_nobody_are_not_found(self, core):
        owner, other = await Owner.of(core), await Owner.of(core, "admin")
        made = await owner.key()

        for api_key_id in (made.api_key.api_key_id, str(uuid4())):
            assert (await refused(other.revoke(api_key_id))).reason == "NOT_FOUND"

        assert await me(core, made.secret)

    async def test_an_expired_key_is_dead(self, core):
        owner = await Owner.of(core)
        secret = (await owner.key()).secret
        await me(core, secret)

        core.clock.forward(days=90, seconds=1)

        assert (await refused(me(core, secret))).reason == INVALID

    async def test_whoever_loses_a_role_takes_it_from_their_keys(self, core):
        manager, owner = await Manager.of(core), await Owner.of(core, "support")
        secret = (await owner.key("users.read")).secret
        assert await core.users.ListUsers(LIST, metadata=presenting(secret))

        role = {"user_id": owner.user_id, "role": "support"}
        await core.users.RevokeRole(users_pb2.RevokeRoleRequest(**role), metadata=manager.metadata)

        answer = await refused(core.users.ListUsers(LIST, metadata=presenting(secret)))
        assert answer.reason == "PERMISSION_DENIED"
        assert await me(core, secret)
        await core.users.GrantRole(users_pb2.GrantRoleRequest(**role), metadata=manager.metadata)
        assert await core.users.ListUsers(LIST, metadata=presenting(secret))

    async def test_whoever_gains_a_role_gives_their_keys_nothing(self, core):
        manager, owner = await Manager.of(core), await Owner.of(core, "auditor")
        secret = (await owner.key("audit.read")).secret

        role = users_pb2.GrantRoleRequest(user_id=owner.user_id, role="admin")
        await core.users.GrantRole(role, metadata=manager.metadata)

        answer = await refused(core.users.ListUsers(LIST, metadata=presenting(secret)))
        assert answer.reason == "PERMISSION_DENIED"

    async def test_the_keys_of_a_closed_account_are_dead_until_it_is_opened(self, core):
        manager, owner = await Manager.of(core), await Owner.of(core)
        made = await owner.key()
        await me(core, made.secret)

        await manager.disable(owner.user_id)
        assert (await refused(me(core, made.secret))).reason == INVALID
        told = await core.sql(
            "SELECT 1 FROM auth.revocations WHERE session_id = :id", id=made.api_key.api_key_id
        )
        await manager.enable(owner.user_id)

        assert await me(core, made.secret)
        assert len(told) == 1

    async def test_an_ended_key_is_told_to_those_who_verify_by_themselves(self, core):
        owner = await Owner.of(core)
        made = await owner.key()

        await owner.revoke(made.api_key.api_key_id)

        assert await core.sql(
            "SELECT 1 FROM auth.revocations WHERE session_id = :id", id=made.api_key.api_key_id
        )

    async def test_keys_are_swept_a_month_after_their_end(self, core):
        owner = await Owner.of(core)
        kept, ended = await owner.key(), await owner.key()
        await owner.revoke(ended.api_key.api_key_id)

        async def left(days):
            async with core.domain.database.transaction() as tx:
                for sweep in sweeps():
                    now = core.clock.now() + timedelta(days=days)
                    await tx.execute(sweep.statement(now, 1000))
            rows = await core.sql(
                "SELECT api_key_id::text FROM apikeys.keys WHERE user_id = :id", id=owner.user_id
            )
            return {row[0] for row in rows}

        assert await left(29) == {kept.api_key.api_key_id, ended.api_key.api_key_id}
        assert await left(31) == {kept.api_key.api_key_id}
        assert await left(121) == set()


class TestIntrospection:
    async def test_owners_learn_what_their_key_amounts_to_now(self, core):
        owner = await Owner.of(core, "support")
        made = await owner.key("users.read", "roles.read")

        found = await introspected(core, made.secret, owner.metadata)

        assert found.active
        assert found.sub == owner.user_id
        assert found.sid == made.api_key.api_key_id
        assert found.scope == "roles.read users.read"
        assert found.token_type == "ApiKey"
        assert found.exp == made.api_key.expire_time.seconds
        assert found.iat == made.api_key.create_time.seconds
        assert not found.HasField("jti")

    async def test_a_key_may_ask_about_itself(self, core):
        made = await (await Owner.of(core)).key()

        assert (await introspected(core, made.secret, presenting(made.secret))).active

    async def test_services_learn_it_and_others_do_not(self, core):
        made = await (await Owner.of(core)).key()
        service, stranger = await core.bearer("service"), await core.bearer()

        assert (await introspected(core, made.secret, service)).active
        assert not (await introspected(core, made.secret, stranger)).active

    async def test_what_is_dead_is_inactive_and_nothing_more(self, core):
        owner = await Owner.of(core)
        made = await owner.key()
        await owner.revoke(made.api_key.api_key_id)

        for token in (made.secret, "lmk_x", made.secret[:-1]):
            found = await introspected(core, token, owner.metadata)
            assert found == auth_pb2.IntrospectTokenResponse(active=False)

    async def test_the_scope_shrinks_with_its_owner(self, core):
        manager, owner = await Manager.of(core), await Owner.of(core, "support", "auditor")
        made = await owner.key("users.read", "audit.read")

        role = users_pb2.RevokeRoleRequest(user_id=owner.user_id, role="support")
        await core.users.RevokeRole(role, metadata=manager.metadata)

        assert (await introspected(core, made.secret, owner.metadata)).scope == "audit.read"

    async def test_a_key_that_services_ask_about_is_in_use(self, core):
        owner = await Owner.of(core)
        made = await owner.key()

        await introspected(core, made.secret, await core.bearer("service"))

        (key,) = (await owner.listed()).api_keys
        assert key.HasField("last_use_time")
        assert key.last_use_network == ""

    async def test_and_its_last_network_stays_as_it_was(self, core):
        owner = await Owner.of(core)
        made = await owner.key()

        await me(core, made.secret)
        await introspected(core, made.secret, await core.bearer("service"))
        core.clock.forward(minutes=2)
        await introspected(core, made.secret, owner.metadata)

        assert (await owner.listed()).api_keys[0].last_use_network == "127.0.0.1"

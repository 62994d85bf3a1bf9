"""Service accounts: made, given roles and tokens, and kept apart from people."""

import asyncio
import json
from base64 import urlsafe_b64decode
from uuid import uuid4

import grpc
import pytest

from limen.apikeys.v1 import apikeys_pb2
from limen.auth.v1 import auth_pb2
from limen.users.v1 import users_pb2
from server.apikeys import secret_form
from tests.server.apikeys.machines import ME, Manager, Owner, Program, presenting
from tests.server.running_core import PASSWORD, refused

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIST = users_pb2.ListUsersRequest(page_size=1)
INTROSPECT = auth_pb2.IntrospectTokenRequest(token="x")


def claims(token: str) -> dict:
    body = token.split(".")[1]
    return json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))


async def me(core, token):
    return (await core.users.GetUser(ME, metadata=presenting(token))).user


class TestKeeping:
    async def test_a_service_account_is_a_user_without_an_address(self, core):
        manager = await Manager.of(core)
        program = await manager.account(name="  Büro-Bot 🤖 ")

        request = users_pb2.GetUserRequest(user_id=program.client_id)
        user = (await core.users.GetUser(request, metadata=manager.metadata)).user

        assert user.kind == users_pb2.USER_KIND_SERVICE
        assert user.display_name == "Büro-Bot 🤖"
        assert (user.email, list(user.roles)) == ("", [])

    async def test_the_secret_is_shown_once_and_kept_as_a_hash_alone(self, core):
        program = await (await Manager.of(core)).account()

        rows = await core.sql("SELECT * FROM apikeys.client_secrets")

        assert secret_form.is_well_formed(secret_form.CLIENT_SECRET, program.secret)
        assert program.secret not in str(rows)

    async def test_pages_hold_every_account_once_the_oldest_first(self, core):
        manager = await Manager.of(core)
        made = [(await manager.account()).client_id for _ in range(5)]

        seen, token = [], ""
        while True:
            page = await manager.accounts.ListServiceAccounts(
                apikeys_pb2.ListServiceAccountsRequest(page_size=2, page_token=token),
                metadata=manager.metadata,
            )
            seen += [each.service_account_id for each in page.service_accounts]
            token = page.next_page_token
            if not token:
                break

        assert len(seen) == len(set(seen))
        assert seen[-5:] == made

    async def test_a_list_says_what_there_is_to_know(self, core):
        manager = await Manager.of(core)
        program = await manager.account("service", "auditor")
        await program.token()
        await manager.disable(program.client_id)

        page = await manager.accounts.ListServiceAccounts(
            apikeys_pb2.ListServiceAccountsRequest(page_size=200), metadata=manager.metadata
        )

        (shown,) = (x for x in page.service_accounts if x.service_account_id == program.client_id)
        assert list(shown.roles) == ["auditor", "service"]
        assert shown.disabled
        assert shown.HasField("last_use_time")
        assert not shown.certificate_thumbprints

    async def test_users_can_be_listed_by_kind(self, core):
        manager = await Manager.of(core)
        program = await manager.account()

        async def listed(text):
            request = users_pb2.ListUsersRequest(filter=text, page_size=200)
            answer = await core.users.ListUsers(request, metadata=manager.metadata)
            return {each.user_id: each.kind for each in answer.users}

        for text in ("kind = SERVICE", "kind = USER_KIND_SERVICE", "kind != PERSON"):
            found = await listed(text)
            assert program.client_id in found
            assert set(found.values()) == {users_pb2.USER_KIND_SERVICE}
        assert set((await listed("kind = PERSON")).values()) == {users_pb2.USER_KIND_PERSON}
        for text in ("kind = robot", "kind > PERSON", 'kind = "\'"'):
            request = users_pb2.ListUsersRequest(filter=text)
            answer = await refused(core.users.ListUsers(request, metadata=manager.metadata))
            assert set(answer.faults) == {"filter"}

    async def test_only_those_who_may_keep_them(self, core):
        stranger = await Manager.of(core, "support")

        assert (await refused(stranger.account())).reason == "PERMISSION_DENIED"

    async def test_a_person_is_no_service_account(self, core):
        manager, owner = await Manager.of(core), await Owner.of(core)
        person = Program(core, owner.user_id, "")

        for client_id in (owner.user_id, str(uuid4())):
            program = Program(core, client_id, "")
            assert (await refused(manager.rotate(program))).reason == "NOT_FOUND"
            assert (await refused(manager.unbind(program, "A" * 43))).reason == "NOT_FOUND"
        assert (await refused(person.token(secret="aPassword"))).reason == "SIGN_IN_FAILED"

    @pytest.mark.parametrize("name", ["", "  ", "x" * 101, "\u202e"])
    async def test_names_can_be_read(self, core, name):
        answer = await refused((await Manager.of(core)).account(name=name))

        assert set(answer.faults) == {"display_name"}


class TestTokens:
    async def test_a_token_says_whose_it_is_and_what_it_allows(self, core):
        manager = await Manager.of(core)
        program = await manager.account("service")

        issued = await program.token()

        said = claims(issued.access_token)
        assert issued.token_type == "Bearer"
        assert issued.scope == said["scope"] == "audit.write tokens.introspect"
        assert said["sub"] == said["client_id"] == program.client_id
        assert said["amr"] == ["pwd"]
        assert said["exp"] == issued.expire_time.seconds
        assert said["exp"] - said["iat"] == 600
        assert "cnf" not in said
        assert (await me(core, issued.access_token)).user_id == program.client_id
        assert await core.auth.IntrospectToken(INTROSPECT, metadata=presenting(issued.access_token))

    async def test_a_token_ends_with_its_life(self, core):
        program = await (await Manager.of(core)).account()
        token = (await program.token()).access_token
        await me(core, token)

        core.clock.forward(seconds=601)

        assert (await refused(me(core, token))).reason == "CREDENTIAL_INVALID"

    async def test_every_wrong_proof_is_the_same_answer(self, core):
        manager = await Manager.of(core)
        program = await manager.account()
        unknown = Program(core, str(uuid4()), program.secret)
        well_formed = secret_form.make(secret_form.CLIENT_SECRET, bytes(32))

        answers = [
            await refused(call)
            for call in (
                program.token(secret=well_formed),
                program.token(secret=program.secret[:-1]),
                program.token(secret="x"),
                program.token(secret=""),
                unknown.token(),
                unknown.token(secret=""),
            )
        ]

        assert {(each.code, each.reason, each.localized) for each in answers} == {
            (grpc.StatusCode.UNAUTHENTICATED, "SIGN_IN_FAILED", answers[0].localized)
        }

    async def test_each_attempt_leaves_one_event(self, core):
        program = await (await Manager.of(core)).account()
        await refused(program.token(secret="x"))
        await program.token()

        events = await core.events(action="auth.issue_token", subject_id=program.client_id)

        assert [each.outcome for each in events] == ["failure", "success"]
        assert program.secret not in str(events)

    async def test_failures_do_not_keep_a_program_from_its_work(self, core):
        program = await (await Manager.of(core)).account()
        for _ in range(60):
            await refused(program.token(secret="x"))

        assert await program.token()

    async def test_a_rotated_secret_stops_working_and_its_tokens_go_on(self, core):
        manager = await Manager.of(core)
        program = await manager.account()
        token, old = (await program.token()).access_token, program.secret

        program.secret = await manager.rotate(program)

        assert (await refused(program.token(secret=old))).reason == "SIGN_IN_FAILED"
        assert await program.token()
        assert await me(core, token)

    async def test_fifty_rotations_at_once_leave_one_secret(self, core):
        manager = await Manager.of(core)
        program = await manager.account()

        secrets = await asyncio.gather(*(manager.rotate(program) for _ in range(50)))

        answers = await asyncio.gather(
            *(program.token(secret=secret) for secret in secrets), return_exceptions=True
        )
        assert sum(not isinstance(each, BaseException) for each in answers) == 1

    async def test_a_closed_account_has_no_tokens_and_gets_none(self, core):
        manager = await Manager.of(core)
        program = await manager.account()
        token = (await program.token()).access_token
        await me(core, token)

        await manager.disable(program.client_id)

        assert (await refused(me(core, token))).reason == "CREDENTIAL_INVALID"
        assert (await refused(program.token())).reason == "ACCOUNT_DISABLED"
        assert (await refused(program.token(secret="x"))).reason == "SIGN_IN_FAILED"
        await manager.enable(program.client_id)
        assert (await refused(me(core, token))).reason == "CREDENTIAL_INVALID"
        assert await program.token()

    async def test_roles_change_what_a_token_allows_at_once(self, core):
        manager = await Manager.of(core)
        program = await manager.account("support")
        metadata = await program.metadata()
        assert await core.users.ListUsers(LIST, metadata=metadata)

        role = users_pb2.RevokeRoleRequest(user_id=program.client_id, role="support")
        await core.users.RevokeRole(role, metadata=manager.metadata)

        answer = await refused(core.users.ListUsers(LIST, metadata=metadata))
        assert answer.reason == "PERMISSION_DENIED"

    async def test_a_token_can_be_handed_back(self, core):
        metadata = await (await (await Manager.of(core)).account()).metadata()

        await core.auth.SignOut(auth_pb2.SignOutRequest(), metadata=metadata)

        assert (await refused(core.users.GetUser(ME, metadata=metadata))).reason == (
            "CREDENTIAL_INVALID"
        )

    async def test_introspection_names_the_program(self, core):
        program = await (await Manager.of(core)).account()
        token = (await program.token()).access_token

        found = await core.auth.IntrospectToken(
            auth_pb2.IntrospectTokenRequest(token=token), metadata=presenting(token)
        )

        assert (found.client_id, found.token_type) == (program.client_id, "Bearer")
        assert not found.HasField("cnf")


class TestPower:
    async def test_managing_accounts_is_no_way_to_more(self, core):
        admin = await Manager.of(core)
        account = await core.user()
        await core.sql(
            """
            INSERT INTO users.roles VALUES
                ('keeper', '', '{service_accounts.manage,service_accounts.read}', now(), now())
            ON CONFLICT DO NOTHING
            """
        )
        program = Program(core, str(account.user.user_id), "")
        await admin.grant(program, "keeper")
        signed_in = await core.sign_in(account.user.email)
        keeper = Manager(core, presenting(signed_in.tokens.access_token))
        own, powerful = await keeper.account(), await admin.account("auditor")

        assert await keeper.rotate(own)
        answer = await refused(keeper.rotate(powerful))

        assert (answer.reason, answer.metadata["permission"]) == ("PERMISSION_DENIED", "audit.read")
        assert await powerful.token()
        denied = await core.events(
            action="service_accounts.rotate_secret", subject_id=powerful.client_id
        )
        assert [each.outcome for each in denied] == ["denied"]

    async def test_a_service_account_makes_no_api_keys(self, core):
        metadata = await (await (await Manager.of(core)).account("support")).metadata()

        answer = await refused(Owner(core, "", "", metadata).key("users.read"))

        assert answer.reason == "CREDENTIAL_KIND_REFUSED"

    async def test_a_service_account_does_not_count_as_an_administrator(self, core):
        manager = await Manager.of(core)
        program = await manager.account("admin")
        async with core.domain.database.transaction() as tx:
            from server.users import repository

            holders = await repository.lock_holders(tx, "admin")

        assert program.client_id not in {str(each) for each in holders}
        await manager.disable(program.client_id)


class TestNoAddress:
    async def test_nobody_signs_in_as_a_program(self, core):
        program = await (await Manager.of(core)).account()

        for email in (f"service:{program.client_id}", "", f"service:{program.client_id}@x.org"):
            for password in (PASSWORD, program.secret):
                answer = await refused(core.sign_in(email, password))
                assert answer.reason in {"INVALID_REQUEST", "SIGN_IN_FAILED"}

    async def test_it_is_given_no_address(self, core):
        manager = await Manager.of(core)
        program = await manager.account()

        for fields in ({"email": core.fresh_email()}, {"email_verified": True}):
            user = users_pb2.User(user_id=program.client_id, **fields)
            answer = await refused(
                core.users.UpdateUser(
                    users_pb2.UpdateUserRequest(user=user), metadata=manager.metadata
                )
            )
            assert answer.code is grpc.StatusCode.INVALID_ARGUMENT

    async def test_nor_does_it_give_itself_one(self, core):
        metadata = await (await (await Manager.of(core)).account()).metadata()
        user = users_pb2.User(user_id="me", email=core.fresh_email())

        answer = await refused(
            core.users.UpdateUser(users_pb2.UpdateUserRequest(user=user), metadata=metadata)
        )

        assert answer.code is grpc.StatusCode.INVALID_ARGUMENT

    async def test_it_can_be_renamed_and_unlocked(self, core):
        manager = await Manager.of(core)
        program = await manager.account()
        user = users_pb2.User(user_id=program.client_id, display_name="Another")

        renamed = await core.users.UpdateUser(
            users_pb2.UpdateUserRequest(user=user), metadata=manager.metadata
        )
        await core.users.UnlockUser(
            users_pb2.UnlockUserRequest(user_id=program.client_id), metadata=manager.metadata
        )

        assert renamed.user.display_name == "Another"

    async def test_it_has_no_password_to_show_or_change(self, core):
        metadata = await (await (await Manager.of(core)).account()).metadata()

        for call in (
            core.auth.Reauthenticate(
                auth_pb2.ReauthenticateRequest(password=PASSWORD), metadata=metadata
            ),
            core.auth.ChangePassword(
                auth_pb2.ChangePasswordRequest(
                    current_password=PASSWORD, new_password="a green door in winter"
                ),
                metadata=metadata,
            ),
        ):
            assert (await refused(call)).reason == "CREDENTIAL_KIND_REFUSED"

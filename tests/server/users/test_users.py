"""Accounts: reading, listing, creating, changing, closing, roles."""

import asyncio
from uuid import uuid4

import grpc
import pytest
import pytest_asyncio
from google.protobuf.field_mask_pb2 import FieldMask

from limen.auth.v1 import auth_pb2
from limen.users.v1 import users_pb2
from tests.server.running_core import PASSWORD, bearer, refused

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def admin(core):
    return await core.bearer("admin")


async def get(core, user_id, metadata):
    request = users_pb2.GetUserRequest(user_id=str(user_id))
    return (await core.users.GetUser(request, metadata=metadata)).user


async def create(core, metadata, **fields):
    request = users_pb2.CreateUserRequest(**fields)
    return (await core.users.CreateUser(request, metadata=metadata)).user


async def update(core, metadata, user, *mask):
    request = users_pb2.UpdateUserRequest(user=user, update_mask=FieldMask(paths=mask))
    return (await core.users.UpdateUser(request, metadata=metadata)).user


async def listed(core, metadata, **fields):
    request = users_pb2.ListUsersRequest(**fields)
    return await core.users.ListUsers(request, metadata=metadata)


class TestReading:
    async def test_users_see_themselves_by_me_and_by_id(self, core):
        account = await core.user()
        here = bearer(await core.sign_in(account.user.email))

        assert await get(core, "me", here) == await get(core, account.user.user_id, here)
        upper = str(account.user.user_id).upper()
        assert (await get(core, upper, here)).email == account.user.email

    async def test_others_are_not_told_whether_an_id_exists(self, core):
        somebody = await core.user()
        here = await core.bearer()

        answers = [
            await refused(get(core, user_id, here)) for user_id in (somebody.user.user_id, uuid4())
        ]

        assert {answer.code for answer in answers} == {grpc.StatusCode.PERMISSION_DENIED}
        assert {answer.metadata["permission"] for answer in answers} == {"users.read"}

    async def test_nobody_sees_anything_without_a_credential(self, core):
        answer = await refused(get(core, "me", ()))

        assert answer.reason == "UNAUTHENTICATED"

    async def test_an_unknown_id_is_not_found(self, core, admin):
        answer = await refused(get(core, uuid4(), admin))

        assert (answer.reason, answer.metadata) == ("NOT_FOUND", {"resource": "user"})


class TestListing:
    async def test_pages_follow_each_other_without_gap_or_repetition(self, core, admin):
        made = {str((await core.user()).user.user_id) for _ in range(7)}
        found, token = [], ""
        while True:
            page = await listed(core, admin, page_size=3, page_token=token)
            found += [user.user_id for user in page.users]
            token = page.next_page_token
            if not token:
                break

        assert len(found) == len(set(found))
        assert made <= set(found)
        assert found == sorted(found)

    async def test_filters_narrow_the_list(self, core, admin):
        account = await core.user("auditor", email=f"zoe.{uuid4().hex}@example.com")
        filters = [
            f'email = "{account.user.email.upper()}"',
            f'email = "{account.user.email[:20]}*" AND state = ACTIVE',
            f'role = auditor AND email = "{account.user.email}"',
            f'email_verified = true AND email="{account.user.email}"',
            f'create_time >= "2020-01-01T00:00:00Z" AND email = "{account.user.email}"',
        ]
        for text in filters:
            users = (await listed(core, admin, filter=text)).users
            assert [user.user_id for user in users] == [str(account.user.user_id)], text

    @pytest.mark.parametrize(
        ("text", "rule"),
        [
            ("email", "filter.syntax"),
            ("email =", "filter.syntax"),
            ("email = a OR email = b", "filter.syntax"),
            ("(email = a)", "filter.syntax"),
            ('email = "a', "filter.syntax"),
            ("state < ACTIVE", "filter.syntax"),
            ("password = x", "filter.unknown_field"),
            ("state = GONE", "filter.value"),
            ("email_verified = maybe", "filter.value"),
            ("create_time > yesterday", "filter.value"),
            ('create_time > "0001-01-01T00:00:00+23:00"', "filter.value"),
            (" AND ".join(["state = ACTIVE"] * 21), "filter.syntax"),
        ],
    )
    async def test_a_filter_that_cannot_be_read_is_named(self, core, admin, text, rule):
        answer = await refused(listed(core, admin, filter=text))

        assert answer.faults == {"filter": rule}

    @pytest.mark.parametrize("text", ["' OR 1=1 --", "a%", "a_b", "\\", "é", "😀", '"; DROP'])
    async def test_no_value_reaches_sql_as_anything_but_a_value(self, core, admin, text):
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')

        for pattern in (quoted, f"{quoted}*"):
            assert not (await listed(core, admin, filter=f'email = "{pattern}"')).users

    async def test_a_page_token_belongs_to_its_filter(self, core, admin):
        [await core.user() for _ in range(2)]
        token = (await listed(core, admin, page_size=1)).next_page_token

        answer = await refused(
            listed(core, admin, page_size=1, page_token=token, filter="state = ACTIVE")
        )

        assert answer.reason == "PAGE_TOKEN_INVALID"

    @pytest.mark.parametrize("token", ["x", "AAAA", "A" * 512, "-._"])
    async def test_a_made_up_page_token_is_refused(self, core, admin, token):
        answer = await refused(listed(core, admin, page_token=token))

        assert answer.faults == {"page_token": "page_token.invalid"}


class TestCreating:
    async def test_a_confirmed_account_can_sign_in_at_once(self, core, admin):
        email = core.fresh_email()

        made = await create(core, admin, email=email, password=PASSWORD, email_verified=True)

        assert (await core.sign_in(email)).user.user_id == made.user_id

    async def test_an_unconfirmed_one_is_mailed_a_link(self, core, admin):
        email = core.fresh_email()

        await create(core, admin, email=email, password=PASSWORD)

        assert (await refused(core.sign_in(email))).reason == "EMAIL_NOT_VERIFIED"
        assert await core.mailed_token(email)

    async def test_an_address_is_taken_once_whatever_its_case(self, core, admin):
        email = core.fresh_email()
        await create(core, admin, email=email)

        answer = await refused(create(core, admin, email=email.upper()))

        assert answer.reason == "ALREADY_EXISTS"
        assert answer.faults == {"email": "user.email.taken"}

    async def test_one_of_fifty_parallel_creations_wins(self, core, admin):
        email = core.fresh_email()

        results = await asyncio.gather(
            *(create(core, admin, email=email) for _ in range(50)), return_exceptions=True
        )

        assert sum(not isinstance(result, Exception) for result in results) == 1


class TestChanging:
    async def test_users_rename_themselves(self, core):
        account = await core.user()
        here = bearer(await core.sign_in(account.user.email))

        changed = await update(
            core, here, users_pb2.User(user_id="me", display_name="Grace"), "display_name"
        )

        assert changed.display_name == "Grace"
        assert (await get(core, "me", here)).display_name == "Grace"

    async def test_only_the_named_fields_change(self, core):
        here = await core.bearer()
        given = users_pb2.User(user_id="me", display_name="Grace", locale="de")

        changed = await update(core, here, given, "locale")

        assert (changed.display_name, changed.locale) == ("Ada", "de")

    async def test_users_cannot_confirm_their_own_address(self, core):
        here = await core.bearer()
        given = users_pb2.User(user_id="me", email_verified=True)

        answer = await refused(update(core, here, given, "email_verified"))

        assert answer.reason == "PERMISSION_DENIED"

    async def test_a_new_address_has_to_be_confirmed_again(self, core, admin):
        account = await core.user()
        given = users_pb2.User(user_id=str(account.user.user_id), email=core.fresh_email())

        changed = await update(core, admin, given, "email")

        assert (changed.email, changed.email_verified) == (given.email, False)

    async def test_links_mailed_to_the_old_address_die_with_it(self, core, admin):
        email = core.fresh_email()
        made = await create(core, admin, email=email, password=PASSWORD)
        old_link = await core.mailed_token(email)
        given = users_pb2.User(user_id=made.user_id, email=core.fresh_email())

        await update(core, admin, given, "email")

        used = core.auth.VerifyEmail(auth_pb2.VerifyEmailRequest(token=old_link))
        assert (await refused(used)).reason == "TOKEN_INVALID"
        new_link = await core.mailed_token(given.email)
        await core.auth.VerifyEmail(auth_pb2.VerifyEmailRequest(token=new_link))
        assert (await get(core, made.user_id, admin)).email_verified

    async def test_one_address_given_to_many_at_once_goes_to_one(self, core, admin):
        email = core.fresh_email()
        accounts = [(await core.user()).user for _ in range(10)]
        moves = (
            update(core, admin, users_pb2.User(user_id=str(each.user_id), email=email), "email")
            for each in accounts
        )

        results = await asyncio.gather(*moves, return_exceptions=True)

        lost = [each.code() for each in results if isinstance(each, grpc.aio.AioRpcError)]
        assert lost == [grpc.StatusCode.ALREADY_EXISTS] * 9

    async def test_a_taken_address_is_refused(self, core, admin):
        one, other = [(await core.user()).user for _ in range(2)]
        given = users_pb2.User(user_id=str(one.user_id), email=other.email.upper())

        assert (await refused(update(core, admin, given, "email"))).reason == "ALREADY_EXISTS"

    async def test_of_two_changes_with_one_etag_one_wins(self, core):
        account = await core.user()
        here = bearer(await core.sign_in(account.user.email))
        etag = (await get(core, "me", here)).etag
        changes = (
            update(core, here, users_pb2.User(user_id="me", display_name=name, etag=etag))
            for name in ("One", "Two")
        )

        results = await asyncio.gather(*changes, return_exceptions=True)

        lost = [result for result in results if isinstance(result, grpc.aio.AioRpcError)]
        assert len(lost) == 1
        assert lost[0].code() is grpc.StatusCode.ABORTED

    @pytest.mark.parametrize(
        ("path", "rule"),
        [
            ("state", "mask.immutable"),
            ("roles", "mask.immutable"),
            ("create_time", "mask.immutable"),
            ("nothing", "mask.unknown"),
            ("user.email", "mask.unknown"),
        ],
    )
    async def test_a_mask_that_names_something_else_is_refused(self, core, admin, path, rule):
        account = await core.user()
        given = users_pb2.User(user_id=str(account.user.user_id))

        assert (await refused(update(core, admin, given, path))).faults == {"update_mask": rule}


class TestClosing:
    async def test_disabling_ends_every_session_for_good(self, core, admin):
        account = await core.user()
        here = bearer(await core.sign_in(account.user.email))
        user_id = str(account.user.user_id)

        closed = await core.users.DisableUser(
            users_pb2.DisableUserRequest(user_id=user_id), metadata=admin
        )
        after = await refused(get(core, "me", here))
        await core.users.EnableUser(users_pb2.EnableUserRequest(user_id=user_id), metadata=admin)

        assert closed.user.state == users_pb2.USER_STATE_DISABLED
        assert after.reason == "CREDENTIAL_INVALID"
        assert (await refused(get(core, "me", here))).reason == "CREDENTIAL_INVALID"
        assert await core.sign_in(account.user.email)

    async def test_disabling_twice_changes_nothing(self, core, admin):
        request = users_pb2.DisableUserRequest(user_id=str((await core.user()).user.user_id))

        first, second = [
            (await core.users.DisableUser(request, metadata=admin)).user for _ in range(2)
        ]

        assert first == second


class TestRoles:
    async def change_role(self, core, call, metadata, user_id, role):
        kind = {"GrantRole": users_pb2.GrantRoleRequest, "RevokeRole": users_pb2.RevokeRoleRequest}
        request = kind[call](user_id=str(user_id), role=role)
        return (await getattr(core.users, call)(request, metadata=metadata)).user

    async def test_a_role_counts_from_the_next_call_on(self, core, admin):
        account = await core.user()
        here = bearer(await core.sign_in(account.user.email))
        await refused(listed(core, here))

        await self.change_role(core, "GrantRole", admin, account.user.user_id, "support")
        assert (await listed(core, here)).users

        await self.change_role(core, "RevokeRole", admin, account.user.user_id, "support")
        assert (await refused(listed(core, here))).reason == "PERMISSION_DENIED"

    async def test_nobody_gives_what_they_do_not_hold(self, core):
        here = await core.bearer("support")
        somebody = (await core.user()).user.user_id

        answer = await refused(self.change_role(core, "GrantRole", here, somebody, "admin"))

        assert answer.reason == "PERMISSION_DENIED"

    async def test_an_unknown_role_is_not_found(self, core, admin):
        somebody = (await core.user()).user.user_id

        answer = await refused(self.change_role(core, "GrantRole", admin, somebody, "emperor"))

        assert answer.metadata == {"resource": "role"}

    async def test_the_last_administrator_stays(self, core):
        await core.sql("DELETE FROM users.role_grants WHERE role = 'admin'")
        one, other = [await core.user("admin") for _ in range(2)]
        here = bearer(await core.sign_in(one.user.email))
        there = bearer(await core.sign_in(other.user.email))

        results = await asyncio.gather(
            self.change_role(core, "RevokeRole", here, other.user.user_id, "admin"),
            self.change_role(core, "RevokeRole", there, one.user.user_id, "admin"),
            return_exceptions=True,
        )

        holders = await core.sql("SELECT 1 FROM users.role_grants WHERE role = 'admin'")
        assert len(holders) == 1
        assert sum(isinstance(result, grpc.aio.AioRpcError) for result in results) == 1

    async def test_the_last_administrator_cannot_be_disabled(self, core):
        await core.sql("DELETE FROM users.role_grants WHERE role = 'admin'")
        last = await core.user("admin")
        here = bearer(await core.sign_in(last.user.email))
        request = users_pb2.DisableUserRequest(user_id=str(last.user.user_id))

        answer = await refused(core.users.DisableUser(request, metadata=here))

        assert answer.reason == "LAST_ADMINISTRATOR"

    async def test_roles_are_listed_with_their_permissions(self, core, admin):
        roles = (await core.users.ListRoles(users_pb2.ListRolesRequest(), metadata=admin)).roles

        assert [role.name for role in roles] == ["admin", "auditor", "service", "support"]
        assert "audit.read" in next(role for role in roles if role.name == "auditor").permissions


class TestEvents:
    async def test_every_change_leaves_exactly_one_event(self, core, admin):
        user_id = str((await core.user()).user.user_id)
        users = core.users
        calls = {
            "users.update": (
                users.UpdateUser,
                users_pb2.UpdateUserRequest(user=users_pb2.User(user_id=user_id, display_name="X")),
            ),
            "users.disable": (users.DisableUser, users_pb2.DisableUserRequest(user_id=user_id)),
            "users.enable": (users.EnableUser, users_pb2.EnableUserRequest(user_id=user_id)),
            "users.unlock": (users.UnlockUser, users_pb2.UnlockUserRequest(user_id=user_id)),
            "users.grant_role": (
                users.GrantRole,
                users_pb2.GrantRoleRequest(user_id=user_id, role="auditor"),
            ),
            "users.revoke_role": (
                users.RevokeRole,
                users_pb2.RevokeRoleRequest(user_id=user_id, role="auditor"),
            ),
        }
        for action, (call, request) in calls.items():
            before = await core.event_count()
            await call(request, metadata=admin)
            assert await core.event_count() == before + 1
            newest = (await core.events(subject_id=user_id))[-1]
            assert (newest.action, newest.outcome) == (action, "success")

    async def test_what_was_not_allowed_is_an_event_too(self, core):
        account = await core.user()
        here = bearer(await core.sign_in(account.user.email))
        request = users_pb2.DisableUserRequest(user_id=str(account.user.user_id))

        await refused(core.users.DisableUser(request, metadata=here))

        denied = (await core.events(actor_id=str(account.user.user_id)))[-1]
        assert (denied.action, denied.outcome) == ("users.disable", "denied")

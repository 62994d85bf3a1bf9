"""Who is calling, and may they: whatever is presented, and however it is presented."""

import grpc
import pytest
import pytest_asyncio

from limen.auth.v1 import auth_pb2
from limen.users.v1 import users_pb2
from tests.server.running_core import PASSWORD, bearer, refused
from tests.server.shared_core import core, shared_core

__all__ = ["core", "shared_core"]

pytestmark = pytest.mark.asyncio(loop_scope="module")

ME = users_pb2.GetUserRequest(user_id="me")
JWKS = auth_pb2.GetJwksRequest()


class Caller:
    """Somebody with a session of each kind."""

    def __init__(self, account, token, cookie) -> None:
        self.email = account.user.email
        self.user_id = str(account.user.user_id)
        self.token = ("authorization", f"Bearer {token}")
        self.raw_token = token
        self.cookie = ("limen-session", cookie)


@pytest_asyncio.fixture(loop_scope="module")
async def caller(core):
    account = await core.user()
    tokens = (await core.sign_in(account.user.email)).tokens
    by_cookie = core.auth.SignIn(
        auth_pb2.SignInRequest(
            email=account.user.email,
            password=PASSWORD,
            delivery=auth_pb2.CREDENTIAL_DELIVERY_COOKIE,
        )
    )
    cookie = dict(await by_cookie.trailing_metadata())["limen-session-credential"]
    return Caller(account, tokens.access_token, cookie)


async def reason_of(core, *metadata):
    return (await refused(core.users.GetUser(ME, metadata=metadata))).reason


MALFORMED = [
    "",
    " ",
    "Bearer",
    "Bearer ",
    "Bearer    ",
    "bearer",
    "Bearer,",
    "Bearer x",
    "Bearer a.b",
    "Bearer a.b.c.d",
    "Bearer ....",
    "Bearer null",
    "Bearer undefined",
    "Bearer lmr_x",
    "Bearer lms_x",
    "Bearer " + "x" * 5000,
    "Bearer " + "." * 4000,
    "Basic YTpi",
    "Basic",
    "Token {}",
    "{}",
    "Bearer{}",
    "Bearer:{}",
    "Bearer {} {}",
    "Bearer {},{}",
    'Bearer "{}"',
    "Bearer {}.",
    "Bearer {}=",
    "Bearer Bearer {}",
]


async def test_a_malformed_header_is_a_credential_that_is_invalid(core, caller):
    for header in MALFORMED:
        stated = header.replace("{}", caller.raw_token)

        answer = await refused(core.users.GetUser(ME, metadata=(("authorization", stated),)))

        assert answer.code is grpc.StatusCode.UNAUTHENTICATED, header
        assert answer.reason == "CREDENTIAL_INVALID", header


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER ", "Bearer   "])
async def test_the_scheme_is_read_in_any_case(core, caller, scheme):
    metadata = (("authorization", f"{scheme}{caller.raw_token}"),)

    assert (await core.users.GetUser(ME, metadata=metadata)).user.user_id == caller.user_id


@pytest.mark.parametrize(
    "cookie", ["", " ", "lms_", "lms_x", "x", "lmr_x", "lms_" + "A" * 43, "lms_" + "A" * 4000]
)
async def test_a_malformed_cookie_is_one_that_is_invalid(core, cookie):
    assert await reason_of(core, ("limen-session", cookie)) == "CREDENTIAL_INVALID"


async def test_no_credential_at_all_is_told_apart(core):
    assert await reason_of(core) == "UNAUTHENTICATED"


class TestBoth:
    async def test_a_token_counts_before_a_cookie(self, core, caller):
        other = bearer(await core.sign_in((await core.user()).user.email))

        found = await core.users.GetUser(ME, metadata=(caller.cookie, *other))

        assert found.user.user_id != caller.user_id

    async def test_a_stale_cookie_does_not_harm_a_good_token(self, core, caller):
        stale = ("limen-session", "lms_" + "A" * 43)

        assert (await core.users.GetUser(ME, metadata=(stale, caller.token))).user

    async def test_a_bad_token_is_not_made_good_by_a_cookie(self, core, caller):
        for header in ("Bearer x", "Basic YTpi", ""):
            metadata = (("authorization", header), caller.cookie)
            assert await reason_of(core, *metadata) == "CREDENTIAL_INVALID"

    async def test_one_kind_cannot_be_presented_as_the_other(self, core, caller):
        swapped = ("authorization", f"Bearer {caller.cookie[1]}")
        assert await reason_of(core, swapped) == "CREDENTIAL_INVALID"
        assert await reason_of(core, ("limen-session", caller.raw_token)) == "CREDENTIAL_INVALID"


class TestPublic:
    @pytest.mark.parametrize("header", ["Bearer x", "Basic YTpi", "", "Bearer " + "x" * 5000])
    async def test_a_stale_token_keeps_nobody_from_signing_in(self, core, caller, header):
        metadata = (("authorization", header), ("limen-session", "lms_stale"))

        assert (await core.sign_in(caller.email, metadata=metadata)).tokens.access_token
        assert (await core.auth.GetJwks(JWKS, metadata=metadata)).keys

    async def test_one_whose_session_has_ended_does_neither(self, core, caller):
        await core.auth.SignOut(auth_pb2.SignOutRequest(), metadata=(caller.token,))

        assert await reason_of(core, caller.token) == "CREDENTIAL_INVALID"
        assert (await core.auth.GetJwks(JWKS, metadata=(caller.token,))).keys
        assert (await core.sign_in(caller.email, metadata=(caller.token,))).session


class TestPermissions:
    async def test_what_is_not_allowed_is_said_by_name(self, core, caller):
        request = users_pb2.ListUsersRequest()

        answer = await refused(core.users.ListUsers(request, metadata=(caller.token,)))

        assert answer.code is grpc.StatusCode.PERMISSION_DENIED
        assert answer.metadata == {"permission": "users.read"}

    @pytest.mark.parametrize("named", ["me", "upper", "lower"])
    async def test_callers_may_name_themselves(self, core, caller, named):
        user_id = {"me": "me", "upper": caller.user_id.upper(), "lower": caller.user_id}[named]
        request = users_pb2.GetUserRequest(user_id=user_id)

        assert (await core.users.GetUser(request, metadata=(caller.token,))).user.email

    @pytest.mark.parametrize("named", ["", "Me", "ME", "me ", "none", "{}x", "{{}}", "urn:uuid:{}"])
    async def test_nothing_else_counts_as_oneself(self, core, caller, named):
        request = users_pb2.GetUserRequest(user_id=named.replace("{}", caller.user_id))

        answer = await refused(core.users.GetUser(request, metadata=(caller.token,)))

        assert answer.reason == "PERMISSION_DENIED"

    async def test_strangers_learn_nothing_from_a_request_that_is_wrong(self, core, caller):
        request = users_pb2.GetUserRequest(user_id="not an id")

        assert (await refused(core.users.GetUser(request))).reason == "UNAUTHENTICATED"
        answer = await refused(core.users.GetUser(request, metadata=(caller.token,)))
        assert (answer.reason, answer.faults) == ("PERMISSION_DENIED", {})

    async def test_a_denied_change_is_on_record_and_a_denied_look_is_not(self, core, caller):
        change = users_pb2.DisableUserRequest(user_id=caller.user_id)
        before = await core.event_count()

        await refused(core.users.ListUsers(users_pb2.ListUsersRequest(), metadata=(caller.token,)))
        assert await core.event_count() == before
        await refused(core.users.DisableUser(change, metadata=(caller.token,)))
        assert await core.event_count() == before + 1

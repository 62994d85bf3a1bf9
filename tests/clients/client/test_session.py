"""Sign-in, and tokens that keep themselves alive."""

import asyncio
import gc

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from limen.audit.v1.audit_pb2 import WatchEventsRequest, WatchEventsResponse
from limen.auth.v1.auth_pb2 import (
    CREDENTIAL_DELIVERY_TOKENS,
    SECOND_FACTOR_TOTP,
    Challenge,
    ReauthenticateResponse,
    RefreshTokensResponse,
    Session,
    SignInResponse,
    SignOutRequest,
    Tokens,
    VerifySignInResponse,
)
from limen.client import (
    LimenError,
    SecondFactorRequired,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    connect,
)
from limen.users.v1.users_pb2 import CreateUserRequest, GetUserRequest, User

LIFE = 600.0
ME = GetUserRequest(user_id="me")
UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED


class Clock:
    def __init__(self):
        self.now = 1_800_000_000.0

    def __call__(self):
        return self.now


class Issuer:
    """Signs in, refreshes, and knows which access token is good: the newest, unless revoked."""

    def __init__(self, backend, refuse, clock):
        self.backend, self.refuse, self.clock = backend, refuse, clock
        self.issued = 0
        self.revoked = False
        backend.script("SignIn", self.sign_in)
        backend.script("RefreshTokens", self.refresh)
        backend.script("Reauthenticate", self.reauthenticate)
        for method in ("GetUser", "CreateUser", "SignOut"):
            backend.script(method, self.guarded)
        backend.script("WatchEvents", self.watch)

    def tokens(self):
        self.issued += 1
        self.revoked = False
        return Tokens(
            access_token=f"access-{self.issued}",
            refresh_token=f"refresh-{self.issued}",
            access_token_expire_time=Timestamp(seconds=int(self.clock.now + LIFE)),
        )

    async def sign_in(self, request, _context):
        assert request.delivery == CREDENTIAL_DELIVERY_TOKENS
        user, session = User(email=request.email), Session(session_id="s1")
        return SignInResponse(user=user, session=session, tokens=self.tokens())

    async def refresh(self, request, context):
        if request.refresh_token != f"refresh-{self.issued}":
            await self.refuse(UNAUTHENTICATED, "REFRESH_TOKEN_REUSED")(request, context)
        return RefreshTokensResponse(tokens=self.tokens())

    async def reauthenticate(self, request, context):
        await self.guarded(request, context)
        if request.password != "right":
            await self.refuse(UNAUTHENTICATED, "SIGN_IN_FAILED")(request, context)
        session = Session(session_id="s2")
        return ReauthenticateResponse(session=session, tokens=self.tokens())

    async def guarded(self, request, context):
        sent = dict(context.invocation_metadata()).get("authorization")
        if self.revoked or sent != f"Bearer access-{self.issued}":
            await self.refuse(UNAUTHENTICATED, "CREDENTIAL_INVALID")(request, context)

    async def watch(self, request, context):
        await self.guarded(request, context)
        yield WatchEventsResponse()

    @property
    def refreshes(self):
        return len(self.backend.calls_of("RefreshTokens"))


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def issuer(backend, refuse, clock):
    return Issuer(backend, refuse, clock)


@pytest.fixture
async def limen(backend, clock):
    async with connect(backend.address, clock=clock) as limen:
        yield limen


@pytest.fixture
async def ada(limen, issuer):
    assert issuer.issued == 0
    return await limen.sign_in("ada@example.org", "right")


def tokens_sent(backend, method):
    return [call.headers["authorization"] for call in backend.calls_of(method)]


async def test_signing_in_gives_a_client_with_the_users_token(ada, backend):
    assert (ada.user.email, ada.session.session_id) == ("ada@example.org", "s1")
    await ada.users.GetUser(ME)
    assert tokens_sent(backend, "GetUser") == ["Bearer access-1"]


async def test_two_users_do_not_share_a_token(limen, issuer, backend):
    backend.script("GetUser", None)
    first = await limen.sign_in("ada@example.org", "right")
    second = await limen.sign_in("bob@example.org", "right")
    for client in (first, second, first):
        await client.users.GetUser(ME)
    assert tokens_sent(backend, "GetUser") == [f"Bearer access-{n}" for n in (1, 2, 1)]
    assert issuer.refreshes == 0


async def test_signing_in_leaves_the_program_without_a_credential(limen, issuer, backend):
    await limen.sign_in("ada@example.org", "right")
    assert issuer.issued == 1
    backend.script("GetUser", None)
    await limen.users.GetUser(ME)
    assert "authorization" not in backend.calls_of("GetUser")[0].headers


async def test_a_refused_sign_in_raises(limen, issuer, backend, refuse):
    backend.script("SignIn", refuse(UNAUTHENTICATED, "SIGN_IN_FAILED"))
    with pytest.raises(Unauthenticated) as caught:
        await limen.sign_in("ada@example.org", "wrong")
    assert caught.value.reason == "SIGN_IN_FAILED"
    assert len(backend.calls) == 1
    assert issuer.issued == 0


async def test_a_challenge_is_answered_with_a_code(limen, issuer, backend):
    challenge = Challenge(challenge_token="open", factors=[SECOND_FACTOR_TOTP])

    async def ask(_request, _context):
        return SignInResponse(challenge=challenge)

    async def verify(request, _context):
        assert (request.challenge_token, request.totp_code) == ("open", "123456")
        return VerifySignInResponse(tokens=issuer.tokens())

    backend.script("SignIn", ask)
    backend.script("VerifySignIn", verify)

    with pytest.raises(SecondFactorRequired) as caught:
        await limen.sign_in("ada@example.org", "right")
    token = caught.value.challenge.challenge_token
    async with await limen.verify_sign_in(token, totp_code="123456") as ada:
        await ada.users.GetUser(ME)

    assert caught.value.challenge == challenge
    assert tokens_sent(backend, "GetUser")


async def test_a_token_is_renewed_shortly_before_it_expires(ada, issuer, clock, backend):
    clock.now += LIFE - 31
    await ada.users.GetUser(ME)
    assert issuer.refreshes == 0
    clock.now += 2
    await ada.users.GetUser(ME)
    await ada.users.GetUser(ME)
    assert issuer.refreshes == 1
    assert tokens_sent(backend, "GetUser")[1:] == ["Bearer access-2"] * 2
    assert "authorization" not in backend.calls_of("RefreshTokens")[0].headers


async def test_a_session_outlives_many_tokens(ada, issuer, clock):
    for _ in range(5):
        clock.now += LIFE
        await ada.users.GetUser(ME)
    assert issuer.refreshes == 5


async def test_fifty_calls_at_once_refresh_an_expiring_token_once(ada, issuer, clock, backend):
    clock.now += LIFE
    await asyncio.gather(*(ada.users.GetUser(ME) for _ in range(50)))
    assert issuer.refreshes == 1
    assert tokens_sent(backend, "GetUser") == ["Bearer access-2"] * 50


async def test_fifty_calls_at_once_replace_a_revoked_token_once(ada, issuer):
    issuer.revoked = True
    await asyncio.gather(*(ada.users.GetUser(ME) for _ in range(50)))
    assert issuer.refreshes == 1


async def test_a_late_refusal_of_a_replaced_token_costs_no_refresh(ada, backend, issuer):
    refused, renewed = asyncio.Event(), asyncio.Event()

    async def late(request, context):
        try:
            await issuer.guarded(request, context)
        except BaseException:
            refused.set()
            await renewed.wait()
            raise

    backend.script("CreateUser", late)
    issuer.revoked = True
    slow = asyncio.ensure_future(ada.users.CreateUser(CreateUserRequest()))
    await asyncio.wait_for(refused.wait(), 10)
    await ada.users.GetUser(ME)
    renewed.set()
    await slow
    assert tokens_sent(backend, "CreateUser") == ["Bearer access-1", "Bearer access-2"]
    assert issuer.refreshes == 1


async def test_a_refused_call_is_repeated_whatever_it_does(ada, issuer, backend):
    issuer.revoked = True
    await ada.users.CreateUser(CreateUserRequest())
    assert tokens_sent(backend, "CreateUser") == ["Bearer access-1", "Bearer access-2"]


async def test_a_stream_is_begun_again_with_a_new_token(ada, issuer, backend):
    issuer.revoked = True
    answers = [answer async for answer in ada.audit.WatchEvents(WatchEventsRequest())]
    assert len(answers) == 1
    assert tokens_sent(backend, "WatchEvents") == ["Bearer access-1", "Bearer access-2"]


async def test_a_call_is_repeated_once_and_no_more(ada, backend, issuer, refuse):
    backend.script("GetUser", refuse(UNAUTHENTICATED, "CREDENTIAL_INVALID"))
    with pytest.raises(Unauthenticated):
        await ada.users.GetUser(ME)
    assert (len(backend.calls_of("GetUser")), issuer.refreshes) == (2, 1)


@pytest.mark.parametrize("reason", ["PROOF_TOO_OLD", "UNAUTHENTICATED", "SIGN_IN_FAILED", ""])
async def test_other_refusals_do_not_touch_the_tokens(ada, backend, issuer, refuse, reason):
    backend.script("GetUser", refuse(UNAUTHENTICATED, reason))
    with pytest.raises(Unauthenticated):
        await ada.users.GetUser(ME)
    assert (len(backend.calls_of("GetUser")), issuer.refreshes) == (1, 0)


async def test_a_token_of_the_callers_own_is_left_alone(ada, backend, issuer):
    with pytest.raises(Unauthenticated):
        await ada.users.GetUser(ME, metadata=(("authorization", "Bearer other"),))
    assert tokens_sent(backend, "GetUser") == ["Bearer other"]
    assert issuer.refreshes == 0


async def test_a_session_that_limen_ended_stays_ended(ada, backend, issuer, refuse):
    issuer.revoked = True
    backend.script("RefreshTokens", refuse(UNAUTHENTICATED, "REFRESH_TOKEN_REUSED"))
    outcomes = await asyncio.gather(
        *(ada.users.GetUser(ME) for _ in range(10)), return_exceptions=True
    )
    assert {outcome.reason for outcome in outcomes} == {"REFRESH_TOKEN_REUSED"}
    before = len(backend.calls)
    with pytest.raises(Unauthenticated) as caught:
        await ada.users.GetUser(ME)
    assert caught.value.reason == "REFRESH_TOKEN_REUSED"
    assert (issuer.refreshes, len(backend.calls)) == (1, before)


async def test_a_living_token_is_used_while_limen_cannot_refresh(
    ada, backend, issuer, clock, refuse
):
    backend.script("RefreshTokens", refuse(grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE"))
    clock.now += LIFE - 10
    await ada.users.GetUser(ME)
    await ada.users.GetUser(ME)
    assert issuer.refreshes == 1  # and not once for every call
    backend.script("RefreshTokens", issuer.refresh)
    clock.now += 5
    await ada.users.GetUser(ME)
    assert tokens_sent(backend, "GetUser") == ["Bearer access-1"] * 2 + ["Bearer access-2"]


async def test_a_dead_token_is_not_sent_when_limen_cannot_refresh(
    ada, backend, issuer, clock, refuse
):
    limited = refuse(grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED")
    backend.script("RefreshTokens", limited)
    clock.now += LIFE
    with pytest.raises(TooManyRequests):
        await ada.users.GetUser(ME)
    assert not backend.calls_of("GetUser")
    backend.script("RefreshTokens", issuer.refresh)
    await ada.users.GetUser(ME)


async def test_limen_away_at_a_refused_token_says_so(ada, backend, issuer, refuse):
    issuer.revoked = True
    backend.script("RefreshTokens", refuse(grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE"))
    with pytest.raises(Unavailable):
        await ada.users.GetUser(ME)


async def test_a_fast_clock_does_not_mean_a_refresh_before_every_call(ada, issuer, clock):
    issuer.clock = Clock()
    clock.now += 10 * LIFE
    for _ in range(5):
        await ada.users.GetUser(ME)
    assert issuer.refreshes == 1
    issuer.revoked = True
    await ada.users.GetUser(ME)
    assert issuer.refreshes == 2


async def test_waiting_for_a_token_counts_towards_the_deadline(ada, backend, clock):
    async def never(_request, _context):
        await asyncio.Event().wait()

    backend.script("RefreshTokens", never)
    clock.now += LIFE
    with pytest.raises(LimenError) as caught:
        await ada.users.GetUser(ME, timeout=0.05)
    assert caught.value.code is grpc.StatusCode.DEADLINE_EXCEEDED
    assert not backend.calls_of("GetUser")


async def test_a_caller_who_gives_up_leaves_the_refresh_to_the_others(ada, backend, issuer, clock):
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(request, context):
        begun.set()
        await go_on.wait()
        return await issuer.refresh(request, context)

    backend.script("RefreshTokens", slow)
    clock.now += LIFE
    first = asyncio.ensure_future(ada.users.GetUser(ME))
    await asyncio.wait_for(begun.wait(), 10)
    second = asyncio.ensure_future(ada.users.GetUser(ME))
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    go_on.set()
    await second
    assert issuer.refreshes == 1


async def test_a_failed_refresh_that_nobody_waits_for_is_not_complained_about(
    ada, backend, clock, refuse, caplog
):
    begun, go_on, done = asyncio.Event(), asyncio.Event(), asyncio.Event()
    denied = refuse(UNAUTHENTICATED, "CREDENTIAL_INVALID")

    async def slow(request, context):
        context.add_done_callback(lambda _: done.set())
        begun.set()
        await go_on.wait()
        await denied(request, context)

    backend.script("RefreshTokens", slow)
    clock.now += LIFE
    call = asyncio.ensure_future(ada.users.GetUser(ME))
    await asyncio.wait_for(begun.wait(), 10)
    call.cancel()
    go_on.set()
    await asyncio.wait_for(done.wait(), 10)
    with pytest.raises(Unauthenticated):
        await ada.users.GetUser(ME)
    gc.collect()
    assert not [record for record in caplog.records if "never retrieved" in record.message]


async def test_reauthenticating_swaps_the_tokens(ada, backend):
    await ada.reauthenticate("right")
    assert ada.session.session_id == "s2"
    await ada.users.GetUser(ME)
    assert tokens_sent(backend, "GetUser") == ["Bearer access-2"]


async def test_reauthenticating_with_an_expired_token_renews_it_first(ada, issuer, clock):
    clock.now += LIFE
    await ada.reauthenticate("right")
    assert issuer.refreshes == 1
    await ada.users.GetUser(ME)


async def test_reauthenticating_with_a_revoked_token_renews_it_first(ada, issuer, backend):
    issuer.revoked = True
    await ada.reauthenticate("right")
    assert tokens_sent(backend, "Reauthenticate") == ["Bearer access-1", "Bearer access-2"]
    assert (ada.session.session_id, issuer.refreshes) == ("s2", 1)


async def test_a_wrong_password_leaves_the_session_as_it_was(ada, issuer):
    with pytest.raises(Unauthenticated) as caught:
        await ada.reauthenticate("wrong")
    assert caught.value.reason == "SIGN_IN_FAILED"
    await ada.users.GetUser(ME)
    assert (ada.session.session_id, issuer.refreshes) == ("s1", 0)


async def test_calls_refused_while_reauthenticating_wait_for_the_new_token(ada, backend, issuer):
    issued, answered = asyncio.Event(), asyncio.Event()

    async def slow(request, context):
        answer = await issuer.reauthenticate(request, context)
        issued.set()
        await answered.wait()
        return answer

    async def noting(request, context):
        try:
            await issuer.guarded(request, context)
        finally:
            answered.set()

    backend.script("Reauthenticate", slow)
    backend.script("GetUser", noting)
    proof = asyncio.ensure_future(ada.reauthenticate("right"))
    await asyncio.wait_for(issued.wait(), 10)
    await ada.users.GetUser(ME)  # with the old token, which stopped working a moment ago
    await proof
    assert tokens_sent(backend, "GetUser") == ["Bearer access-1", "Bearer access-2"]
    assert issuer.refreshes == 0


async def test_signing_out_ends_the_session_at_limen_and_here(ada, limen, backend):
    await ada.sign_out()
    assert tokens_sent(backend, "SignOut") == ["Bearer access-1"]
    with pytest.raises(Exception, match="closed"):
        await ada.users.GetUser(ME)
    await limen.auth.SignOut(SignOutRequest(), metadata=(("authorization", "Bearer access-1"),))


async def test_signing_out_and_leaving_the_block_are_not_too_much(limen, issuer):
    async with await limen.sign_in("ada@example.org", "right") as ada:
        issuer.revoked = True
        await ada.sign_out()
    assert issuer.refreshes == 1


async def test_what_cannot_be_signed_out_is_closed_all_the_same(ada, backend, refuse):
    backend.script("SignOut", refuse(grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE"))
    with pytest.raises(Unavailable):
        await ada.sign_out()
    with pytest.raises(Exception, match="closed"):
        await ada.users.GetUser(ME)


async def test_closing_abandons_a_refresh_under_way(ada, backend, clock):
    begun = asyncio.Event()

    async def never(_request, _context):
        begun.set()
        await asyncio.Event().wait()

    backend.script("RefreshTokens", never)
    clock.now += LIFE
    call = asyncio.ensure_future(ada.users.GetUser(ME))
    await asyncio.wait_for(begun.wait(), 10)
    await ada.close()
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_closing_limen_closes_its_users(backend, clock, issuer):
    async with connect(backend.address, clock=clock) as limen:
        ada = await limen.sign_in("ada@example.org", "right")
    assert issuer.issued == 1
    with pytest.raises(Exception, match="closed"):
        await ada.users.GetUser(ME)


async def test_users_share_one_connection(limen, issuer, backend):
    peers = set()

    async def note(_request, context):
        peers.add(context.peer())

    backend.script("GetUser", note)
    backend.script("GetJwks", note)
    for name in ("ada", "bob"):
        await (await limen.sign_in(f"{name}@example.org", "right")).users.GetUser(ME)
    assert (len(peers), issuer.issued) == (1, 2)

"""Living with sessions: renewing, listing, ending, introspection, keys."""

import asyncio
import base64
import hashlib
import hmac
import json
from uuid import uuid4

import grpc
import jwt
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from limen.auth.v1 import auth_pb2
from limen.users.v1 import users_pb2
from tests.server.running_core import bearer, core_settings, refused, running_core

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOBODY = "00000000-0000-7000-8000-000000000000"


async def me(core, metadata):
    return await core.users.GetUser(users_pb2.GetUserRequest(user_id="me"), metadata=metadata)


async def refresh(core, token):
    request = auth_pb2.RefreshTokensRequest(refresh_token=token)
    return (await core.auth.RefreshTokens(request)).tokens


async def signed_in(core, *roles):
    return await core.sign_in((await core.user(*roles)).user.email)


class TestRefresh:
    async def test_a_refresh_token_gives_a_new_pair(self, core):
        first = (await signed_in(core)).tokens

        second = await refresh(core, first.refresh_token)

        assert second.refresh_token != first.refresh_token
        assert second.access_token != first.access_token

    async def test_fifty_parallel_refreshes_leave_one_lineage(self, core):
        first = (await signed_in(core)).tokens

        pairs = await asyncio.gather(*(refresh(core, first.refresh_token) for _ in range(50)))

        assert len({pair.refresh_token for pair in pairs}) == 1
        assert await refresh(core, pairs[0].refresh_token)

    async def test_a_lost_answer_is_given_again_for_ten_seconds(self, core):
        first = (await signed_in(core)).tokens
        second = await refresh(core, first.refresh_token)

        core.clock.forward(seconds=9)

        assert (await refresh(core, first.refresh_token)).refresh_token == second.refresh_token

    async def test_reuse_after_the_grace_ends_the_session(self, core):
        answer = await signed_in(core)
        second = await refresh(core, answer.tokens.refresh_token)
        core.clock.forward(seconds=11)

        reused = await refused(refresh(core, answer.tokens.refresh_token))

        assert reused.reason == "REFRESH_TOKEN_REUSED"
        assert (await refused(refresh(core, second.refresh_token))).reason == "CREDENTIAL_INVALID"
        assert (await refused(me(core, bearer(answer)))).reason == "CREDENTIAL_INVALID"
        events = await core.events(action="auth.refresh_reuse_detected")
        assert events[-1].subject_id == answer.session.session_id

    async def test_reuse_after_the_successor_was_used_ends_the_session_at_once(self, core):
        first = (await signed_in(core)).tokens
        second = await refresh(core, first.refresh_token)
        await refresh(core, second.refresh_token)

        assert (await refused(refresh(core, first.refresh_token))).reason == "REFRESH_TOKEN_REUSED"

    async def test_reuse_is_remembered_over_a_restart(self, core, database_url, valkey_url):
        first = (await signed_in(core)).tokens
        second = await refresh(core, first.refresh_token)
        await refresh(core, second.refresh_token)

        async with running_core(core_settings(database_url, valkey_url)) as restarted:
            answer = await refused(refresh(restarted, first.refresh_token))

        assert answer.reason == "REFRESH_TOKEN_REUSED"

    @pytest.mark.parametrize(
        "token", ["x", "lmr_", "lmr_" + "A" * 72, "lmr_!!!!", "lms_" + "A" * 43]
    )
    async def test_a_made_up_token_is_refused(self, core, token):
        assert (await refused(refresh(core, token))).reason == "CREDENTIAL_INVALID"

    async def test_a_token_of_another_turn_cannot_be_forged(self, core):
        token = (await signed_in(core)).tokens.refresh_token
        raw = bytearray(base64.urlsafe_b64decode(token[4:] + "=="))
        raw[19] ^= 1
        forged = "lmr_" + base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

        assert (await refused(refresh(core, forged))).reason == "CREDENTIAL_INVALID"

    async def test_a_session_that_was_not_used_ends(self, core):
        token = (await signed_in(core)).tokens.refresh_token

        core.clock.forward(days=14)

        assert (await refused(refresh(core, token))).reason == "CREDENTIAL_INVALID"

    async def test_a_session_ends_however_much_it_is_used(self, core):
        token = (await signed_in(core)).tokens.refresh_token
        for _ in range(9):
            core.clock.forward(days=9.9)
            token = (await refresh(core, token)).refresh_token

        core.clock.forward(days=1)

        assert (await refused(refresh(core, token))).reason == "CREDENTIAL_INVALID"


class TestEnding:
    async def test_signing_out_ends_every_credential_of_the_session(self, core):
        answer = await signed_in(core)

        await core.auth.SignOut(auth_pb2.SignOutRequest(), metadata=bearer(answer))

        assert (await refused(me(core, bearer(answer)))).reason == "CREDENTIAL_INVALID"
        token = answer.tokens.refresh_token
        assert (await refused(refresh(core, token))).reason == "CREDENTIAL_INVALID"

    async def test_other_processes_hear_of_it(self, core, database_url, valkey_url):
        answer = await signed_in(core)
        async with running_core(core_settings(database_url, valkey_url)) as other:
            await me(other, bearer(answer))
            heard = asyncio.Event()
            other.domain.database.on_change(lambda *_: heard.set())

            await core.auth.SignOut(auth_pb2.SignOutRequest(), metadata=bearer(answer))
            await asyncio.wait_for(heard.wait(), 10)

            assert (await refused(me(other, bearer(answer)))).reason == "CREDENTIAL_INVALID"

    async def test_a_change_made_by_hand_is_heard_too(self, core):
        answer = await signed_in(core)
        await me(core, bearer(answer))
        heard = asyncio.Event()
        core.domain.database.on_change(lambda *_: heard.set())

        await core.sql(
            "UPDATE auth.sessions SET revoke_time = now() WHERE session_id = CAST(:id AS uuid)",
            id=answer.session.session_id,
        )
        await asyncio.wait_for(heard.wait(), 10)

        assert (await refused(me(core, bearer(answer)))).reason == "CREDENTIAL_INVALID"

    async def test_sessions_are_listed_and_revoked_one_by_one(self, core):
        account = await core.user()
        answers = [await core.sign_in(account.user.email) for _ in range(3)]
        here = bearer(answers[0])

        await core.auth.RevokeSession(
            auth_pb2.RevokeSessionRequest(session_id=answers[1].session.session_id), metadata=here
        )
        listed = (
            await core.auth.ListSessions(auth_pb2.ListSessionsRequest(), metadata=here)
        ).sessions

        assert {each.session_id for each in listed} == {
            answers[0].session.session_id,
            answers[2].session.session_id,
        }
        assert [each.session_id for each in listed if each.current] == [
            answers[0].session.session_id
        ]

    async def test_a_session_of_somebody_else_does_not_exist(self, core):
        mine, theirs = await signed_in(core), await signed_in(core)
        request = auth_pb2.RevokeSessionRequest(session_id=theirs.session.session_id)

        answer = await refused(core.auth.RevokeSession(request, metadata=bearer(mine)))

        assert answer.code is grpc.StatusCode.NOT_FOUND
        assert await me(core, bearer(theirs))

    async def test_revoking_the_others_leaves_this_one(self, core):
        account = await core.user()
        answers = [await core.sign_in(account.user.email) for _ in range(4)]
        request = auth_pb2.RevokeOtherSessionsRequest()

        ended = await core.auth.RevokeOtherSessions(request, metadata=bearer(answers[0]))

        assert ended.revoked_count == 3
        assert await me(core, bearer(answers[0]))
        for answer in answers[1:]:
            assert (await refused(me(core, bearer(answer)))).reason == "CREDENTIAL_INVALID"

    async def test_lists_go_on_where_the_page_ended(self, core):
        account = await core.user()
        answers = [await core.sign_in(account.user.email) for _ in range(5)]
        found, token = [], ""
        while True:
            page = await core.auth.ListSessions(
                auth_pb2.ListSessionsRequest(page_size=2, page_token=token),
                metadata=bearer(answers[0]),
            )
            found += [each.session_id for each in page.sessions]
            token = page.next_page_token
            if not token:
                break

        assert sorted(found) == sorted(answer.session.session_id for answer in answers)

    async def test_a_page_token_of_another_user_is_refused(self, core):
        account = await core.user()
        answers = [await core.sign_in(account.user.email) for _ in range(2)]
        request = auth_pb2.ListSessionsRequest(page_size=1)
        token = (await core.auth.ListSessions(request, metadata=bearer(answers[0]))).next_page_token
        stolen = auth_pb2.ListSessionsRequest(page_size=1, page_token=token)

        answer = await refused(
            core.auth.ListSessions(stolen, metadata=bearer(await signed_in(core)))
        )

        assert answer.reason == "PAGE_TOKEN_INVALID"


class TestIntrospection:
    async def introspect(self, core, token, metadata):
        request = auth_pb2.IntrospectTokenRequest(token=token)
        return await core.auth.IntrospectToken(request, metadata=metadata)

    async def test_a_live_token_tells_its_claims(self, core):
        answer = await signed_in(core)

        told = await self.introspect(core, answer.tokens.access_token, bearer(answer))

        assert told.active
        assert told.sub == answer.user.user_id
        assert told.sid == answer.session.session_id
        assert told.exp - told.iat == 600
        assert told.aud == "limen"

    async def test_only_services_may_ask_about_others(self, core):
        token = (await signed_in(core)).tokens.access_token

        assert not (await self.introspect(core, token, await core.bearer())).active
        assert (await self.introspect(core, token, await core.bearer("service"))).active

    @pytest.mark.parametrize("token", ["x", "a.b.c", "\x00", "é" * 100, "lmr_x", "." * 4096])
    async def test_what_is_no_token_is_not_active(self, core, token):
        told = await self.introspect(core, token, await core.bearer())

        assert told == auth_pb2.IntrospectTokenResponse(active=False)

    async def test_a_token_whose_session_ended_is_not_active(self, core):
        answer = await signed_in(core)
        service = await core.bearer("service")

        await core.auth.SignOut(auth_pb2.SignOutRequest(), metadata=bearer(answer))

        assert not (await self.introspect(core, answer.tokens.access_token, service)).active


class TestForgery:
    """Tokens that must be refused, however they are made (RFC 8725)."""

    @pytest_asyncio.fixture(loop_scope="module")
    async def real(self, core):
        token = (await signed_in(core, "admin")).tokens.access_token
        claims = jwt.decode(token, options={"verify_signature": False})
        return token, jwt.get_unverified_header(token), claims

    async def assert_refused(self, core, token):
        answer = await refused(me(core, (("authorization", f"Bearer {token}"),)))
        assert answer.reason == "CREDENTIAL_INVALID"

    @pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", ""])
    async def test_without_a_signature(self, core, real, algorithm):
        _, header, claims = real
        head, body = (encode(part) for part in (header | {"alg": algorithm}, claims))
        for signature in ("", real[0].rpartition(".")[2]):
            await self.assert_refused(core, f"{head}.{body}.{signature}")

    async def test_signed_with_the_public_key_as_a_shared_secret(self, core, real):
        _, header, claims = real
        published = (await core.auth.GetJwks(auth_pb2.GetJwksRequest())).keys[0]
        head, body = (encode(part) for part in (header | {"alg": "HS256"}, claims))
        secret = base64.urlsafe_b64decode(published.x + "=")
        mac = hmac.new(secret, f"{head}.{body}".encode(), hashlib.sha256).digest()

        await self.assert_refused(core, f"{head}.{body}.{plain(mac)}")

    async def test_signed_with_a_key_of_the_forger(self, core, real):
        _, header, claims = real
        key = Ed25519PrivateKey.generate()

        await self.assert_refused(core, jwt.encode(claims, key, "EdDSA", headers=header))
        await self.assert_refused(
            core, jwt.encode(claims, key, "EdDSA", headers=header | {"kid": str(uuid4())})
        )

    @pytest.mark.parametrize(
        "more",
        [
            {"crit": ["exp"]},
            {"jku": "http://127.0.0.1:1/keys"},
            {"x5u": "http://127.0.0.1:1/x"},
            {"jwk": {"kty": "OKP"}},
            {"typ": "JWT"},
            {"typ": None},
            {"kid": "../../etc/passwd"},
            {"kid": "' OR 1=1 --"},
        ],
        ids=str,
    )
    async def test_with_a_header_that_steers_verification(self, core, real, more):
        _, header, claims = real
        key_id, key = core.domain.keyring.signing()

        await self.assert_refused(core, signed(header | {"kid": key_id} | more, claims, key))

    @pytest.mark.parametrize(
        "more",
        [
            {"iss": "https://evil.example"},
            {"aud": "another"},
            {"aud": ["limen", "another"]},
            {"exp": 1},
            {"exp": "never"},
            {"iat": 4102444800, "exp": 4102448400},
            {"sid": NOBODY},
            {"sub": NOBODY},
            {"sid": "not-a-uuid"},
            {"sub": 7},
            {"exp": 10**400},
        ],
        ids=str,
    )
    async def test_with_claims_that_do_not_hold(self, core, real, more):
        _, header, claims = real
        _, key = core.domain.keyring.signing()

        await self.assert_refused(core, signed(header, claims | more, key))

    @pytest.mark.parametrize("missing", ["iss", "aud", "sub", "sid", "exp", "iat", "jti"])
    async def test_with_a_claim_missing(self, core, real, missing):
        _, header, claims = real
        _, key = core.domain.keyring.signing()
        rest = {name: value for name, value in claims.items() if name != missing}

        await self.assert_refused(core, signed(header, rest, key))

    async def test_of_another_kind(self, core, real):
        answer = await signed_in(core)
        await self.assert_refused(core, answer.tokens.refresh_token)
        await self.assert_refused(core, real[0] + "x")
        await self.assert_refused(core, "A" * 5000)

    async def test_after_it_expired(self, core, real):
        core.clock.forward(seconds=600)

        await self.assert_refused(core, real[0])

    async def test_the_same_claims_under_the_real_key_are_accepted(self, core, real):
        """Shows that the other tests fail for their own reason."""
        _, header, claims = real
        _, key = core.domain.keyring.signing()

        token = signed(header, claims, key)

        assert await me(core, (("authorization", f"Bearer {token}"),))


def plain(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def encode(part) -> str:
    return plain(json.dumps(part).encode())


def signed(header, claims, key: Ed25519PrivateKey) -> str:
    content = f"{encode(header)}.{encode(claims)}"
    return f"{content}.{plain(key.sign(content.encode()))}"

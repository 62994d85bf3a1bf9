"""What is accepted, and everything that is not."""

import asyncio
import base64
import json
import time
from datetime import UTC, datetime

import pytest

from limen.client.verifier import CredentialInvalid, StaleError
from limen.testing.issuing import SigningKey, encode, new_key, part
from tests.eventually import soon


@pytest.fixture
async def verifier(limen):
    async with limen.verifier() as verifier:
        yield verifier


async def refused(verifier, token) -> CredentialInvalid:
    assert verifier.known(token) is None
    with pytest.raises(CredentialInvalid) as caught:
        await verifier.verify(token)
    assert verifier.known(token) is None
    return caught.value


async def test_the_claims_of_a_good_token(limen, ada, verifier):
    session = limen.sign_in(ada, amr=("pwd", "otp", "mfa"), proof_age=60, certificate="c" * 43)
    claims = await verifier.verify(session.access_token)
    assert (claims.user_id, claims.session_id) == (ada.user_id, session.session_id)
    assert claims.scopes == {"users.read", "notes.write"}
    assert (claims.amr, claims.acr) == (("pwd", "otp", "mfa"), "aal2")
    assert claims.expire_time == datetime.fromtimestamp(session.expire_time, UTC)
    assert claims.issue_time is not None
    assert claims.auth_time is not None
    assert (claims.issue_time - claims.auth_time).total_seconds() == 60
    assert claims.certificate == "c" * 43
    assert not claims.is_api_key


async def test_a_token_seen_before_costs_neither_a_signature_nor_a_call(limen, ada, verifier):
    token = limen.sign_in(ada).access_token
    first = await verifier.verify(token)
    before = looks(verifier)
    for _ in range(100):
        assert await verifier.verify(token) is first
        # The same letters in another object are the same token.
        assert verifier.known("".join(token)) is first
    assert (verifier.counters.verified, verifier.counters.known) == (1, 200)
    assert looks(verifier) == before
    assert "IntrospectToken" not in limen.calls


async def test_no_forgery_gets_in_and_none_spoils_the_memory(limen, ada, verifier):
    session = limen.sign_in(ada)
    forged = limen.forgeries(session)
    assert len(forged) > 90
    assert session.access_token not in forged.values()
    for _ in ("before the good token was seen", "and after"):
        for name, token in forged.items():
            error = await refused(verifier, token)
            assert token not in str(error) or len(token) < 8, name
        assert (await verifier.verify(session.access_token)).user_id == ada.user_id
    assert len(verifier._seen) == 1
    assert "IntrospectToken" not in limen.calls


async def test_what_is_no_access_token_is_refused(limen, ada, verifier):
    session = limen.sign_in(ada)
    challenge = base64.urlsafe_b64encode(bytes(32)).decode().rstrip("=")
    for other in (session.refresh_token, challenge, "__Host-limen=abc", f"Bearer {challenge}"):
        await refused(verifier, other)


def looks(verifier) -> int:
    """How often the keys were read on account of a token. Each stream reads them once, too."""
    return verifier.counters.key_reads - verifier.counters.streams


async def test_ten_thousand_invented_tokens_cost_limen_nothing_and_no_memory(limen, ada):
    good = limen.sign_in(ada).access_token
    _, body, signature = good.split(".")
    async with limen.verifier(monotonic=lambda: 1000.0) as verifier:
        before = looks(verifier)
        for number in range(10_000):
            header = part({**limen.key.header(), "kid": f"key-{number}"})
            shapes = (f"{header}.{body}.{signature}", f"x{number}", f"{good[:-6]}{number:06}")
            with pytest.raises(CredentialInvalid):
                await verifier.verify(shapes[number % 3])
        # One look at the keys, because one of the ids might have been new.
        assert looks(verifier) - before == 1
        assert "IntrospectToken" not in limen.calls
        assert len(verifier._seen) == 0
        assert (await verifier.verify(good)).user_id == ada.user_id


async def test_invented_keys_in_parallel_ask_once(limen, ada, verifier):
    good = limen.sign_in(ada).access_token
    _, body, signature = good.split(".")
    before = looks(verifier)
    forged = [
        f"{part({**limen.key.header(), 'kid': f'key-{n}'})}.{body}.{signature}" for n in range(50)
    ]
    outcomes = await asyncio.gather(*map(verifier.verify, forged), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {CredentialInvalid}
    assert looks(verifier) - before == 1


async def test_memory_has_a_bound(limen, ada):
    async with limen.verifier(capacity=10) as verifier:
        tokens = [limen.sign_in(ada).access_token for _ in range(30)]
        for token in tokens:
            await verifier.verify(token)
        assert len(verifier._seen) == 10
        assert verifier.known(tokens[-1])
        assert verifier.known(tokens[0]) is None
        assert (await verifier.verify(tokens[0])).user_id == ada.user_id


async def test_expiry_counts_to_the_second_with_leeway(limen, ada):
    now = [time.time()]
    async with limen.verifier(clock=lambda: now[0], leeway=5) as verifier:
        session = limen.sign_in(ada, lifetime=100)
        assert await verifier.verify(session.access_token)
        now[0] = session.expire_time + 4.9
        assert verifier.known(session.access_token)
        now[0] = session.expire_time + 5.0
        await refused(verifier, session.access_token)
        assert len(verifier._seen) == 0


async def test_a_clock_set_back_does_not_lengthen_the_life_of_a_token(limen, ada, monotonic):
    now = [time.time()]
    async with limen.verifier(clock=lambda: now[0], monotonic=monotonic) as verifier:
        token = limen.sign_in(ada, lifetime=100).access_token
        await verifier.verify(token)
        now[0] -= 3600
        monotonic.seconds += 90
        await soon(lambda: verifier.is_fresh)
        assert verifier.known(token)
        monotonic.seconds += 20
        await soon(lambda: verifier.is_fresh)
        await refused(verifier, token)


async def test_a_clock_that_jumps_ahead_shuts_out_and_lets_in_again(limen, ada):
    now = [time.time()]
    async with limen.verifier(clock=lambda: now[0]) as verifier:
        token = limen.sign_in(ada).access_token
        await verifier.verify(token)
        now[0] += 86_400
        await refused(verifier, token)
        now[0] -= 86_400
        assert await verifier.verify(token)


async def test_tokens_of_a_retired_key_leave(limen, ada, verifier):
    old = limen.sign_in(ada).access_token
    await verifier.verify(old)
    limen.rotate_key(retire=True)
    await soon(lambda: len(verifier._seen) == 0)
    await refused(verifier, old)
    assert await verifier.verify(limen.sign_in(ada).access_token)


async def test_a_key_that_was_added_is_found_at_once(limen, ada, verifier):
    old = limen.sign_in(ada).access_token
    await verifier.verify(old)
    with limen.lock:  # Nobody tells of it.
        limen.key = new_key()
        limen.published = [*limen.published, limen.key]
    assert await verifier.verify(limen.sign_in(ada).access_token)
    assert verifier.known(old)


async def test_keys_of_other_kinds_are_passed_over(limen, ada):
    class Odd(SigningKey):
        def jwk(self):
            good = super().jwk()
            good.kty, good.crv, good.kid = "EC", "P-256", "odd"
            return good

    class Broken(SigningKey):
        def jwk(self):
            good = super().jwk()
            good.x, good.kid = "AA", "broken"
            return good

    own = limen.key.private
    limen.published = [Odd(own, ""), Broken(own, ""), limen.key]
    forged = limen.key.sign(
        json.loads(base64.urlsafe_b64decode(limen.sign_in(ada).access_token.split(".")[1] + "==")),
        {**limen.key.header(), "kid": "odd"},
    )
    async with limen.verifier() as verifier:
        await refused(verifier, forged)
        limen.published = limen.published[2:]
        assert await verifier.verify(limen.sign_in(ada).access_token)


async def test_with_limen_gone_an_unknown_key_is_no_verdict(limen, ada):
    async with limen.verifier() as verifier:
        limen.key = new_key()
        token = limen.sign_in(ada).access_token
        limen.close()
        for _ in range(3):
            with pytest.raises(StaleError):
                await verifier.verify(token)


@pytest.mark.parametrize(
    "settings",
    [
        {"staleness": 1},
        {"when_stale": "hope"},
        {"capacity": 0},
        {"memory": -1},
        {"leeway": 61},
        {"leeway": -1},
    ],
)
async def test_settings_that_make_no_sense_are_refused(limen, settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        async with limen.verifier(**settings):
            raise AssertionError


def test_the_parts_of_forgeries_are_what_they_say(limen, ada):
    # A forgery that is malformed by accident would prove nothing.
    session = limen.sign_in(ada)
    forged = limen.forgeries(session)
    spare = forged["spare bits set"]
    assert spare != session.access_token
    signature = spare.rpartition(".")[2]
    assert encode(base64.urlsafe_b64decode(signature + "==")) in session.access_token

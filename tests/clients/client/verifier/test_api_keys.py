"""API keys: always by asking, remembered briefly, refused at once when revoked."""

import asyncio

import pytest

from limen.client.verifier import CredentialInvalid, StaleError
from tests.eventually import soon


async def test_an_api_key_is_described_by_limen(limen, ada):
    key = limen.api_key(ada, scopes={"users.read"})
    async with limen.verifier() as verifier:
        claims = await verifier.verify(key.secret)
        assert (claims.user_id, claims.session_id) == (ada.user_id, key.api_key_id)
        assert claims.scopes == {"users.read"}
        assert claims.is_api_key
        assert claims.auth_time is None
        assert claims.expire_time is None


async def test_the_answer_is_used_for_a_few_seconds(limen, ada, monotonic):
    key = limen.api_key(ada)
    async with limen.verifier(monotonic=monotonic) as verifier:
        for _ in range(10):
            await verifier.verify(key.secret)
        assert limen.calls["IntrospectToken"] == 1
        monotonic.seconds += 5.01
        await verifier.verify(key.secret)
        assert limen.calls["IntrospectToken"] == 2


async def test_no_answer_is_used_for_longer_than_the_bound_on_staleness(limen, ada, monotonic):
    key = limen.api_key(ada)
    async with limen.verifier(monotonic=monotonic, staleness=3, memory=100) as verifier:
        await verifier.verify(key.secret)
        monotonic.seconds += 3
        await verifier.verify(key.secret)
        assert limen.calls["IntrospectToken"] == 2


async def test_with_no_memory_limen_is_asked_every_time(limen, ada):
    key = limen.api_key(ada)
    async with limen.verifier(memory=0) as verifier:
        for _ in range(3):
            await verifier.verify(key.secret)
        assert limen.calls["IntrospectToken"] == 3


async def test_a_revoked_key_is_refused_while_its_answer_is_remembered(limen, ada):
    key = limen.api_key(ada)
    async with limen.verifier() as verifier:
        await verifier.verify(key.secret)
        limen.revoke(key)
        await limen.told(verifier)
        with pytest.raises(CredentialInvalid):
            await verifier.verify(key.secret)
        assert limen.calls["IntrospectToken"] == 1


async def test_a_refusal_is_remembered_as_well(limen):
    async with limen.verifier() as verifier:
        for _ in range(10):
            with pytest.raises(CredentialInvalid):
                await verifier.verify("lmk_" + "x" * 49)
        assert limen.calls["IntrospectToken"] == 1


@pytest.mark.parametrize(
    "odd",
    [
        "lmk_",
        "lmk_" + "x" * 48,
        "lmk_" + "x" * 5000,
        "lmk_" + "x" * 48 + "\u00e9",
        "lmk_" + "x" * 48 + "\ud800",
        "lmk_" + "x" * 49 + "\n",
    ],
)
async def test_what_cannot_be_a_key_is_not_asked_about(limen, odd):
    async with limen.verifier() as verifier:
        with pytest.raises(CredentialInvalid):
            await verifier.verify(odd)
    assert "IntrospectToken" not in limen.calls


async def test_many_keys_at_once_do_not_flood_limen(limen, ada, monkeypatch):
    keys = [limen.api_key(ada) for _ in range(200)]
    running, most = [0], [0]
    async with limen.verifier() as verifier:
        introspection = verifier._introspection
        asked = introspection._auth.IntrospectToken

        class Counting:
            async def IntrospectToken(self, request):  # noqa: N802 - the name of the RPC
                running[0] += 1
                most[0] = max(most[0], running[0])
                try:
                    return await asked(request)
                finally:
                    running[0] -= 1

        monkeypatch.setattr(introspection, "_auth", Counting())
        outcomes = await asyncio.gather(*(verifier.verify(key.secret) for key in keys))
    assert {claims.user_id for claims in outcomes} == {ada.user_id}
    assert most[0] == 32


async def test_questions_that_pile_up_are_turned_away(limen, ada, monkeypatch):
    monkeypatch.setattr("limen.client.verifier.introspection._WAITING", 5)
    keys = [limen.api_key(ada) for _ in range(20)]
    async with limen.verifier() as verifier:
        outcomes = await asyncio.gather(
            *(verifier.verify(key.secret) for key in keys), return_exceptions=True
        )
    assert [type(each) for each in outcomes].count(StaleError) == 15


async def test_with_limen_gone_keys_are_remembered_briefly_and_then_refused(limen, ada, monotonic):
    key = limen.api_key(ada)
    async with limen.verifier(monotonic=monotonic) as verifier:
        await verifier.verify(key.secret)
        limen.close()
        assert await verifier.verify(key.secret)
        monotonic.seconds += 5.01
        with pytest.raises(StaleError):
            await verifier.verify(key.secret)
        await soon(lambda: not verifier._introspection._flights)


async def test_who_waits_when_the_verifier_is_closed_is_told_so(limen, ada, monkeypatch):
    class Silent:
        async def IntrospectToken(self, request):  # noqa: N802, ARG002 - as the RPC
            await asyncio.Event().wait()

    async with limen.verifier() as verifier:
        monkeypatch.setattr(verifier._introspection, "_auth", Silent())
        waiting = asyncio.create_task(verifier.verify(limen.api_key(ada).secret))
        await soon(lambda: verifier.counters.introspections)
    with pytest.raises(StaleError):
        await waiting

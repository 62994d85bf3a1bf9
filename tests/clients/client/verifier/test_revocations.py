"""Revocations reach the verifier, whatever happens to the network and to limen."""

import asyncio
import random

import pytest

from limen.client import PermissionDenied, Unauthenticated, connect
from limen.client.verifier import CredentialInvalid, StaleError, Verifier
from limen.testing.server import Server
from tests.clients.client.verifier.wire import wire
from tests.eventually import soon


def trusting(limen, client, **settings) -> Verifier:
    return Verifier(client, issuer=limen.issuer, audience=limen.audience, **settings)


async def is_refused(verifier, token) -> bool:
    try:
        await verifier.verify(token)
    except CredentialInvalid:
        return True
    return False


async def test_a_revoked_session_is_refused_in_every_verifier(limen, ada):
    async with limen.verifier() as one, limen.verifier() as other:
        session, kept = limen.sign_in(ada), limen.sign_in(ada)
        for verifier in (one, other):
            await verifier.verify(session.access_token)
        limen.revoke(session)
        for verifier in (one, other):
            await limen.told(verifier)
            assert verifier.known(session.access_token) is None
            assert await is_refused(verifier, session.access_token)
            assert await verifier.verify(kept.access_token)
    assert "IntrospectToken" not in limen.calls


async def test_what_was_revoked_before_the_start_is_refused(limen, ada):
    sessions = [limen.sign_in(ada) for _ in range(1200)]
    for session in sessions:
        limen.revoke(session)
    async with limen.verifier() as verifier:
        assert verifier.is_fresh
        assert len(verifier._revoked) == 1200
        for session in sessions[::100]:
            assert await is_refused(verifier, session.access_token)


async def test_until_the_backlog_is_read_nothing_counts_as_known(limen, ada, monkeypatch):
    monkeypatch.setattr("limen.client.verifier.verifier._START_WITHIN", 0.05)
    limen.fall_silent()
    async with limen.verifier(when_stale="refuse") as verifier:
        token = limen.sign_in(ada).access_token
        assert not verifier.is_fresh
        with pytest.raises(StaleError):
            await verifier.verify(token)
        limen.speak()
        await soon(lambda: verifier.is_fresh)
        assert await verifier.verify(token)


async def test_after_silence_limen_is_asked_about_each_token(limen, ada, monotonic):
    async with limen.verifier(monotonic=monotonic, memory=5) as verifier:
        session, ended = limen.sign_in(ada), limen.sign_in(ada)
        for each in (session, ended):
            await verifier.verify(each.access_token)
        limen.fall_silent()
        limen.revoke(ended)
        monotonic.seconds += 11
        assert not verifier.is_fresh
        assert verifier.known(session.access_token) is None
        assert await verifier.verify(session.access_token)
        assert await is_refused(verifier, ended.access_token)
        assert limen.calls["IntrospectToken"] == 2
        # An answer is used for five seconds.
        assert await verifier.verify(session.access_token)
        assert limen.calls["IntrospectToken"] == 2
        monotonic.seconds += 5
        assert await verifier.verify(session.access_token)
        assert limen.calls["IntrospectToken"] == 3
        assert verifier.counters.stale == 4
        # Then it is heard again, and nothing is asked any more.
        limen.speak()
        await soon(lambda: verifier.is_fresh)
        assert verifier.known(session.access_token)
        assert await is_refused(verifier, ended.access_token)
        assert limen.calls["IntrospectToken"] == 3


async def test_a_hundred_who_ask_for_the_same_token_ask_once(limen, ada, monotonic):
    async with limen.verifier(monotonic=monotonic) as verifier:
        token = limen.sign_in(ada).access_token
        limen.fall_silent()
        monotonic.seconds += 11
        answers = await asyncio.gather(*(verifier.verify(token) for _ in range(100)))
        assert {claims.user_id for claims in answers} == {ada.user_id}
        assert limen.calls["IntrospectToken"] == 1


async def test_whoever_gives_up_does_not_take_the_answer_from_others(limen, ada, monotonic):
    async with limen.verifier(monotonic=monotonic) as verifier:
        token = limen.sign_in(ada).access_token
        limen.fall_silent()
        monotonic.seconds += 11
        with limen.lock:
            asking = [asyncio.create_task(verifier.verify(token)) for _ in range(3)]
            await asyncio.sleep(0)
            asking[0].cancel()
        assert [each.user_id for each in await asyncio.gather(*asking[1:])] == [ada.user_id] * 2


async def test_a_forgery_is_refused_without_a_question_however_stale(limen, ada, monotonic):
    async with limen.verifier(monotonic=monotonic) as verifier:
        forged = limen.forgeries(limen.sign_in(ada))
        limen.fall_silent()
        monotonic.seconds += 11
        for token in forged.values():
            assert await is_refused(verifier, token)
        assert "IntrospectToken" not in limen.calls


async def test_by_setting_nobody_gets_in_after_silence(limen, ada, monotonic):
    async with limen.verifier(monotonic=monotonic, when_stale="refuse") as verifier:
        token = limen.sign_in(ada).access_token
        await verifier.verify(token)
        limen.fall_silent()
        monotonic.seconds += 11
        with pytest.raises(StaleError):
            await verifier.verify(token)
        assert "IntrospectToken" not in limen.calls


async def test_with_limen_gone_nobody_gets_in_after_the_bound(limen, ada, monotonic):
    async with limen.verifier(monotonic=monotonic) as verifier:
        token = limen.sign_in(ada).access_token
        await verifier.verify(token)
        limen.close()
        assert await verifier.verify(token)
        monotonic.seconds += 11
        with pytest.raises(StaleError):
            await verifier.verify(token)


async def test_limen_may_be_away_at_the_start(limen, ada, monkeypatch):
    monkeypatch.setattr("limen.client.verifier.verifier._START_WITHIN", 0.2)
    async with wire(limen.address) as between:
        between.cut()
        client = connect(between.address, token=limen.service_token)
        async with client, trusting(limen, client) as verifier:
            token = limen.sign_in(ada).access_token
            with pytest.raises(StaleError):
                await verifier.verify(token)
            between.mend()
            await soon(lambda: verifier.is_fresh)
            assert await verifier.verify(token)


async def test_a_credential_that_may_not_watch_is_told_at_the_start(limen, ada):
    for token, error in (
        (limen.sign_in(ada).access_token, PermissionDenied),
        ("no-token", Unauthenticated),
    ):
        async with connect(limen.address, token=token) as client:
            with pytest.raises(error):
                await trusting(limen, client).start()


async def test_a_silent_network_is_left_and_nothing_is_missed(limen, ada):
    """The connection stays open and carries nothing: only the missing heartbeat tells."""
    other = Server(limen)
    other.start()
    async with wire(limen.address) as first, wire(other.address) as second:
        second.cut()
        client = connect([first.address, second.address], token=limen.give_service_token)
        async with client, trusting(limen, client) as verifier:
            sessions = [limen.sign_in(ada) for _ in range(50)]
            for session in sessions:
                await verifier.verify(session.access_token)
            second.mend()
            first.stall()
            for session in sessions:
                limen.revoke(session)
            await soon(lambda: verifier.cursor == limen.feed.cursor)
            assert verifier.counters.streams > 1
            for session in sessions:
                assert await is_refused(verifier, session.access_token)
    other.stop()


async def test_what_comes_after_a_long_standstill_is_not_taken_for_news(limen, monotonic):
    """A process that was stopped reads heartbeats that were sent long before."""
    async with limen.verifier(monotonic=monotonic) as verifier:
        streams = verifier.counters.streams
        monotonic.seconds += 60
        await soon(lambda: verifier.is_fresh)
        assert verifier.counters.streams > streams


async def test_no_revocation_is_missed_however_often_the_network_breaks(limen, ada):
    chance = random.Random(8)  # noqa: S311 - a test that can be repeated
    async with wire(limen.address) as between:
        client = connect(between.address, token=limen.service_token)
        async with client, trusting(limen, client) as verifier:
            revoked, kept = [], []
            for _ in range(12):
                for _ in range(chance.randrange(1, 20)):
                    session = limen.sign_in(ada)
                    await verifier.verify(session.access_token)
                    if chance.random() < 0.7:
                        limen.revoke(session)
                        revoked.append(session)
                    else:
                        kept.append(session)
                    await asyncio.sleep(chance.random() * 0.01)
                between.cut()
                for _ in range(chance.randrange(1, 20)):
                    session = limen.sign_in(ada)
                    limen.revoke(session)
                    revoked.append(session)
                between.mend()
                await soon(lambda: verifier.cursor == limen.feed.cursor)
                for session in revoked:
                    assert await is_refused(verifier, session.access_token)
                for session in kept:
                    assert await verifier.verify(session.access_token)
            assert verifier.counters.streams > 10


async def test_resumes_at_its_cursor(limen, ada):
    async with wire(limen.address) as between:
        client = connect(between.address, token=limen.service_token)
        async with client, trusting(limen, client) as verifier:
            for _ in range(100):
                limen.revoke(limen.sign_in(ada))
            await limen.told(verifier)
            heard, streams = verifier.counters.revocations, verifier.counters.streams
            between.cut()
            limen.revoke(limen.sign_in(ada))
            between.mend()
            await soon(lambda: verifier.cursor == limen.feed.cursor)
            assert verifier.counters.streams > streams
            assert verifier.counters.revocations == heard + 1


async def test_keys_that_changed_during_a_break_are_read_after_it(limen, ada):
    async with wire(limen.address) as between:
        client = connect(between.address, token=limen.give_service_token)
        async with client, trusting(limen, client) as verifier:
            old = limen.sign_in(ada).access_token
            await verifier.verify(old)
            streams = verifier.counters.streams
            between.cut()
            limen.rotate_key(retire=True)
            between.mend()
            await soon(lambda: verifier.known(old) is None)
            await soon(lambda: verifier.counters.streams > streams and verifier.is_fresh)
            assert await is_refused(verifier, old)
            assert await verifier.verify(limen.sign_in(ada).access_token)

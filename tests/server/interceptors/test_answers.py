"""Answers on their way to an edge that may read slowly."""

import asyncio

from limen.relay.v1 import relay_pb2
from server.interceptors.answers import MOST_ANSWERS, WANTED_BYTES, Answers


def answer(number: int = 1, size: int = 10) -> relay_pb2.Answer:
    return relay_pb2.Answer(id=number, response=b"x" * size)


async def all_of(answers: Answers) -> list[relay_pb2.RelayResponse]:
    answers.complete()
    return [bundle async for bundle in answers.bundles()]


async def test_what_waits_goes_together_and_in_order():
    answers = Answers(max_bytes=100_000)
    for number in range(50):
        answers.put(answer(number))
    (bundle,) = await all_of(answers)

    assert [each.id for each in bundle.answers] == list(range(50))


async def test_bundles_are_bounded():
    answers = Answers(max_bytes=4_000_000)
    for number in range(1000):
        answers.put(answer(number))
    for number in range(100):
        answers.put(answer(number, 20_000))
    answers.put(answer(size=1_000_000))
    *ordinary, last = await all_of(answers)

    assert all(len(bundle.answers) <= MOST_ANSWERS for bundle in ordinary)
    assert all(bundle.ByteSize() <= WANTED_BYTES for bundle in ordinary)
    assert [len(each.response) for each in last.answers] == [1_000_000]


async def test_they_fit_what_the_edge_receives():
    answers = Answers(max_bytes=100_000)
    answers.limit(1000)
    assert not answers.fits(answer(size=1000))
    for _ in range(10):
        assert answers.fits(answer(size=900))
        answers.put(answer(size=900))

    assert [bundle.ByteSize() <= 1000 for bundle in await all_of(answers)] == [True] * 10


async def test_an_edge_cannot_widen_the_limit():
    answers = Answers(max_bytes=1000)
    answers.limit(1_000_000)

    assert not answers.fits(answer(size=1000))


async def test_nothing_more_is_taken_while_an_edge_does_not_read():
    answers = Answers(max_bytes=4_000_000)
    await answers.room()
    for _ in range(1025):
        answers.put(answer())
    waiting = asyncio.ensure_future(answers.room())
    await asyncio.sleep(0)
    assert not waiting.done()

    await anext(aiter(answers.bundles()))
    await waiting


async def test_few_answers_can_be_too_many_bytes():
    answers = Answers(max_bytes=4_000_000)
    answers.put(answer(size=600_000))
    await answers.room()
    answers.put(answer(size=600_000))
    waiting = asyncio.ensure_future(answers.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    waiting.cancel()


async def test_word_of_the_end_needs_no_answer_to_travel_with():
    answers = Answers(max_bytes=1000)
    answers.announce_closing()

    assert [bundle.closing for bundle in await all_of(answers)] == [True]


async def test_word_of_the_end_is_sent_once():
    answers = Answers(max_bytes=1000)
    answers.announce_closing()
    bundles = answers.bundles()
    assert (await anext(bundles)).closing
    answers.put(answer())
    assert not (await anext(bundles)).closing

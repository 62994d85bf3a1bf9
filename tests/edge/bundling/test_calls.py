"""A call in a bundle looks like any other to whoever makes it."""

import asyncio

import grpc
import pytest

from tests.edge.bundling.conftest import PROOF, call
from tests.edge.bundling.relay_core import answer_to
from tests.eventually import soon


async def test_a_call_is_answered(core, channel) -> None:
    made = call(channel)

    assert await made == b"bundled:hello"
    assert await made.initial_metadata() == ()
    assert await made.trailing_metadata() == (("x-seen", "/test.Service/Call"),)
    assert core.plain == []


async def test_the_core_gets_all_of_it(core, channel) -> None:
    metadata = (("x-request-id", "test"), ("x-text", "a, b"), ("x-data-bin", b"\x00\xff"), *PROOF)
    await call(channel, metadata=metadata, timeout=2.5)

    (made,) = core.streams[0].calls
    assert made.method == "/test.Service/Call"
    assert made.timeout_ms == 2500
    assert [(each.key, each.value) for each in made.metadata] == [
        ("x-request-id", b"test"),
        ("x-text", b"a, b"),
        ("x-data-bin", b"\x00\xff"),
    ]


async def test_the_secret_is_shown_once_and_not_with_every_call(core, channel) -> None:
    await call(channel)

    assert core.streams[0].metadata["limen-edge-secret"] == "the secret"
    assert b"the secret" not in b"".join(each.SerializeToString() for each in core.streams[0].calls)


async def test_calls_at_one_moment_share_a_bundle(core, channel) -> None:
    answers = await asyncio.gather(*(call(channel, b"%d" % number) for number in range(100)))

    assert answers == [b"bundled:%d" % number for number in range(100)]
    assert len([bundle for bundle in core.streams[0].bundles if bundle.calls]) < 10


async def test_bundles_are_bounded(core, channel) -> None:
    many = asyncio.gather(*(call(channel) for _ in range(2000)))
    large = asyncio.gather(*(call(channel, b"x" * 20_000) for _ in range(30)))
    await many
    await large

    assert max(len(bundle.calls) for bundle in core.streams[0].bundles) <= 256
    assert max(bundle.ByteSize() for bundle in core.streams[0].bundles) <= 64 * 1024


async def test_a_refusal_is_raised_with_all_that_it_says(core, channel) -> None:
    core.holds = True
    made = asyncio.ensure_future(call(channel))
    await soon(lambda: core.streams[0].calls)
    refused = answer_to(core.streams[0].calls[0], code=5, message="not here", response=b"")
    refused.trailing_metadata.add(key="grpc-status-details-bin", value=b"\x00\xff")
    await core.streams[0].send(answers=[refused])

    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await made
    assert refusal.value.code() is grpc.StatusCode.NOT_FOUND
    assert refusal.value.details() == "not here"
    assert tuple(refusal.value.trailing_metadata()) == (
        ("x-seen", "/test.Service/Call"),
        ("grpc-status-details-bin", b"\x00\xff"),
    )


async def test_a_code_that_nobody_knows_is_unknown(core, channel) -> None:
    core.holds = True
    made = asyncio.ensure_future(call(channel))
    await soon(lambda: core.streams[0].calls)
    await core.streams[0].send(answers=[answer_to(core.streams[0].calls[0], code=99)])

    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await made
    assert refusal.value.code() is grpc.StatusCode.UNKNOWN


@pytest.mark.parametrize("who", ["the call", "who awaits it"])
async def test_a_call_that_is_given_up_is_cancelled_in_the_core(core, channel, who) -> None:
    core.holds = True
    made = call(channel)

    async def wait() -> None:
        await made

    waiting = asyncio.ensure_future(wait())
    await soon(lambda: core.streams[0].calls)
    (made if who == "the call" else waiting).cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting
    await soon(lambda: core.streams[0].cancelled == [core.streams[0].calls[0].id])
    assert not made.cancel()


async def test_a_call_waits_no_longer_than_it_may(core, channel) -> None:
    core.holds = True
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await call(channel, timeout=0.05)

    assert refusal.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await soon(lambda: core.streams[0].cancelled == [core.streams[0].calls[0].id])


async def test_answers_that_nobody_waits_for_do_no_harm(core, channel) -> None:
    core.holds = True
    given_up, made = call(channel), asyncio.ensure_future(call(channel, b"other"))
    given_up.cancel()
    await soon(lambda: len(core.streams[0].calls) == 2)
    first, second = core.streams[0].calls
    first.id, unknown = first.id, answer_to(first)
    unknown.id = 4711
    await core.streams[0].send(answers=[answer_to(first), unknown, answer_to(second)])

    assert await made == b"bundled:other"


async def test_a_core_that_answers_twice_is_heard_once(core, channel) -> None:
    core.holds = True
    made = asyncio.ensure_future(call(channel))
    await soon(lambda: core.streams[0].calls)
    (request,) = core.streams[0].calls
    await core.streams[0].send(answers=[answer_to(request), answer_to(request, response=b"no")])

    assert await made == b"bundled:hello"


async def test_a_stream_of_responses_goes_by_itself(core, channel) -> None:
    stream = channel.unary_stream("/test.Service/Call")(b"hello")

    assert await stream.read() == b"plain:hello"
    assert core.plain == ["/test.Service/Call"]

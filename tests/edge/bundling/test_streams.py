"""Streams come and go; calls find their way."""

import asyncio

import grpc
import pytest

from edge.bundling import streams
from tests.edge.bundling.conftest import call, is_open
from tests.eventually import soon


async def test_without_a_stream_calls_go_plain(open_bundling) -> None:
    channel = await open_bundling(start=False)

    assert await call(channel) == b"plain:hello"


async def test_an_edge_without_a_secret_sends_no_bundles(core, open_bundling) -> None:
    channel = await open_bundling(proof=())

    assert await call(channel, metadata=()) == b"plain:hello"
    assert core.streams == []
    assert channel._streams._tasks == set()


async def test_a_core_that_knows_no_bundles_is_asked_again_and_again(core, open_bundling) -> None:
    core.accepts = False
    channel = await open_bundling()

    assert await call(channel) == b"plain:hello"
    await soon(lambda: core.refused > 1)
    core.accepts = True
    await soon(lambda: is_open(channel))
    assert await call(channel) == b"bundled:hello"


async def test_a_core_that_says_nothing_gets_plain_calls(core, open_bundling, monkeypatch) -> None:
    monkeypatch.setattr(streams, "_OPENING_SECONDS", 0.05)
    core.opens = False
    channel = await open_bundling()

    await soon(lambda: len(core.streams) > 1)
    assert await call(channel) == b"plain:hello"
    await soon(lambda: core.streams[0].ended)


async def test_a_large_request_goes_by_itself(channel) -> None:
    assert await call(channel, b"x" * 100_000) == b"plain:" + b"x" * 100_000
    assert await call(channel, b"x" * 90_000) == b"bundled:" + b"x" * 90_000


async def test_so_does_what_the_stream_cannot_take_in(core, channel) -> None:
    core.holds = True
    core.reads.clear()
    made = [call(channel, b"x" * 50_000, timeout=60.0) for _ in range(60)]

    assert await call(channel) == b"plain:hello"
    assert channel._streams.pick()._outgoing._waiting_bytes < 2 * 1024 * 1024
    for each in made:
        each.cancel()


async def test_a_broken_stream_fails_its_calls_alone_and_is_replaced(core, open_bundling) -> None:
    core.holds = True
    channel = await open_bundling(count=2)
    await soon(lambda: is_open(channel, 2))
    calls = {each: asyncio.ensure_future(call(channel, each)) for each in (b"one", b"other")}
    await soon(lambda: all(stream.calls for stream in core.streams))
    broken, whole = core.streams
    broken.broken.set()

    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await calls[broken.calls[0].request]
    assert failure.value.code() is grpc.StatusCode.UNAVAILABLE
    await whole.answer(*whole.calls)
    assert (await calls[whole.calls[0].request]).startswith(b"bundled:")
    await soon(lambda: is_open(channel, 2))


@pytest.mark.usefixtures("channel")
async def test_a_break_is_told_in_the_log(core, log) -> None:
    core.streams[0].broken.set()

    await soon(lambda: log.lines)
    assert log.lines[0]["event"] == "bundling_broken"
    assert (log.lines[0]["code"], log.lines[0]["detail"]) == ("INTERNAL", "broke")


async def test_a_core_that_dies_takes_its_calls_along_and_comes_back(core, channel) -> None:
    core.holds = True
    calls = [asyncio.ensure_future(call(channel)) for _ in range(10)]
    await soon(lambda: len(core.streams[0].calls) == 10)
    await core.stop()
    for each in calls:
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await each
        assert failure.value.code() is grpc.StatusCode.UNAVAILABLE

    core.holds = False
    await core.start()
    await soon(lambda: len(core.streams) == 2 and is_open(channel))
    assert await call(channel) == b"bundled:hello"


async def test_calls_go_where_the_fewest_are(core, open_bundling) -> None:
    core.holds = True
    channel = await open_bundling(count=3)
    await soon(lambda: is_open(channel, 3))
    calls = [asyncio.ensure_future(call(channel)) for _ in range(9)]
    await soon(lambda: [len(stream.calls) for stream in core.streams] == [3, 3, 3])

    await core.streams[1].answer(*core.streams[1].calls)
    await soon(lambda: sum(each.done() for each in calls) == 3)
    calls += [asyncio.ensure_future(call(channel)) for _ in range(2)]
    await soon(lambda: [len(stream.calls) for stream in core.streams] == [3, 5, 3])
    for each in calls:
        each.cancel()


async def test_a_core_that_closes_answers_and_gets_nothing_more(core, channel) -> None:
    core.holds = True
    first, *_ = core.streams
    made = asyncio.ensure_future(call(channel))
    given_up = call(channel)
    await soon(lambda: len(first.calls) == 2)
    await first.send(closing=True)
    await soon(lambda: len(core.streams) == 2 and is_open(channel))
    later = asyncio.ensure_future(call(channel))
    await soon(lambda: core.streams[1].calls)

    assert len(first.calls) == 2
    assert not first.half_closed
    await first.answer(first.calls[0])
    assert await made == b"bundled:hello"
    given_up.cancel()
    await soon(lambda: first.half_closed)
    assert first.cancelled == [first.calls[1].id]
    later.cancel()


async def test_a_core_that_closes_a_quiet_stream_is_left_at_once(core, channel) -> None:
    await core.streams[0].send(closing=True)

    await soon(lambda: core.streams[0].half_closed and core.streams[0].ended)
    await soon(lambda: len(core.streams) == 2 and is_open(channel))


async def test_streams_retire(core, open_bundling) -> None:
    channel = await open_bundling(count=2, lifetime=0.05)

    await soon(lambda: len(core.streams) > 4)
    assert all(stream.half_closed for stream in core.streams[:2])
    # In whatever state the streams are, calls get through.
    for _ in range(20):
        assert (await call(channel)).endswith(b":hello")


async def test_closing_the_channel_fails_what_is_in_flight(core, channel) -> None:
    core.holds = True
    made = asyncio.ensure_future(call(channel))
    await soon(lambda: core.streams[0].calls)
    await channel.close()

    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await made
    assert failure.value.code() is grpc.StatusCode.UNAVAILABLE
    with pytest.raises(grpc.aio.UsageError):
        call(channel)


async def test_what_the_core_says_must_be_readable(core, channel) -> None:
    core.holds = True
    made = asyncio.ensure_future(call(channel))
    await soon(lambda: core.streams[0].calls)
    await core.streams[0].context.write(b"\xff")

    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await made
    assert failure.value.code() is grpc.StatusCode.UNAVAILABLE
    await soon(lambda: len(core.streams) == 2 and is_open(channel))

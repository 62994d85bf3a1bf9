"""The timer of a call ends it as `asyncio.timeout` would."""

import asyncio

import pytest

from server.interceptors.deadline import Cap


async def test_what_is_done_in_time_is_left_alone():
    with Cap(60):
        await asyncio.sleep(0)


@pytest.mark.parametrize("seconds", [0.01, 0.0, -5.0])
async def test_what_is_not_is_cancelled(seconds):
    with pytest.raises(TimeoutError), Cap(seconds):
        await asyncio.Event().wait()

    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_cancellation_from_outside_stays_one():
    async def work():
        with Cap(60):
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_both_at_once_are_a_cancellation():
    async def work():
        with Cap(0.0):
            try:
                await asyncio.Event().wait()
            finally:
                task.cancel()

    task = asyncio.create_task(work())
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_other_failures_pass():
    with pytest.raises(ValueError, match="other"), Cap(60):
        raise ValueError("other")


async def test_the_time_that_is_over_too_late_changes_nothing():
    with Cap(0.005):
        await asyncio.sleep(0)
    await asyncio.sleep(0.01)


async def test_only_a_task_has_a_time():
    failed = asyncio.get_running_loop().create_future()

    def outside():
        try:
            Cap(1).__enter__()
        except RuntimeError as error:
            failed.set_result(error)

    asyncio.get_running_loop().call_soon(outside)
    assert isinstance(await failed, RuntimeError)

"""Takes job ids from the stream and has the jobs run, a few at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import structlog
from taskiq.acks import AcknowledgeType
from taskiq.receiver import Receiver

from server.jobs.broker import TASK, JobBroker
from server.jobs.supervision import cancel

_log = structlog.get_logger(__name__)


class Consumer:
    """taskiq's receiver inside this process.

    An entry of the stream is acknowledged after its job was attempted, whatever came of it: what
    is to be tried again is published again by the relay.
    """

    def __init__(
        self,
        *,
        broker: JobBroker,
        run_job: Callable[[UUID], Awaitable[None]],
        concurrency: int,
        grace: float,
    ) -> None:
        """`grace` is how many seconds jobs may go on once the consumer is told to stop."""
        self._broker = broker
        self._run_job = run_job
        self._concurrency = concurrency
        self._grace = grace
        self._stopping = asyncio.Event()
        self._running: set[asyncio.Task[object]] = set()

    def stop(self) -> None:
        """Takes no more jobs; `run` returns when those that run have ended."""
        self._stopping.set()
        self._broker.stop()

    async def run(self) -> None:
        """Consumes until told to stop. Jobs that outlast the grace are cut off and rolled back."""

        # taskiq marks the function it is given, which it cannot do to a bound method.
        async def run_one(job_id: str) -> None:
            await self._run_one(UUID(job_id))

        self._broker.is_worker_process = True
        self._broker.register_task(run_one, task_name=TASK)
        receiver = Receiver(
            self._broker,
            run_startup=False,
            validate_params=False,
            max_async_tasks=self._concurrency,
            ack_type=AcknowledgeType.WHEN_EXECUTED,
            wait_tasks_timeout=self._grace,
        )
        try:
            await receiver.listen(self._stopping)
        finally:
            await cancel(self._running)

    async def _run_one(self, job_id: UUID) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("jobs run inside tasks")
        self._running.add(task)
        try:
            await self._run_job(job_id)
        except asyncio.CancelledError:
            _log.warning("jobs.cut_off", job_id=str(job_id))
        finally:
            self._running.discard(task)

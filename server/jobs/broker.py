"""The stream in Valkey that carries job ids from the relay to the workers, as taskiq's broker."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from typing import Any
from uuid import UUID

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from taskiq import AckableMessage, BrokerMessage, TaskiqMessage
from taskiq.abc.formatter import TaskiqFormatter
from taskiq.abc.serializer import TaskiqSerializer
from taskiq.serializers import JSONSerializer
from taskiq_redis import RedisStreamBroker

from server.platform.valkey import OUTAGES

STREAM = "limen:jobs"
TASK = "limen.job"
"""The one task there is: run the job of this id."""

_GROUP = "workers"
_DATA = b"data"
_FIELD = "job_id"
_MOST_BYTES = 256
_MOST_ENTRIES = 10_000
_BLOCK_SECONDS = 0.5
_LONGEST_CALL_SECONDS = 3
_FIRST_DELAY = 0.25
_LONGEST_DELAY = 4.0
_FORGET_SECONDS = 24 * 3600

_log = structlog.get_logger(__name__)


class JobIdFormatter(TaskiqFormatter):
    """A message is a JSON object that holds the id of a job, and nothing else is understood.

    Whoever can write to the stream can thereby have a job run that is due anyway, no more.
    """

    def __init__(self, serializer: TaskiqSerializer) -> None:
        self._serializer = serializer

    def dumps(self, message: TaskiqMessage) -> BrokerMessage:
        """The bytes for the stream."""
        return BrokerMessage(
            task_id=message.task_id,
            task_name=message.task_name,
            message=self._serializer.dumpb({_FIELD: message.task_id}),
            labels={},
        )

    def loads(self, message: bytes) -> TaskiqMessage:
        """The inverse of `dumps`. Raises `ValueError` for what it cannot have made."""
        payload = self._serializer.loadb(message)
        if not isinstance(payload, dict) or payload.keys() != {_FIELD}:
            raise ValueError("not a job id")
        return _message(UUID(str(payload[_FIELD])))


class JobBroker(RedisStreamBroker):
    """Carries job ids over one stream to one group of workers.

    Differs from its parent in that a reader outlives outages of Valkey and the loss of the stream,
    that entries of dead workers are taken over even while no new ones arrive, and that an entry
    of an unknown form is put aside instead of ending the reader.
    """

    def __init__(self, *, url: str, read_count: int, reclaim_after: float = 5.0) -> None:
        super().__init__(
            url,
            queue_name=STREAM,
            consumer_group_name=_GROUP,
            consumer_id="0",  # From the beginning: the stream may be older than the group.
            maxlen=_MOST_ENTRIES,
            approximate=True,
            max_connection_pool_size=read_count + 8,
            timeout=_LONGEST_CALL_SECONDS,
            socket_timeout=_LONGEST_CALL_SECONDS,
            socket_connect_timeout=1,
            retry=Retry(NoBackoff(), 1),
            health_check_interval=30,
        )
        # Said aloud, although it is the default of this version: a pickle would be code.
        self.serializer = JSONSerializer()
        self.formatter = JobIdFormatter(self.serializer)
        self._valkey = Redis(connection_pool=self.connection_pool)
        self._read_count = read_count
        self._reclaim_after = reclaim_after
        self._reclaimed = 0.0
        self._stopped = False

    async def publish(self, job_ids: Iterable[UUID]) -> None:
        """Puts the ids of jobs on the stream, all in one round trip.

        Raises one of `valkey.OUTAGES`; any number of them may then be on the stream.
        """
        async with self._valkey.pipeline(transaction=False) as pipeline:
            for job_id in job_ids:
                pipeline.xadd(
                    STREAM,
                    {_DATA: self.formatter.dumps(_message(job_id)).message},
                    maxlen=self.maxlen,
                    approximate=self.approximate,
                )
            await pipeline.execute()

    def stop(self) -> None:
        """Ends `listen` within half a second: a cancellation alone can get lost on its way."""
        self._stopped = True

    async def listen(self) -> AsyncGenerator[AckableMessage, None]:
        """Yields messages until stopped or closed, waiting through every outage."""
        has_joined, delay = False, _FIRST_DELAY
        while not self._stopped:
            try:
                if not has_joined:
                    await self._join()
                    has_joined, delay = True, _FIRST_DELAY
                messages = [*await self._new(), *await self._abandoned()]
            except OUTAGES as error:
                _log.warning("jobs.stream_lost", error=type(error).__name__, seconds=delay)
                await asyncio.sleep(delay)
                has_joined, delay = False, min(delay * 2, _LONGEST_DELAY)
                continue
            for message in messages:
                yield message

    async def _join(self) -> None:
        """Makes the stream and the group if need be, and clears away readers long gone."""
        await self._declare_consumer_group()
        for reader in await self._valkey.xinfo_consumers(STREAM, _GROUP):
            if reader["pending"] == 0 and reader["idle"] > _FORGET_SECONDS * 1000:
                await self._valkey.xgroup_delconsumer(STREAM, _GROUP, reader["name"])

    async def _new(self) -> list[AckableMessage]:
        streams: Any = await self._valkey.xreadgroup(
            _GROUP,
            self.consumer_name,
            {STREAM: ">"},
            count=self._read_count,
            block=round(_BLOCK_SECONDS * 1000),
        )
        entries = [entry for _, entries in streams or () for entry in entries]
        return list(self._messages(entries))

    async def _abandoned(self) -> list[AckableMessage]:
        """Entries that another worker took and did not acknowledge, or this one long ago."""
        now = time.monotonic()
        if now < self._reclaimed + self._reclaim_after / 2:
            return []
        self._reclaimed = now
        _, entries, *_ = await self._valkey.xautoclaim(
            STREAM,
            _GROUP,
            self.consumer_name,
            min_idle_time=round(self._reclaim_after * 1000),
            count=self._read_count,
        )
        return list(self._messages(entries))

    def _messages(self, entries: list[Any]) -> Iterator[AckableMessage]:
        for entry_id, fields in entries:
            data = fields.get(_DATA, b"")
            # What is cut off is unreadable, is refused as such and fits into a line of log.
            yield AckableMessage(data=data[:_MOST_BYTES], ack=self._acknowledge(entry_id))

    def _acknowledge(self, entry_id: bytes) -> Callable[[], Awaitable[None]]:
        async def acknowledge() -> None:
            try:
                await self._valkey.xack(STREAM, _GROUP, entry_id)
            except OUTAGES as error:
                # The entry will come again, and its job will be found done.
                _log.warning("jobs.stream_lost", error=type(error).__name__)

        return acknowledge


def _message(job_id: UUID) -> TaskiqMessage:
    task_id = str(job_id)
    return TaskiqMessage(task_id=task_id, task_name=TASK, labels={}, args=[task_id], kwargs={})

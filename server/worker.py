"""`python -m server.worker`: the second composition root. Jobs, mail, order of events, cleaning.

Straight-line constructors, as in `server.app`. Nothing here serves calls, so nothing here needs
PostgreSQL or Valkey to start: each part waits for them by itself. Any number of workers may run.
"""

import asyncio
import os
import signal
import ssl
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from email.headerregistry import Address as MailAddress
from functools import partial

import structlog
import uvloop
from prometheus_client import CollectorRegistry, start_http_server
from pydantic import ValidationError

from server.apikeys import sweeps as api_key_sweeps
from server.audit.sequencer import Sequencer
from server.auth import sweeps as auth_sweeps
from server.auth.letters import Letters
from server.auth.one_time_tokens import LIFETIMES
from server.auth.tasks import AuthTasks
from server.factors import sweeps as factor_sweeps
from server.jobs import sweeps as job_sweeps
from server.jobs.broker import JobBroker
from server.jobs.cleanup import Cleanup
from server.jobs.consumer import Consumer
from server.jobs.kept import KeptMailer
from server.jobs.mail import Mailer, sender
from server.jobs.metrics import BacklogGauge, JobMetrics
from server.jobs.outbox import Outbox
from server.jobs.relay import Relay
from server.jobs.runner import Runner
from server.jobs.smtp import SmtpMailer, SmtpServer
from server.jobs.supervision import cancel, keep_running
from server.jobs.templates import Templates
from server.platform import logging
from server.platform.changes import Changes
from server.platform.clock import Clock, Entropy, SystemClock
from server.platform.database import Database
from server.platform.reporting import Reporter, make_reporter
from server.platform.vault import Vault
from server.settings import Address, MisconfiguredError, Settings
from server.users import sweeps as user_sweeps

_FAILURE = 1
_MISCONFIGURED = 3
_SECONDS_TO_CLOSE = 1.0

Part = Callable[[], Awaitable[None]]
"""Something that runs until it is cancelled."""

_log = structlog.get_logger(__name__)


class WorkerSettings(Settings):
    """What the worker can be told besides."""

    worker_metrics_address: Address | None = None
    """Where Prometheus finds the worker's metrics; unset, nowhere."""


class Worker:
    """Runs jobs and everything that goes on in the background, until told to stop."""

    def __init__(
        self,
        *,
        consumer: Consumer,
        parts: Mapping[str, Part],
        closing: Sequence[Part],
        registry: CollectorRegistry,
        reporter: Reporter,
        grace: float,
    ) -> None:
        """`closing` is what to close at the end; `grace` is how many seconds jobs may go on."""
        self._consumer = consumer
        self._parts = parts
        self._closing = closing
        self._registry = registry
        self._reporter = reporter
        self._grace = grace

    def serve_metrics(self, address: Address) -> None:
        """Serves Prometheus metrics."""
        host, _, port = address.rpartition(":")
        start_http_server(int(port), addr=host.strip("[]"), registry=self._registry)

    async def run(self, stopping: asyncio.Event) -> None:
        """Works until `stopping`, lets the jobs that run end, and closes."""
        consuming = self._keep("jobs", self._consumer.run)
        parts = [self._keep(name, run) for name, run in self._parts.items()]
        try:
            await stopping.wait()
            self._consumer.stop()
            for part in parts:
                part.cancel()
            await asyncio.wait({consuming}, timeout=self._grace)
        finally:
            await self._close([consuming, *parts])

    def _keep(self, name: str, run: Part) -> asyncio.Task[None]:
        return asyncio.create_task(keep_running(name, run, reporter=self._reporter))

    async def _close(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_SECONDS_TO_CLOSE):
                await cancel(tasks)
                await asyncio.gather(*(close() for close in self._closing))


def build(settings: WorkerSettings) -> Worker:
    """The worker, ready to run. Raises `MisconfiguredError`."""
    clock = SystemClock()
    entropy = Entropy()
    registry = CollectorRegistry()
    reporter = make_reporter(dsn=settings.sentry_dsn, environment=settings.profile.value)
    database = Database(
        url=settings.database_url.get_secret_value(),
        pool=settings.database_pool,
        pool_timeout=settings.database_pool_timeout,
        name="limen-worker",
    )
    changes = Changes(url=settings.database_url.get_secret_value(), database=database)
    # A job holds one connection; the other half is for the parts, and for failures to be noted.
    concurrency = max(1, settings.database_pool // 2)
    broker = JobBroker(url=settings.valkey_url.get_secret_value(), read_count=concurrency)
    vault = Vault(keys=settings.secret_keys(), entropy=entropy)
    origin = _origin(settings)
    mailer = build_mailer(settings, clock)
    lifetimes = {purpose.value: lifetime for purpose, lifetime in LIFETIMES.items()}
    auth = AuthTasks(
        letters=Letters(
            outbox=Outbox(entropy=entropy, clock=clock), vault=vault, clock=clock, entropy=entropy
        ),
        mailer=mailer,
        templates=Templates(service=origin.display_name or origin.domain, lifetimes=lifetimes),
        vault=vault,
        clock=clock,
        public_url=settings.public_url,
    )
    grace = max(0.1, settings.shutdown_grace - _SECONDS_TO_CLOSE)
    runner = Runner(
        database=database,
        handlers=auth.handlers(),
        clock=clock,
        entropy=entropy,
        reporter=reporter,
        metrics=JobMetrics(registry=registry),
    )
    consumer = Consumer(
        broker=broker,
        run_job=runner.run,
        concurrency=concurrency,
        grace=grace,
    )
    relay = Relay(database=database, publish=broker.publish, clock=clock)
    sequencer = Sequencer(database=database, registry=registry)
    cleanup = Cleanup(
        database=database,
        sweeps=[
            *auth_sweeps.sweeps(),
            *factor_sweeps.sweeps(),
            *api_key_sweeps.sweeps(),
            *user_sweeps.sweeps(),
            *job_sweeps.sweeps(),
        ],
        clock=clock,
        entropy=entropy,
    )
    backlog = BacklogGauge(database=database, clock=clock, registry=registry)
    return Worker(
        consumer=consumer,
        parts={
            "changes": changes.run,
            "relay": relay.run,
            "sequencer": sequencer.run,
            "cleanup": cleanup.run,
            "backlog": backlog.run,
        },
        closing=[
            mailer.close,
            broker.shutdown,
            database.close,
            partial(asyncio.to_thread, reporter.close),
        ],
        registry=registry,
        reporter=reporter,
        grace=grace,
    )


def build_mailer(settings: Settings, clock: Clock) -> Mailer:
    """Mail goes to the SMTP server that is named; without one it is kept in the data directory.

    Raises `MisconfiguredError`.
    """
    if settings.smtp_url is None:
        return KeptMailer(folder=settings.mail_dir, clock=clock)
    try:
        server = SmtpServer.parse(settings.smtp_url.get_secret_value())
    except ValueError as error:
        raise MisconfiguredError(f"LIMEN_SMTP_URL {error}") from None
    return SmtpMailer(
        server=server, origin=_origin(settings), tls=ssl.create_default_context(), clock=clock
    )


def main() -> int:
    """Runs until SIGTERM or SIGINT. Returns the exit code."""
    try:
        settings = WorkerSettings()
        logging.configure(settings.log_level, "worker")
        return uvloop.run(_work(settings))
    except MisconfiguredError as error:
        return _refuse(str(error))
    except ValidationError as error:
        faults = (f"LIMEN_{str(each['loc'][0]).upper()}: {each['msg']}" for each in error.errors())
        return _refuse("; ".join(faults))


def _refuse(text: str) -> int:
    sys.stderr.write(f"limen cannot start: {text}\n")
    return _MISCONFIGURED


async def _work(settings: WorkerSettings) -> int:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    worker = build(settings)
    address = settings.worker_metrics_address
    if address is not None:
        try:
            worker.serve_metrics(address)
        except OSError as error:
            _log.error("worker.cannot_listen", address=address, error=str(error))
            return _FAILURE
    _log.info("worker.working", pid=os.getpid())
    await worker.run(stopping)
    _log.info("worker.stopped")
    return 0


def _origin(settings: Settings) -> MailAddress:
    try:
        return sender(settings.mail_from)
    except ValueError:
        raise MisconfiguredError(
            "LIMEN_MAIL_FROM must look like: limen <no-reply@example.org>"
        ) from None


if __name__ == "__main__":
    sys.exit(main())

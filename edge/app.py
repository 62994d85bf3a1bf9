"""The composition root of the edge: the one file that sees all of it."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.types import ASGIApp
from structlog.typing import FilteringBoundLogger

from edge.admission import Admission
from edge.body_deadline import BodyDeadline
from edge.bundling.channel import BundlingChannel
from edge.caching import Revalidated
from edge.channel import MAX_MESSAGE, open_channel
from edge.compression import Compression
from edge.contract import public_rpcs, read_contract, services_of
from edge.cors import CrossOrigin
from edge.csrf import CsrfProtection
from edge.dispatch import Dispatch
from edge.failures import Failures
from edge.frontier import LimenFrontier
from edge.health import Readiness, health_router
from edge.lifecycle import Lifecycle
from edge.logs import make_log
from edge.mailbox import Mailbox, mail_router
from edge.metrics import Metrics
from edge.observation import Observation
from edge.origins import Origins
from edge.pages.routes import build_router
from edge.problems import Problems
from edge.reference import reference_router
from edge.secure_headers import SecureHeaders
from edge.settings import Settings
from edge.streams import EndingStreams
from edge.transcoding.transcoder import Transcoder
from edge.website import make_website
from limen.messages import Catalogue

_JWKS = "/.well-known/jwks.json"
_JWKS_CACHING = "public, max-age=300"


def build(
    settings: Settings,
    *,
    log: FilteringBoundLogger | None = None,
    lifecycle: Lifecycle | None = None,
) -> ASGIApp:
    """The edge as an ASGI app. Must be called in the event loop that serves it.

    Its lifespan closes the connection to the core. Without a `log` it writes to standard output;
    `lifecycle` is how the server that runs it says that it stops.
    """
    log = log or make_log(sys.stdout.buffer, settings.log_level)
    lifecycle = lifecycle or Lifecycle()
    contract = read_contract()
    services = services_of(contract)
    channel = open_channel(settings.core_target, settings.core_ca)
    problems = Problems(public_url=settings.public_url)
    metrics = Metrics()
    origins = Origins.of(
        settings.public_origin,
        settings.cors_origins,
        any_host_of_ours=settings.is_development,
    )
    public = public_rpcs(contract)
    secret = settings.edge_secret
    frontier = LimenFrontier(
        problems=problems,
        log=log,
        public=public,
        edge_secret=secret.get_secret_value() if secret else "",
        timeout=settings.request_timeout,
    )
    bundling = BundlingChannel(
        channel,
        proof=frontier.proof,
        count=settings.bundle_streams,
        max_bytes=MAX_MESSAGE,
        log=log,
    )
    transcoder = Transcoder(
        contract=contract,
        services=services,
        channel=bundling,
        frontier=frontier,
        max_body=settings.max_body,
        # Whether somebody may call at all comes before what is wrong with the call, and only the
        # core knows.
        validated=public,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        transcoder.warm()
        Catalogue("limen").warm()
        bundling.start()
        try:
            yield
        finally:
            await bundling.close()

    routers = [
        health_router(Readiness(channel=channel, lifecycle=lifecycle), metrics),
        reference_router(contract, services, public_url=settings.public_url),
        build_router(),
    ]
    if settings.shows_mail:
        routers.append(mail_router(Mailbox(settings.mail_dir)))

    # From the inside out: each line wraps all above it.
    app: ASGIApp = Dispatch(
        api=transcoder,
        exact={_JWKS: Revalidated(transcoder, cache_control=_JWKS_CACHING)},
        pages=make_website(*routers, problems=problems, lifespan=lifespan),
    )
    app = EndingStreams(app, lifecycle=lifecycle)
    app = CsrfProtection(app, origins=origins)
    app = BodyDeadline(app, seconds=settings.body_timeout)
    app = Admission(app, limit=settings.max_in_flight)
    # What stands so far may raise a refusal; what wraps it from here on sees the answer to one.
    app = Failures(app, problems=problems, log=log)
    app = Compression(app)
    app = CrossOrigin(app, origins=origins)
    app = SecureHeaders(app, https=settings.is_https)
    # Outermost, so that no request goes unseen and the log has the status that was sent.
    return Observation(app, metrics=metrics, log=log)

"""The composition root of the core: the use cases, and all that serves them over gRPC.

Straight-line constructors; `domain` has those of the use cases.
"""

import asyncio
from typing import cast

import grpc
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc
from prometheus_client import CollectorRegistry, start_http_server
from redis.asyncio import Redis

from limen.apikeys.v1 import apikeys_pb2, apikeys_pb2_grpc
from limen.audit.v1 import audit_pb2, audit_pb2_grpc
from limen.auth.v1 import auth_pb2, auth_pb2_grpc
from limen.factors.v1 import factors_pb2, factors_pb2_grpc
from limen.relay.v1 import relay_pb2, relay_pb2_grpc
from limen.users.v1 import users_pb2, users_pb2_grpc
from server import tls
from server.apikeys.servicer import ApiKeyServicer, ServiceAccountServicer
from server.audit.servicer import AuditServicer
from server.auth.servicer import AuthServicer, HandOver
from server.authenticator import Authenticator
from server.domain import Domain, breached_passwords, build_domain
from server.factors.servicer import FactorServicer
from server.health import Health
from server.interceptors import policy
from server.interceptors.access import Access
from server.interceptors.chain import Chain
from server.interceptors.deadline import Deadline
from server.interceptors.edge_only import EdgeOnly
from server.interceptors.errors import Errors
from server.interceptors.handlers import Handlers
from server.interceptors.limit import LimitCaller, LimitNetwork
from server.interceptors.observe import Observe
from server.interceptors.origin import Origins
from server.interceptors.redaction import Redaction
from server.interceptors.relay import RelayServicer
from server.interceptors.validate import Validate
from server.jobs.supervision import cancel, keep_running
from server.platform import valkey
from server.platform.clock import Clock, Entropy, SystemClock
from server.platform.logging import CallLog
from server.platform.probe import Probe
from server.platform.quotas import Quotas
from server.platform.reporting import Reporter, make_reporter
from server.settings import Settings
from server.tls import TlsFiles
from server.users.servicer import UserServicer

SERVICES = (
    auth_pb2.DESCRIPTOR.services_by_name["AuthService"],
    users_pb2.DESCRIPTOR.services_by_name["UserService"],
    audit_pb2.DESCRIPTOR.services_by_name["AuditService"],
    factors_pb2.DESCRIPTOR.services_by_name["FactorService"],
    apikeys_pb2.DESCRIPTOR.services_by_name["ApiKeyService"],
    apikeys_pb2.DESCRIPTOR.services_by_name["ServiceAccountService"],
)

RELAY = relay_pb2.DESCRIPTOR.services_by_name["RelayService"]
"""Brings calls of these services from the edge; nobody else has use for it."""


class Core:
    """The gRPC process: starts, serves, and stops without dropping a call."""

    def __init__(
        self,
        *,
        settings: Settings,
        server: grpc.aio.Server,
        health: Health,
        domain: Domain,
        probe: Probe,
        valkey_client: Redis,
        registry: CollectorRegistry,
        reporter: Reporter,
        relay: RelayServicer,
    ) -> None:
        self._settings = settings
        self._server = server
        self._relay = relay
        self._health = health
        self._domain = domain
        self._probe = probe
        self._valkey = valkey_client
        self._registry = registry
        self._reporter = reporter
        self._tasks: list[asyncio.Task[None]] = []
        self.port = 0
        self.mtls_port = 0

    async def start(self) -> None:
        """Begins to serve. PostgreSQL may still be away: health says so until it is there."""
        await self._health.open()
        for name, run in {
            "changes": self._domain.changes.run,
            "sessions": self._domain.sessions.run,
            "api keys": self._domain.live_keys.run,
            "keyring": self._domain.keyring.run,
            "revocations": self._domain.revocations.run,
            "health": self._health.run,
        }.items():
            work = keep_running(name, run, reporter=self._reporter)
            self._tasks.append(asyncio.create_task(work))
        self.port = self._listen(self._settings.grpc_address, tls.files_of(self._settings))
        if self._settings.mtls_address is not None:
            files = tls.files_of(self._settings, demanding=True)
            self.mtls_port = self._listen(self._settings.mtls_address, files)
        await self._server.start()

    def serve_metrics(self, offset: int) -> None:
        """Serves Prometheus metrics; processes of one core use consecutive ports."""
        host, _, port = self._settings.metrics_address.rpartition(":")
        start_http_server(int(port) + offset, addr=host.strip("[]"), registry=self._registry)

    async def stop(self) -> None:
        """Health first, then open streams, then the calls that run, then the connections."""
        await self._health.close()
        self._domain.audit.close()
        self._domain.revocations.close()
        self._relay.close()
        await self._server.stop(self._settings.shutdown_grace)
        await cancel(self._tasks)
        self._probe.close()
        await self._domain.sessions.flush()
        await self._domain.live_keys.flush()
        self._domain.hasher.close()
        await self._domain.database.close()
        await self._valkey.aclose(close_connection_pool=True)
        await asyncio.to_thread(self._reporter.close)

    def _listen(self, address: str, files: TlsFiles | None) -> int:
        if files is None:
            return self._server.add_insecure_port(address)
        return self._server.add_secure_port(address, files.credentials())


def check(settings: Settings) -> None:
    """Raises `MisconfiguredError` when something that the settings name cannot be used."""
    for demanding in (False, True):
        files = tls.files_of(settings, demanding=demanding)
        if files is not None:
            files.check()
    breached = breached_passwords(settings)
    if breached is not None:
        breached.close()


def build(
    settings: Settings, *, clock: Clock | None = None, entropy: Entropy | None = None
) -> Core:
    """The core, ready to start.

    Raises `interceptors.policy.PolicyMissingError` when the contract leaves an RPC without policy.
    """
    clock = clock or SystemClock()
    entropy = entropy or Entropy()
    rules = policy.read((*SERVICES, RELAY))
    domain = build_domain(
        settings,
        clock=clock,
        entropy=entropy,
        permissions=policy.permissions(rules.values()),
        name="limen-core",
    )
    valkey_client = valkey.connect(settings.valkey_url.get_secret_value())
    quotas = Quotas(valkey=valkey_client, scale=settings.limit_scale)
    reporter = make_reporter(dsn=settings.sentry_dsn, environment=settings.profile.value)
    registry = CollectorRegistry()
    validate = Validate()
    validate.warm(method.input_type for service in SERVICES for method in service.methods)
    secret = settings.edge_secret.get_secret_value() if settings.edge_secret else None
    access = Access(
        authenticator=Authenticator(credentials=domain.credentials, keys=domain.live_keys),
        enrolments=domain.enrolments,
        denials=domain.recorder,
        clock=clock,
    )
    origins = Origins(edge_secret=secret)
    chain = Chain(
        rules=rules,
        observe=Observe(
            origins=origins,
            registry=registry,
            log=CallLog(process="core", level=settings.log_level),
        ),
        failures=Errors(
            reporter=reporter, redaction=Redaction(), shows_traces=settings.shows_traces
        ),
        deadline=Deadline(longest=settings.max_deadline),
        gates=(LimitNetwork(quotas=quotas), access, LimitCaller(quotas=quotas), validate),
        lasting=access,
        arriving=validate,
        between=EdgeOnly(origins=origins),
    )
    relay = RelayServicer(
        chain=chain,
        max_bytes=settings.max_request_bytes,
        max_in_flight=settings.max_concurrent_calls,
    )
    probe = Probe(url=settings.database_url.get_secret_value(), name="limen-health")

    async def can_work() -> None:
        await probe.look()
        if not domain.keyring.is_loaded():
            await domain.keyring.load()

    health = Health(
        services=[service.full_name for service in SERVICES],
        postgresql=can_work,
        valkey=lambda: valkey.ping(valkey_client),
    )
    return Core(
        settings=settings,
        server=_server(settings, chain, _handlers(settings, health, domain, relay)),
        health=health,
        domain=domain,
        probe=probe,
        valkey_client=valkey_client,
        registry=registry,
        reporter=reporter,
        relay=relay,
    )


def _server(settings: Settings, chain: Chain, handlers: Handlers) -> grpc.aio.Server:
    chain.wrap(handlers.by_path)
    return grpc.aio.server(
        handlers=(chain,),
        maximum_concurrent_rpcs=settings.max_concurrent_calls,
        options=(
            # Sharing the port silently would hide that another core runs already.
            ("grpc.so_reuseport", 1 if settings.core_processes > 1 else 0),
            ("grpc.max_receive_message_length", settings.max_request_bytes),
            ("grpc.max_send_message_length", settings.max_request_bytes),
            ("grpc.max_metadata_size", 16 * 1024),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
            ("grpc.max_connection_age_grace_ms", 30_000),
        ),
    )


def _handlers(settings: Settings, health: Health, domain: Domain, relay: RelayServicer) -> Handlers:
    handlers = Handlers()
    # Generated code asks for a server, and uses what `Handlers` has of one.
    server = cast("grpc.aio.Server", handlers)
    hand_over = HandOver(sessions=domain.session_control)
    auth_pb2_grpc.add_AuthServiceServicer_to_server(
        AuthServicer(
            registration=domain.registration,
            signing_in=domain.signing_in,
            second_step=domain.second_step,
            hand_over=hand_over,
            sessions=domain.session_control,
            recovery=domain.recovery,
            keyring=domain.keyring,
            revocations=domain.revocations,
        ),
        server,
    )
    apikeys_pb2_grpc.add_ApiKeyServiceServicer_to_server(
        ApiKeyServicer(keys=domain.api_keys), server
    )
    apikeys_pb2_grpc.add_ServiceAccountServiceServicer_to_server(
        ServiceAccountServicer(accounts=domain.service_accounts, issuing=domain.issuing), server
    )
    users_pb2_grpc.add_UserServiceServicer_to_server(
        UserServicer(users=domain.users, roles=domain.custom_roles, importing=domain.importing),
        server,
    )
    factors_pb2_grpc.add_FactorServiceServicer_to_server(
        FactorServicer(
            factors=domain.factors,
            apps=domain.apps,
            passkeys=domain.passkeys,
            passkey_sign_in=domain.passkey_sign_in,
            hand_over=hand_over,
        ),
        server,
    )
    audit_pb2_grpc.add_AuditServiceServicer_to_server(AuditServicer(audit=domain.audit), server)
    relay_pb2_grpc.add_RelayServiceServicer_to_server(relay, server)
    health_pb2_grpc.add_HealthServicer_to_server(health.servicer, server)
    if settings.serves_reflection:
        names = [service.full_name for service in SERVICES]
        names += ["grpc.health.v1.Health", reflection.SERVICE_NAME]
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(  # type: ignore[no-untyped-call] # has no types
            reflection.aio.ReflectionServicer(names), server
        )
    return handlers

"""The composition root of the core: the one file that sees everything.

Straight-line constructors; whoever wants to know what depends on what reads it here.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import grpc
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from prometheus_client import CollectorRegistry, start_http_server
from redis.asyncio import Redis

from limen.audit.v1 import audit_pb2, audit_pb2_grpc
from limen.auth.v1 import auth_pb2, auth_pb2_grpc
from limen.users.v1 import users_pb2, users_pb2_grpc
from server.audit.recorder import Recorder
from server.audit.service import AuditService
from server.audit.servicer import AuditServicer
from server.auth import common_passwords
from server.auth.credentials import Credentials
from server.auth.enrolment import Enrolment
from server.auth.hashing import HashingParameters, PasswordHasher
from server.auth.keyring import Keyring
from server.auth.letters import Letters
from server.auth.password_checks import Passwords
from server.auth.passwords import PasswordPolicy
from server.auth.recovery import Recovery
from server.auth.registration import Registration
from server.auth.servicer import AuthServicer
from server.auth.session_control import SessionControl
from server.auth.sessions import Sessions
from server.auth.signing_in import SigningIn
from server.health import Health
from server.interceptors import policy
from server.interceptors.access import Access
from server.interceptors.chain import Chain
from server.interceptors.deadline import Deadline
from server.interceptors.errors import Errors
from server.interceptors.limit import LimitCaller, LimitNetwork
from server.interceptors.observe import Observe
from server.interceptors.origin import Origins
from server.interceptors.redaction import Redaction
from server.interceptors.validate import Validate
from server.jobs.outbox import Outbox
from server.jobs.supervision import cancel, keep_running
from server.platform import valkey
from server.platform.changes import Changes
from server.platform.clock import Clock, Entropy, SystemClock
from server.platform.database import Database
from server.platform.logging import CallLog
from server.platform.pages import Pages
from server.platform.probe import Probe
from server.platform.quotas import Quotas
from server.platform.reporting import Reporter, make_reporter
from server.platform.vault import Vault
from server.settings import Settings
from server.users.directory import Directory
from server.users.lockouts import Lockouts
from server.users.roles import Roles
from server.users.service import UserService
from server.users.servicer import UserServicer

SERVICES = (
    auth_pb2.DESCRIPTOR.services_by_name["AuthService"],
    users_pb2.DESCRIPTOR.services_by_name["UserService"],
    audit_pb2.DESCRIPTOR.services_by_name["AuditService"],
)


@dataclass(frozen=True, slots=True)
class Domain:
    """The use cases, with what they share. The worker and the commands use it as well."""

    database: Database
    vault: Vault
    clock: Clock
    entropy: Entropy
    changes: Changes
    directory: Directory
    sessions: Sessions
    keyring: Keyring
    hasher: PasswordHasher
    credentials: Credentials
    recorder: Recorder
    letters: Letters
    registration: Registration
    signing_in: SigningIn
    session_control: SessionControl
    recovery: Recovery
    users: UserService
    audit: AuditService


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
    ) -> None:
        self._settings = settings
        self._server = server
        self._health = health
        self._domain = domain
        self._probe = probe
        self._valkey = valkey_client
        self._registry = registry
        self._reporter = reporter
        self._tasks: list[asyncio.Task[None]] = []
        self.port = 0

    async def start(self) -> None:
        """Begins to serve. PostgreSQL may still be away: health says so until it is there."""
        await self._health.open()
        for name, run in {
            "changes": self._domain.changes.run,
            "sessions": self._domain.sessions.run,
            "keyring": self._domain.keyring.run,
            "health": self._health.run,
        }.items():
            work = keep_running(name, run, reporter=self._reporter)
            self._tasks.append(asyncio.create_task(work))
        self.port = self._server.add_insecure_port(self._settings.grpc_address)
        await self._server.start()

    def serve_metrics(self, offset: int) -> None:
        """Serves Prometheus metrics; processes of one core use consecutive ports."""
        host, _, port = self._settings.metrics_address.rpartition(":")
        start_http_server(int(port) + offset, addr=host.strip("[]"), registry=self._registry)

    async def stop(self) -> None:
        """Health first, then open streams, then the calls that run, then the connections."""
        await self._health.close()
        self._domain.audit.close()
        await self._server.stop(self._settings.shutdown_grace)
        await cancel(self._tasks)
        self._probe.close()
        await self._domain.sessions.flush()
        self._domain.hasher.close()
        await self._domain.database.close()
        await self._valkey.aclose(close_connection_pool=True)
        await asyncio.to_thread(self._reporter.close)


def build_domain(
    settings: Settings, *, clock: Clock, entropy: Entropy, permissions: frozenset[str], name: str
) -> Domain:
    """The use cases over one pool of database connections."""
    database = Database(
        url=settings.database_url.get_secret_value(),
        pool=settings.database_pool,
        pool_timeout=settings.database_pool_timeout,
        name=name,
    )
    vault = Vault(keys=settings.secret_keys(), entropy=entropy)
    changes = Changes(url=settings.database_url.get_secret_value(), database=database)
    roles = Roles(permissions=permissions)
    directory = Directory(database=database, may_keep=changes.is_live)
    sessions = Sessions(
        database=database,
        directory=directory,
        roles=roles,
        clock=clock,
        idle=timedelta(seconds=settings.session_idle),
        may_keep=changes.is_live,
    )
    changes.on_gap(directory.forget_all)
    changes.on_gap(sessions.forget_all)
    keyring = Keyring(database=database, vault=vault, clock=clock)
    credentials = Credentials(
        keyring=keyring,
        sessions=sessions,
        vault=vault,
        clock=clock,
        entropy=entropy,
        issuer=settings.token_issuer,
        audience=settings.audience,
        access_ttl=timedelta(seconds=settings.access_token_ttl),
    )
    recorder = Recorder(database=database, clock=clock, entropy=entropy)
    pages = Pages(vault=vault)
    lockouts = Lockouts(vault=vault, clock=clock)
    parameters = HashingParameters(
        memory_kib=settings.argon2_memory_kib,
        time_cost=settings.argon2_time,
        parallelism=settings.argon2_parallelism,
    )
    hasher = PasswordHasher(
        parameters=parameters,
        threads=PasswordHasher.threads_for(settings.hashing_memory, parameters, settings.cores),
        max_waiting=settings.hashing_queue,
    )
    passwords = Passwords(policy=PasswordPolicy(common=common_passwords.load()), hasher=hasher)
    letters = Letters(
        outbox=Outbox(entropy=entropy, clock=clock), vault=vault, clock=clock, entropy=entropy
    )
    registration = Registration(
        database=database,
        passwords=passwords,
        letters=letters,
        recorder=recorder,
        clock=clock,
        entropy=entropy,
    )
    signing_in = SigningIn(
        database=database,
        passwords=passwords,
        lockouts=lockouts,
        credentials=credentials,
        letters=letters,
        recorder=recorder,
        roles=roles,
        clock=clock,
        entropy=entropy,
        lifetime=timedelta(seconds=settings.session_lifetime),
    )
    session_control = SessionControl(
        database=database,
        sessions=sessions,
        credentials=credentials,
        recorder=recorder,
        roles=roles,
        pages=pages,
        vault=vault,
        clock=clock,
        idle=timedelta(seconds=settings.session_idle),
        grace=timedelta(seconds=settings.refresh_grace),
    )
    recovery = Recovery(
        database=database,
        passwords=passwords,
        lockouts=lockouts,
        letters=letters,
        recorder=recorder,
        clock=clock,
    )
    users = UserService(
        database=database,
        directory=directory,
        recorder=recorder,
        credentials=Enrolment(passwords=passwords, registration=registration, clock=clock),
        lockouts=lockouts,
        roles=roles,
        pages=pages,
        clock=clock,
        entropy=entropy,
    )
    audit = AuditService(database=database, recorder=recorder, pages=pages)
    return Domain(
        database=database,
        vault=vault,
        clock=clock,
        entropy=entropy,
        changes=changes,
        directory=directory,
        sessions=sessions,
        keyring=keyring,
        hasher=hasher,
        credentials=credentials,
        recorder=recorder,
        letters=letters,
        registration=registration,
        signing_in=signing_in,
        session_control=session_control,
        recovery=recovery,
        users=users,
        audit=audit,
    )


def build(
    settings: Settings, *, clock: Clock | None = None, entropy: Entropy | None = None
) -> Core:
    """The core, ready to start.

    Raises `interceptors.policy.PolicyMissingError` when the contract leaves an RPC without policy.
    """
    clock = clock or SystemClock()
    entropy = entropy or Entropy()
    rules = policy.read(SERVICES)
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
    access = Access(authenticator=domain.credentials, denials=domain.recorder, clock=clock)
    chain = Chain(
        rules=rules,
        observe=Observe(
            origins=Origins(edge_secret=secret),
            registry=registry,
            log=CallLog(process="core", level=settings.log_level),
        ),
        failures=Errors(
            reporter=reporter, redaction=Redaction(), shows_traces=settings.shows_traces
        ),
        deadline=Deadline(longest=settings.max_deadline),
        gates=(LimitNetwork(quotas=quotas), access, LimitCaller(quotas=quotas), validate),
        lasting=access,
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
        server=_server(settings, chain, health, domain),
        health=health,
        domain=domain,
        probe=probe,
        valkey_client=valkey_client,
        registry=registry,
        reporter=reporter,
    )


def _server(settings: Settings, chain: Chain, health: Health, domain: Domain) -> grpc.aio.Server:
    server = grpc.aio.server(
        interceptors=(chain,),
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
    auth_pb2_grpc.add_AuthServiceServicer_to_server(
        AuthServicer(
            registration=domain.registration,
            signing_in=domain.signing_in,
            sessions=domain.session_control,
            recovery=domain.recovery,
            keyring=domain.keyring,
        ),
        server,
    )
    users_pb2_grpc.add_UserServiceServicer_to_server(UserServicer(users=domain.users), server)
    audit_pb2_grpc.add_AuditServiceServicer_to_server(AuditServicer(audit=domain.audit), server)
    health_pb2_grpc.add_HealthServicer_to_server(health.servicer, server)
    if settings.serves_reflection:
        names = [service.full_name for service in SERVICES]
        names += ["grpc.health.v1.Health", reflection.SERVICE_NAME]
        reflection.enable_server_reflection(names, server)
    return server

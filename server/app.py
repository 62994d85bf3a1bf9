"""The composition root of the core: the one file that sees everything.

Straight-line constructors; whoever wants to know what depends on what reads it here.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import cast
from urllib.parse import urlsplit

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
from server.apikeys.issuing import Issuing
from server.apikeys.live_keys import LiveKeys
from server.apikeys.service import ApiKeyService
from server.apikeys.service_accounts import ServiceAccounts
from server.apikeys.servicer import ApiKeyServicer, ServiceAccountServicer
from server.audit.recorder import Recorder
from server.audit.service import AuditService
from server.audit.servicer import AuditServicer
from server.auth import common_passwords
from server.auth.breached import BreachedPasswords, UnusableListError
from server.auth.challenges import Challenges
from server.auth.credentials import Credentials
from server.auth.enrolment import Enrolment
from server.auth.factor_changes import FactorChanges
from server.auth.foreign_hashes.schemes import ForeignHashes
from server.auth.foreign_passwords import ForeignPasswords
from server.auth.hashing import HashingParameters, PasswordHasher
from server.auth.key_rotation import KeyRotation
from server.auth.keyring import Keyring
from server.auth.letters import Letters
from server.auth.machine_sessions import MachineSessions
from server.auth.moving import Moving
from server.auth.new_sessions import NewSessions
from server.auth.password_checks import Passwords
from server.auth.passwords import PasswordPolicy
from server.auth.recovery import Recovery
from server.auth.registration import Registration
from server.auth.revocations import Revocations
from server.auth.second_step import SecondStep
from server.auth.servicer import AuthServicer, HandOver
from server.auth.session_control import SessionControl
from server.auth.sessions import Sessions
from server.auth.signing_in import SigningIn
from server.authenticator import Authenticator
from server.factors.authenticator_apps import AuthenticatorApps
from server.factors.ceremonies import Ceremonies
from server.factors.enrolments import Enrolments
from server.factors.new_factors import NewFactors
from server.factors.passkey_registration import PasskeyRegistration
from server.factors.passkey_sign_in import PasskeySignIn
from server.factors.recovery_codes import RecoveryCodes
from server.factors.relying_party import RelyingParty
from server.factors.service import FactorService
from server.factors.servicer import FactorServicer
from server.factors.showing import Showing
from server.factors.totp_secrets import TotpSecrets
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
from server.settings import MisconfiguredError, Settings
from server.tls import TlsFiles
from server.users.custom_roles import CustomRoles
from server.users.directory import Directory
from server.users.importing import Importing
from server.users.lockout import SECOND_FACTORS
from server.users.lockouts import Lockouts
from server.users.roles import Roles
from server.users.service import UserService
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
    live_keys: LiveKeys
    key_rotation: KeyRotation
    keyring: Keyring
    revocations: Revocations
    hasher: PasswordHasher
    credentials: Credentials
    recorder: Recorder
    letters: Letters
    registration: Registration
    signing_in: SigningIn
    session_control: SessionControl
    recovery: Recovery
    enrolments: Enrolments
    second_step: SecondStep
    factors: FactorService
    apps: AuthenticatorApps
    passkeys: PasskeyRegistration
    passkey_sign_in: PasskeySignIn
    api_keys: ApiKeyService
    service_accounts: ServiceAccounts
    issuing: Issuing
    users: UserService
    importing: Importing
    custom_roles: CustomRoles
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
    live_keys = LiveKeys(
        database=database,
        directory=directory,
        roles=roles,
        clock=clock,
        may_keep=changes.is_live,
    )
    changes.on_gap(directory.forget_all)
    changes.on_gap(sessions.forget_all)
    changes.on_gap(live_keys.forget_all)
    recorder = Recorder(database=database, clock=clock, entropy=entropy)
    key_rotation = KeyRotation(
        database=database,
        recorder=recorder,
        vault=vault,
        clock=clock,
        every=timedelta(seconds=settings.key_rotation),
    )
    keyring = Keyring(rotation=key_rotation, vault=vault, clock=clock)
    revocations = Revocations(database=database, hears_all=changes.is_live)
    database.on_change(keyring.changed)
    changes.on_gap(keyring.read_again)
    keyring.on_change(revocations.keys_changed)
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
    pages = Pages(vault=vault)
    lockouts = Lockouts(vault=vault, clock=clock)
    parameters = HashingParameters(
        memory_kib=settings.argon2_memory_kib,
        time_cost=settings.argon2_time,
        parallelism=settings.argon2_parallelism,
    )
    foreign_hashes = ForeignHashes(vault=vault)
    hasher = PasswordHasher(
        parameters=parameters,
        threads=PasswordHasher.threads_for(settings.hashing_memory, parameters, settings.cores),
        max_waiting=settings.hashing_queue,
        foreign=foreign_hashes,
    )
    passwords = Passwords(
        policy=PasswordPolicy(common=common_passwords.load()),
        hasher=hasher,
        breached=_breached(settings),
    )
    letters = Letters(
        outbox=Outbox(entropy=entropy, clock=clock), vault=vault, clock=clock, entropy=entropy
    )
    moving = Moving(letters=letters, recorder=recorder, clock=clock)
    registration = Registration(
        database=database,
        passwords=passwords,
        letters=letters,
        moving=moving,
        recorder=recorder,
        clock=clock,
        entropy=entropy,
    )
    recovery_codes = RecoveryCodes(vault=vault, clock=clock, entropy=entropy)
    totp_secrets = TotpSecrets(vault=vault, entropy=entropy)
    showing = Showing(secrets=totp_secrets, codes=recovery_codes, clock=clock)
    new_sessions = NewSessions(
        credentials=credentials,
        roles=roles,
        clock=clock,
        entropy=entropy,
        lifetime=timedelta(seconds=settings.session_lifetime),
    )
    challenges = Challenges(
        factors=showing, new_sessions=new_sessions, recorder=recorder, clock=clock, entropy=entropy
    )
    factor_lockouts = Lockouts(vault=vault, clock=clock, policy=SECOND_FACTORS)
    second_step = SecondStep(
        database=database,
        challenges=challenges,
        factors=showing,
        lockouts=factor_lockouts,
        recorder=recorder,
    )
    factor_changes = FactorChanges(clock=clock)
    factors = FactorService(
        database=database,
        codes=recovery_codes,
        accounts=factor_changes,
        letters=letters,
        recorder=recorder,
    )
    new_factors = NewFactors(accounts=factor_changes, letters=letters, codes=recovery_codes)
    ceremonies = Ceremonies(clock=clock, entropy=entropy)
    party = RelyingParty.at(settings.public_url, others=settings.webauthn_origins)
    passkeys = PasskeyRegistration(
        database=database,
        ceremonies=ceremonies,
        new_factors=new_factors,
        recorder=recorder,
        party=party,
        clock=clock,
        entropy=entropy,
    )
    passkey_sign_in = PasskeySignIn(
        database=database,
        ceremonies=ceremonies,
        sign_ins=challenges,
        lockouts=factor_lockouts,
        recorder=recorder,
        party=party,
        clock=clock,
    )
    apps = AuthenticatorApps(
        database=database,
        new_factors=new_factors,
        secrets=totp_secrets,
        lockouts=factor_lockouts,
        recorder=recorder,
        clock=clock,
        entropy=entropy,
        issuer=urlsplit(settings.public_url).hostname or "limen",
    )
    signing_in = SigningIn(
        database=database,
        passwords=passwords,
        lockouts=lockouts,
        new_sessions=new_sessions,
        challenges=challenges,
        second_step=second_step,
        letters=letters,
        recorder=recorder,
        clock=clock,
    )
    session_control = SessionControl(
        database=database,
        sessions=sessions,
        api_keys=live_keys,
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
        credentials=Enrolment(
            passwords=passwords, registration=registration, moving=moving, clock=clock
        ),
        lockouts=lockouts,
        roles=roles,
        pages=pages,
        clock=clock,
        entropy=entropy,
    )
    importing = Importing(
        database=database,
        recorder=recorder,
        passwords=ForeignPasswords(hashes=foreign_hashes, clock=clock),
        clock=clock,
        entropy=entropy,
    )
    machine_sessions = MachineSessions(
        credentials=credentials, roles=roles, clock=clock, entropy=entropy
    )
    api_keys = ApiKeyService(
        database=database,
        live_keys=live_keys,
        recorder=recorder,
        roles=roles,
        pages=pages,
        clock=clock,
        entropy=entropy,
    )
    service_accounts = ServiceAccounts(
        database=database,
        sessions=machine_sessions,
        recorder=recorder,
        roles=roles,
        pages=pages,
        clock=clock,
        entropy=entropy,
    )
    issuing = Issuing(database=database, sessions=machine_sessions, recorder=recorder, clock=clock)
    audit = AuditService(database=database, recorder=recorder, pages=pages)
    return Domain(
        database=database,
        vault=vault,
        clock=clock,
        entropy=entropy,
        changes=changes,
        directory=directory,
        sessions=sessions,
        live_keys=live_keys,
        key_rotation=key_rotation,
        keyring=keyring,
        revocations=revocations,
        hasher=hasher,
        credentials=credentials,
        recorder=recorder,
        letters=letters,
        registration=registration,
        signing_in=signing_in,
        session_control=session_control,
        recovery=recovery,
        enrolments=Enrolments(database=database),
        second_step=second_step,
        factors=factors,
        apps=apps,
        passkeys=passkeys,
        passkey_sign_in=passkey_sign_in,
        api_keys=api_keys,
        service_accounts=service_accounts,
        issuing=issuing,
        users=users,
        importing=importing,
        custom_roles=CustomRoles(database=database, recorder=recorder, roles=roles, clock=clock),
        audit=audit,
    )


def check(settings: Settings) -> None:
    """Raises `MisconfiguredError` when something that the settings name cannot be used."""
    for demanding in (False, True):
        files = tls.files_of(settings, demanding=demanding)
        if files is not None:
            files.check()
    breached = _breached(settings)
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


def _breached(settings: Settings) -> BreachedPasswords | None:
    if settings.breached_passwords is None:
        return None
    try:
        return BreachedPasswords(settings.breached_passwords)
    except UnusableListError as error:
        raise MisconfiguredError(f"LIMEN_BREACHED_PASSWORDS: {error}") from error


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

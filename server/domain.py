"""The composition root of the use cases, over one pool of database connections.

Straight-line constructors, which the core, the worker and the commands share: whoever wants to
know what depends on what reads it here. What serves calls is put around it in `app`.
"""

from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from server.apikeys.issuing import Issuing
from server.apikeys.live_keys import LiveKeys
from server.apikeys.service import ApiKeyService
from server.apikeys.service_accounts import ServiceAccounts
from server.audit.recorder import Recorder
from server.audit.service import AuditService
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
from server.auth.session_control import SessionControl
from server.auth.sessions import Sessions
from server.auth.signing_in import SigningIn
from server.factors.authenticator_apps import AuthenticatorApps
from server.factors.ceremonies import Ceremonies
from server.factors.enrolments import Enrolments
from server.factors.new_factors import NewFactors
from server.factors.passkey_registration import PasskeyRegistration
from server.factors.passkey_sign_in import PasskeySignIn
from server.factors.recovery_codes import RecoveryCodes
from server.factors.relying_party import RelyingParty
from server.factors.service import FactorService
from server.factors.showing import Showing
from server.factors.totp_secrets import TotpSecrets
from server.jobs.outbox import Outbox
from server.platform.changes import Changes
from server.platform.clock import Clock, Entropy
from server.platform.database import Database
from server.platform.pages import Pages
from server.platform.vault import Vault
from server.settings import MisconfiguredError, Settings
from server.users.custom_roles import CustomRoles
from server.users.directory import Directory
from server.users.importing import Importing
from server.users.lockout import SECOND_FACTORS
from server.users.lockouts import Lockouts
from server.users.roles import Roles
from server.users.service import UserService


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
        breached=breached_passwords(settings),
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


def breached_passwords(settings: Settings) -> BreachedPasswords | None:
    """The list that the settings name, if they do. Raises `MisconfiguredError` if it is none."""
    if settings.breached_passwords is None:
        return None
    try:
        return BreachedPasswords(settings.breached_passwords)
    except UnusableListError as error:
        raise MisconfiguredError(f"LIMEN_BREACHED_PASSWORDS: {error}") from error

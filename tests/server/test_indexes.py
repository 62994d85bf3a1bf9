"""No request reads a whole table, nor most of one through an index: the plans of everything that
calls ask of PostgreSQL, as it plans them among 100,000 users.
"""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import event

from limen.apikeys.v1 import apikeys_pb2
from limen.audit.v1 import audit_pb2
from limen.auth.v1 import auth_pb2
from limen.factors.v1 import factors_pb2
from limen.users.v1 import users_pb2
from server.apikeys.secret_form import API_KEY, make
from server.caller import SYSTEM
from server.platform.database import connection_arguments
from server.platform.pages import Position
from tests.server.apikeys.authority import Authority
from tests.server.apikeys.machines import ME, Manager, Owner, presenting
from tests.server.factors.authenticator import Authenticator
from tests.server.factors.owner import WRONG, verify, with_app
from tests.server.factors.passkey_owner import newcomer, show
from tests.server.running_core import (
    PASSWORD,
    RunningCore,
    bearer,
    core_settings,
    refused,
    running_core,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Tables that stay small, or are emptied all the time.
SMALL = {"signing_keys", "pending", "roles"}
MOST_ROWS = 10_000
"""A tenth of the crowd; most queries look at less than a hundred rows."""

FAR_ON = UUID("e0000000-0000-7000-8000-000000000000")
"""An id behind most others."""

CROWD = """
INSERT INTO users.users
SELECT gen_random_uuid(), 'crowd' || n || '@example.com', 'crowd' || n || '@example.com',
       n % 2500 <> 0, 'Crowd', 'en', CASE WHEN n % 2000 = 0 THEN 'disabled' ELSE 'active' END, 1,
       now() - n * interval '1 minute', now()
FROM generate_series(1, 100000) AS n;

INSERT INTO users.role_grants
SELECT user_id, 'auditor', now() FROM users.users LIMIT 5000;

INSERT INTO users.sign_in_failures (account_key, network, attempts, last_attempt)
SELECT sha256(n::text::bytea), '192.0.2.1', 1, now() FROM generate_series(1, 50000) AS n;

INSERT INTO users.known_networks
SELECT sha256(n::text::bytea), '192.0.2.1', now() FROM generate_series(1, 50000) AS n;

INSERT INTO auth.passwords SELECT user_id, 'none', now() FROM users.users;

INSERT INTO auth.sessions (session_id, user_id, create_time, last_use_time, expire_time, proof_time,
    amr, user_agent, network, cookie_hash)
SELECT gen_random_uuid(), user_id, now(), now(), now() + interval '1 day', now(), '{pwd}', '', '',
    sha256(user_id::text::bytea)
FROM users.users;

INSERT INTO auth.one_time_tokens (token_id, token_hash, purpose, user_id, create_time, expire_time)
SELECT gen_random_uuid(), sha256(user_id::text::bytea), 'verify_email', user_id, now(),
    now() + interval '1 day'
FROM users.users LIMIT 50000;

INSERT INTO auth.challenges
SELECT gen_random_uuid(), sha256(user_id::text::bytea), user_id, NULL, '{pwd}', 'tokens', now(),
    now() + interval '5 minutes'
FROM users.users LIMIT 50000;

INSERT INTO factors.totps (factor_id, user_id, display_name, sealed, create_time, confirm_time)
SELECT gen_random_uuid(), user_id, '', '', now(), CASE WHEN random() < 0.9 THEN now() END
FROM users.users LIMIT 50000;

INSERT INTO factors.passkeys
SELECT gen_random_uuid(), user_id, '', sha256(user_id::text::bytea), '', 0, gen_random_uuid(), '{}',
    true, now()
FROM users.users LIMIT 50000;

INSERT INTO factors.ceremonies
SELECT gen_random_uuid(), sha256(user_id::text::bytea), 'sign_in', '', user_id, NULL, now(),
    now() + interval '5 minutes'
FROM users.users LIMIT 50000;

INSERT INTO factors.recovery_codes
SELECT user_id, sha256(n::text::bytea), now()
FROM (SELECT user_id FROM users.users LIMIT 50000) AS owners, generate_series(1, 3) AS n;

UPDATE users.users SET kind = 'service', email = '', email_key = 'service:' || user_id
WHERE user_id IN (SELECT user_id FROM users.users LIMIT 2000);

INSERT INTO apikeys.client_secrets
SELECT user_id, sha256(user_id::text::bytea), now() FROM users.users WHERE kind = 'service';

INSERT INTO apikeys.certificates
SELECT 'certificate' || n || user_id, user_id, now()
FROM users.users, generate_series(1, 5) AS n WHERE kind = 'service';

INSERT INTO apikeys.keys (api_key_id, user_id, display_name, secret_hash, hint, scopes,
    create_time, expire_time, revoke_time)
SELECT gen_random_uuid(), user_id, '', sha256(user_id::text::bytea), '', '{}', now(),
    now() + interval '1 day', CASE WHEN random() < 0.1 THEN now() END
FROM users.users LIMIT 50000;

INSERT INTO auth.revocations (session_id, time, xid)
SELECT gen_random_uuid(), now(), (3 + n % 100)::text::xid8 FROM generate_series(1, 100000) AS n;

INSERT INTO audit.events
SELECT gen_random_uuid(), now() - n * interval '1 second',
    (ARRAY['auth.sign_in', 'auth.refresh', 'users.update'])[1 + n % 3],
    (ARRAY['success', 'success', 'failure'])[1 + n % 3], 'user', 'actor' || n % 1000,
    'user', 'subject' || n % 1000, 'request' || n, '', '{}'
FROM generate_series(1, 100000) AS n;

INSERT INTO audit.places SELECT row_number() OVER (ORDER BY time) - 1, event_id FROM audit.events;
"""


class Statements:
    """What a core asks of PostgreSQL, each statement once."""

    def __init__(self, core: RunningCore) -> None:
        self.seen: dict[str, tuple] = {}
        engine = core.domain.database._engine.sync_engine
        event.listen(engine, "checkout", self._listen)
        event.listen(engine, "before_cursor_execute", self._note_of_sqlalchemy)

    def _listen(self, adapted, *_) -> None:
        # The same method again is no second listener.
        adapted.driver_connection.add_query_logger(self._note_of_asyncpg)

    def _note_of_asyncpg(self, logged) -> None:
        self._note(logged.query, logged.args)

    def _note_of_sqlalchemy(self, _connection, _cursor, statement, parameters, *_) -> None:
        self._note(statement, parameters)

    def _note(self, statement, args) -> None:
        # The driver asks once per connection what kinds of arrays there are.
        is_ours = "pg_catalog.pg_type" not in statement
        if is_ours and statement.split()[0] in {"SELECT", "INSERT", "UPDATE", "DELETE", "WITH"}:
            # Of a statement that runs for many rows, the first row will do.
            self.seen[statement] = args[0] if args and isinstance(args[0], tuple) else args


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def owner(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(**connection_arguments(database_url))
    await connection.execute(CROWD)
    await connection.execute("ANALYZE")
    yield connection
    await connection.close()


@pytest_asyncio.fixture(loop_scope="module")
async def core(
    owner: asyncpg.Connection,  # noqa: ARG001 - whose crowd is there first
    database_url: str,
    valkey_url: str,
) -> AsyncIterator[RunningCore]:
    async with running_core(core_settings(database_url, valkey_url)) as running:
        yield running


async def wasteful(owner: asyncpg.Connection, statements: Statements) -> dict[str, int]:
    """How many rows a query looks at, for each that looks at too many for what it gives."""
    looked_at = {}
    for query, args in [*statements.seen.items()]:
        if query.split()[0] == "SELECT":
            explain = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {query}"
            plan = json.loads(await owner.fetchval(explain, *args))
            looked_at[query] = sum(_looked_at(plan[0]["Plan"]))
    return {query: rows for query, rows in looked_at.items() if rows > MOST_ROWS}


def _looked_at(node):
    passed_over = sum(value for name, value in node.items() if name.startswith("Rows Removed"))
    yield node["Actual Loops"] * (node["Actual Rows"] + passed_over)
    for child in node.get("Plans", ()):
        yield from _looked_at(child)


async def whole_tables(owner: asyncpg.Connection, statements: Statements) -> dict[str, set[str]]:
    """The tables that a statement reads from end to end, for each that does."""
    found = {}
    for query, args in [*statements.seen.items()]:
        plan = json.loads(await owner.fetchval(f"EXPLAIN (FORMAT JSON) {query}", *args))
        tables = set(_scanned(plan[0]["Plan"])) - SMALL
        if tables:
            found[query] = tables
    return found


def _scanned(node):
    if node["Node Type"] == "Seq Scan":
        yield node["Relation Name"]
    for child in node.get("Plans", ()):
        yield from _scanned(child)


async def test_no_call_reads_a_whole_table(core, owner):
    statements = Statements(core)
    await _people_come_and_go(core)
    await _owners_show_factors(core)
    await _owners_show_passkeys(core)
    await _machines_call(core)
    await _administrators_look_around(core)
    await _auditors_read(core)

    assert len(statements.seen) > 40
    assert await whole_tables(owner, statements) == {}
    assert await wasteful(owner, statements) == {}


async def _people_come_and_go(core):
    account = await core.user()
    email = account.user.email
    await refused(core.sign_in(email, "a wrong password"))
    await refused(core.sign_in(core.fresh_email(), "a wrong password"))
    signed_in = await core.sign_in(email)
    here = bearer(signed_in)
    auth = core.auth
    await auth.SignUp(auth_pb2.SignUpRequest(email=core.fresh_email(), password=PASSWORD))
    await auth.SignUp(auth_pb2.SignUpRequest(email=email, password=PASSWORD))
    newcomer = core.fresh_email()
    await auth.SignUp(auth_pb2.SignUpRequest(email=newcomer, password=PASSWORD))
    token = await core.mailed_token(newcomer)
    await auth.VerifyEmail(auth_pb2.VerifyEmailRequest(token=token))
    await refused(auth.VerifyEmail(auth_pb2.VerifyEmailRequest(token=token)))
    await auth.ResendEmailVerification(auth_pb2.ResendEmailVerificationRequest(email=email))
    await auth.RequestPasswordReset(auth_pb2.RequestPasswordResetRequest(email=email))
    await refused(
        auth.ResetPassword(auth_pb2.ResetPasswordRequest(token="x", new_password=PASSWORD))
    )
    first = await auth.ListSessions(auth_pb2.ListSessionsRequest(page_size=1), metadata=here)
    await core.sign_in(email)
    first = await auth.ListSessions(auth_pb2.ListSessionsRequest(page_size=1), metadata=here)
    await auth.ListSessions(
        auth_pb2.ListSessionsRequest(page_size=1, page_token=first.next_page_token), metadata=here
    )
    await auth.RefreshTokens(
        auth_pb2.RefreshTokensRequest(refresh_token=signed_in.tokens.refresh_token)
    )
    change = auth_pb2.ChangePasswordRequest(
        current_password=PASSWORD, new_password="an entirely new password"
    )
    await auth.ChangePassword(change, metadata=here)
    await auth.RevokeOtherSessions(auth_pb2.RevokeOtherSessionsRequest(), metadata=here)
    renewed = await auth.Reauthenticate(
        auth_pb2.ReauthenticateRequest(password="an entirely new password"), metadata=here
    )
    await core.users.UpdateUser(
        users_pb2.UpdateUserRequest(user=users_pb2.User(user_id="me", display_name="X")),
        metadata=bearer(renewed),
    )
    await core.domain.sessions.flush()
    await refused(
        auth.RevokeSession(
            auth_pb2.RevokeSessionRequest(session_id=str(UUID(int=7))), metadata=bearer(renewed)
        )
    )
    await auth.SignOut(auth_pb2.SignOutRequest(), metadata=bearer(renewed))
    await refused(
        core.users.GetUser(
            users_pb2.GetUserRequest(user_id="me"), metadata=(("limen-session", "lms_unknown"),)
        )
    )


async def _owners_show_factors(core):
    owner = await with_app(core)
    await owner.factors()
    await owner.sign_in()
    challenge = await owner.challenge()
    await refused(verify(core, challenge.challenge_token, totp_code=WRONG))
    await verify(core, challenge.challenge_token, recovery_code=owner.recovery_codes[0])
    step_up = auth_pb2.ReauthenticateRequest(password=PASSWORD, totp_code=owner.fresh_code())
    owner.here = bearer(await core.auth.Reauthenticate(step_up, metadata=owner.here))
    await core.factors.RegenerateRecoveryCodes(
        factors_pb2.RegenerateRecoveryCodesRequest(), metadata=owner.here
    )
    delete = factors_pb2.DeleteFactorRequest(factor_id=owner.factor_id)
    await core.factors.DeleteFactor(delete, metadata=owner.here)


async def _owners_show_passkeys(core):
    owner = await newcomer(core)
    passkey = await owner.add(Authenticator())
    await refused(show(core, Authenticator(), user_handle=b"nobody"))
    await refused(show(core, passkey, signature=b"wrong"))
    await show(core, passkey)
    request = auth_pb2.SignInRequest(email=owner.email, password=PASSWORD)
    challenge = (await core.auth.SignIn(request)).challenge
    await show(core, passkey, challenge_token=challenge.challenge_token)


async def _machines_call(core):
    owner, manager = await Owner.of(core, "admin"), await Manager.of(core)
    made = await owner.key("users.read")
    await owner.key()
    await refused(core.users.GetUser(ME, metadata=presenting(make(API_KEY, bytes(32)))))
    await core.users.GetUser(ME, metadata=presenting(made.secret))
    first = await owner.listed(page_size=1)
    await owner.listed(page_token=first.next_page_token)
    await owner.revoke(made.api_key.api_key_id)
    await refused(owner.revoke(str(UUID(int=7))))
    program, identity = await manager.account("service"), Authority().identity("a program")
    await manager.rotate(program)
    await refused(program.token())
    bound = await manager.bind(program, identity.text)
    (thumbprint,) = bound.certificate_thumbprints
    await core.domain.issuing.issue(SYSTEM, UUID(program.client_id), "", thumbprint)
    await manager.unbind(program, thumbprint)
    accounts = apikeys_pb2.ListServiceAccountsRequest(page_size=20)
    await manager.accounts.ListServiceAccounts(accounts, metadata=manager.metadata)
    await manager.disable(program.client_id)


async def _administrators_look_around(core):
    admin = await core.bearer("admin")
    users = core.users
    for text in (
        "",
        'email = "crowd77@example.com"',
        'email = "crowd777*"',
        'email != "crowd77@example.com"',
        "kind = SERVICE",
        "kind != SERVICE",
        "state = DISABLED",
        "state != ACTIVE",
        "state = ACTIVE",
        "role = auditor",
        "role != auditor",
        "email_verified = false",
        "email_verified != true",
        'create_time > "2026-01-01T00:00:00Z"',
        'create_time < "2020-01-01T00:00:00Z"',
        'state = DISABLED AND email = "crowd*"',
    ):
        for token in ("", core.domain.users._pages.token("users", text, FAR_ON.bytes)):
            await users.ListUsers(
                users_pb2.ListUsersRequest(filter=text, page_size=20, page_token=token),
                metadata=admin,
            )
    somebody = str((await core.user()).user.user_id)
    await users.UpdateUser(
        users_pb2.UpdateUserRequest(
            user=users_pb2.User(user_id=somebody, email=core.fresh_email())
        ),
        metadata=admin,
    )
    role = {"user_id": somebody, "role": "auditor"}
    await users.GrantRole(users_pb2.GrantRoleRequest(**role), metadata=admin)
    await users.RevokeRole(users_pb2.RevokeRoleRequest(**role), metadata=admin)
    await users.DisableUser(users_pb2.DisableUserRequest(user_id=somebody), metadata=admin)
    await users.EnableUser(users_pb2.EnableUserRequest(user_id=somebody), metadata=admin)
    await users.UnlockUser(users_pb2.UnlockUserRequest(user_id=somebody), metadata=admin)


async def _auditors_read(core):
    auditor = await core.bearer("auditor", "service")
    audit = core.audit
    for text in (
        "",
        'action = "auth.refresh"',
        "outcome = OUTCOME_FAILURE",
        'actor.id = "actor7"',
        'subject.id = "subject7"',
        'request_id = "request7"',
        'time > "2026-01-01T00:00:00Z"',
        'time < "2020-01-01T00:00:00Z"',
        'actor.id = "actor7" AND action = "auth.sign_in"',
    ):
        far_on = Position(datetime.now(UTC) - timedelta(hours=20), FAR_ON).pack()
        for token in (core.domain.audit._pages.token("events", text, far_on), ""):
            page = await audit.ListEvents(
                audit_pb2.ListEventsRequest(filter=text, page_size=20, page_token=token),
                metadata=auditor,
            )
    page = await audit.ListEvents(audit_pb2.ListEventsRequest(page_size=1), metadata=auditor)
    request = audit_pb2.GetEventRequest(event_id=page.events[0].event_id)
    await audit.GetEvent(request, metadata=auditor)
    event_request = audit_pb2.RecordEventRequest(
        action="x.test", outcome=audit_pb2.OUTCOME_SUCCESS, event_key="once"
    )
    for _ in range(2):
        await audit.RecordEvent(event_request, metadata=auditor)
    stream = audit.WatchEvents(audit_pb2.WatchEventsRequest(first_index=99_000), metadata=auditor)
    await stream.read()
    stream.cancel()
    await core.domain.audit._start(None)
    revocations = core.auth.WatchRevocations(auth_pb2.WatchRevocationsRequest(), metadata=auditor)
    await revocations.read()
    revocations.cancel()

"""Accounts from another system: taken by the batch, judged by the row, signed in to at once."""

import asyncio
import base64
import hashlib
import tracemalloc

import argon2
import bcrypt
import grpc
import pytest
import pytest_asyncio

from limen.users.v1 import users_pb2
from server.caller import SYSTEM
from server.users.importing import ImportedUser
from tests.server.running_core import bearer, refusal, refused

pytestmark = pytest.mark.asyncio(loop_scope="module")

PASSWORD = "grüße an die welt"
FIREBASE_KEY = (
    "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA=="
)


def bcrypt_hash(password: str = PASSWORD) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


HASHES = {
    "bcrypt": (PASSWORD, bcrypt_hash()),
    "bcrypt, PHP": (PASSWORD, bcrypt_hash().replace("$2b$", "$2y$")),
    "bcrypt, Django": (PASSWORD, "bcrypt$" + bcrypt_hash()),
    "scrypt": (
        PASSWORD,
        "$scrypt$ln=10,r=8,p=1$c2FsdHNhbHQ$"
        + base64_of(
            hashlib.scrypt(PASSWORD.encode(), salt=b"saltsalt", n=1024, r=8, p=1, dklen=32)
        ).rstrip("="),
    ),
    "PBKDF2, Django": (
        PASSWORD,
        "pbkdf2_sha256$1000$saltsalt$"
        + base64_of(hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), b"saltsalt", 1000)),
    ),
    "PBKDF2, passlib": (
        PASSWORD,
        "$pbkdf2-sha512$1000$c2FsdHNhbHQ$"
        + base64_of(hashlib.pbkdf2_hmac("sha512", PASSWORD.encode(), b"saltsalt", 1000))
        .rstrip("=")
        .replace("+", "."),
    ),
    "Argon2id": (PASSWORD, argon2.PasswordHasher(3, 256, 2).hash(PASSWORD)),
    "Argon2i": (PASSWORD, argon2.PasswordHasher(3, 256, 2, type=argon2.Type.I).hash(PASSWORD)),
    "Argon2d": (PASSWORD, argon2.PasswordHasher(3, 256, 2, type=argon2.Type.D).hash(PASSWORD)),
    "Argon2id, Django": (PASSWORD, "argon2" + argon2.PasswordHasher(2, 128, 1).hash(PASSWORD)),
    "Argon2id, of a password that is not normalised": (
        "ﬁne and dandy",
        argon2.PasswordHasher(2, 128, 1).hash("ﬁne and dandy"),
    ),
    "Firebase": (
        "user1password",
        (
            f"$firebase-scrypt$ln=14,r=8$42xEC+ixf3L2lw==$Bw==${FIREBASE_KEY}$"
            "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=="
        ),
    ),
}

HOSTILE = {
    "$argon2id$v=19$m=2147483648,t=3,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA": "costly",
    "$argon2id$v=19$m=1024,t=1000000000,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA": "costly",
    "pbkdf2_sha256$1000000000$salt$" + "A" * 43: "costly",
    "$2b$31$1ZuYcnRzUmBT4LT21uFN6.RwM//HkKIURHJXkDjttDxxhKymJbNDS": "costly",
    "$scrypt$ln=31,r=8,p=1$c2FsdA$" + "A" * 43: "costly",
    "five five five": "unknown",
    "pbkdf2_sha256$1000$sa\0lt$" + "A" * 43: "unknown",
    "pbkdf2_sha256$1000$grüße$" + "A" * 43: "unknown",
    "$" * 2000: "unknown",
}


@pytest_asyncio.fixture(loop_scope="module")
async def admin(core):
    return await core.bearer("admin")


async def taken(core, metadata, *messages):
    async def requests():
        for rows in messages:
            yield users_pb2.ImportUsersRequest(users=rows)

    return await core.users.ImportUsers(requests(), metadata=metadata)


def row(email: str, **fields) -> users_pb2.ImportedUser:
    return users_pb2.ImportedUser(**{"email": email, "email_verified": True, **fields})


async def stored(core, email: str) -> str:
    [(encoded,)] = await core.sql(
        "SELECT encoded FROM auth.passwords JOIN users.users USING (user_id)"
        " WHERE email_key = :email",
        email=email,
    )
    return encoded


def counts(answer) -> tuple[int, int, int]:
    return answer.created_count, answer.existing_count, answer.failed_count


class TestFirstSignIn:
    @pytest.mark.parametrize(("password", "encoded"), HASHES.values(), ids=HASHES)
    async def test_works_with_the_old_password_and_stores_it_anew(
        self, core, admin, password, encoded
    ):
        email = core.fresh_email()
        answer = await taken(core, admin, [row(email, password_hash=encoded)])
        assert counts(answer) == (1, 0, 0), answer

        wrong = await refused(core.sign_in(email, password + "!"))
        assert wrong.reason == "SIGN_IN_FAILED"
        assert FIREBASE_KEY.rstrip("=") not in await stored(core, email)

        await core.sign_in(email, password)

        now = await stored(core, email)
        assert now.startswith("$argon2id$v=19$m=64,t=1,p=1$")
        await core.sign_in(email, password)
        assert await stored(core, email) == now
        assert (await refused(core.sign_in(email, password + "!"))).reason == "SIGN_IN_FAILED"

    async def test_may_happen_fifty_times_at_once(self, core, admin):
        email = core.fresh_email()
        await taken(core, admin, [row(email, password_hash=bcrypt_hash())])

        calls = (core.sign_in(email, PASSWORD) for _ in range(50))
        answers = await asyncio.gather(*calls, return_exceptions=True)

        # Of guesses at one address only so many are looked at at a time, right ones or not.
        refusals = [refusal(each) for each in answers if isinstance(each, grpc.aio.AioRpcError)]
        assert {each.reason for each in refusals} <= {"SIGN_IN_LOCKED"}
        assert len(refusals) < 50
        assert (await stored(core, email)).startswith("$argon2id$")
        await core.sign_in(email, PASSWORD)

    async def test_waits_for_an_address_that_was_not_confirmed(self, core, admin):
        email = core.fresh_email()
        unconfirmed = row(email, email_verified=False, password_hash=bcrypt_hash())
        await taken(core, admin, [unconfirmed])

        assert (await refused(core.sign_in(email, PASSWORD))).reason == "EMAIL_NOT_VERIFIED"

    async def test_needs_a_reset_where_there_was_no_hash(self, core, admin):
        email = core.fresh_email()
        await taken(core, admin, [row(email)])

        assert (await refused(core.sign_in(email, ""))).reason in {
            "SIGN_IN_FAILED",
            "INVALID_REQUEST",
        }
        assert (await refused(core.sign_in(email, PASSWORD))).reason == "SIGN_IN_FAILED"


class TestRows:
    async def test_become_accounts_as_they_say(self, core, admin):
        email = core.fresh_email().replace("user", "User")
        rows = [
            row(email, display_name=" Grüße 世界 ", locale="pt-BR"),
            row(core.fresh_email(), email_verified=False),
        ]

        await taken(core, admin, rows)

        found = await core.sql(
            "SELECT email, email_verified, display_name, locale, state, kind, version"
            " FROM users.users WHERE email_key IN (:first, :second) ORDER BY email_verified DESC",
            first=email.lower(),
            second=rows[1].email,
        )
        assert found == [
            (email, True, "Grüße 世界", "pt-BR", "active", "person", 1),
            (rows[1].email, False, "", "en", "active", "person", 1),
        ]

    async def test_that_are_bad_are_named_and_keep_no_other_out(self, core, admin):
        good = [core.fresh_email() for _ in range(2)]
        rows = [
            row(good[0], line=1),
            row("", line=2),
            row("no address", line=3),
            row("a" * 300 + "@example.com", line=4),
            row(core.fresh_email(), display_name="x" * 101, line=5),
            row(core.fresh_email(), display_name="line\nbreak", line=6),
            row(core.fresh_email(), display_name="nul\0", line=7),
            row(core.fresh_email(), locale="no language", line=8),
            row(core.fresh_email(), password_hash="what is this", line=9),
            row(good[1], line=10),
        ]

        answer = await taken(core, (*admin, ("accept-language", "de")), rows)

        assert counts(answer) == (2, 0, 8)
        assert [(each.line, each.field) for each in answer.failures] == [
            (2, "email"),
            (3, "email"),
            (4, "email"),
            (5, "display_name"),
            (6, "display_name"),
            (7, "display_name"),
            (8, "locale"),
            (9, "password_hash"),
        ]
        assert all(each.message for each in answer.failures)
        assert answer.failures[-1].message.startswith("Dies ist kein Passwort-Hash")

    @pytest.mark.parametrize(("encoded", "kind"), HOSTILE.items())
    async def test_with_a_hostile_hash_are_refused_unseen(self, core, admin, encoded, kind):
        answer = await taken(core, admin, [row(core.fresh_email(), password_hash=encoded)])

        assert counts(answer) == (0, 0, 1)
        assert answer.failures[0].field == "password_hash"
        assert ("too much memory or time" in answer.failures[0].message) is (kind == "costly")

    async def test_with_a_known_address_are_left_alone(self, core, admin):
        account = await core.user()
        before = await stored(core, account.user.email)
        email = core.fresh_email()

        answer = await taken(
            core,
            admin,
            [
                row(account.user.email.upper(), password_hash=bcrypt_hash()),
                row(email, display_name="first", password_hash=bcrypt_hash()),
                row(email.upper(), display_name="second", password_hash=bcrypt_hash("another")),
            ],
        )

        assert counts(answer) == (1, 2, 0)
        assert await stored(core, account.user.email) == before
        await core.sign_in(email, PASSWORD)

    async def test_may_be_sent_again_and_by_several_at_once(self, core, admin):
        rows = [row(core.fresh_email(), line=number) for number in range(700)]

        answers = await asyncio.gather(
            taken(core, admin, rows), taken(core, admin, rows[::-1]), taken(core, admin, rows[:500])
        )

        assert sum(each.created_count for each in answers) == 700
        assert sum(each.existing_count for each in answers) == 1200
        assert counts(await taken(core, admin, rows[:10], rows[10:])) == (0, 700, 0)

    async def test_that_fail_are_kept_up_to_a_thousand(self, core, admin):
        bad = [row("no address", line=number) for number in range(900)]

        answer = await taken(core, admin, bad, bad, bad)

        assert answer.failed_count == 2700
        assert len(answer.failures) == 1000


class TestStreams:
    async def test_leave_one_event_a_batch(self, core, admin):
        before = await core.events(action="users.import")
        rows = [row(core.fresh_email()) for _ in range(499)]

        await taken(core, admin, [row("no address")], rows, rows[:3])

        events = (await core.events(action="users.import"))[len(before) :]
        assert [event.details for event in events] == [
            {"created": "499", "existing": "0", "failed": "1"},
            {"created": "0", "existing": "3", "failed": "0"},
        ]
        assert {event.outcome for event in events} == {"success"}
        assert len({event.actor_id for event in events}) == 1

    async def test_without_rows_do_nothing(self, core, admin):
        before = await core.event_count()

        assert counts(await taken(core, admin)) == (0, 0, 0)

        assert await core.event_count() == before

    async def test_are_for_those_who_may(self, core):
        answer = await refused(taken(core, await core.bearer(), [row(core.fresh_email())]))

        assert answer.reason == "PERMISSION_DENIED"
        assert answer.metadata["permission"] == "users.import"

    async def test_end_with_the_permission(self, core, admin):
        account = await core.user("admin")
        here = bearer(await core.sign_in(account.user.email))
        first, second = ([row(core.fresh_email()) for _ in range(600)] for _ in range(2))
        revoke = users_pb2.RevokeRoleRequest(user_id=str(account.user.user_id), role="admin")

        async def requests():
            yield users_pb2.ImportUsersRequest(users=first)
            await core.users.RevokeRole(revoke, metadata=admin)
            yield users_pb2.ImportUsersRequest(users=second)

        answer = await refused(core.users.ImportUsers(requests(), metadata=here))

        assert answer.reason == "PERMISSION_DENIED"
        created = "SELECT 1 FROM users.users WHERE email_key = :email"
        assert not await core.sql(created, email=second[0].email)

    async def test_hold_each_message_to_the_contract(self, core, admin):
        too_many = [row(core.fresh_email()) for _ in range(1001)]
        too_long = [row(core.fresh_email(), password_hash="x" * 2001)]

        for rows in (too_many, too_long, []):
            assert (await refused(taken(core, admin, rows))).reason == "INVALID_REQUEST"

    async def test_need_no_more_memory_for_more_rows(self, core):
        encoded = bcrypt_hash()

        async def rows(count):
            for start in range(0, count, 500):
                yield [
                    ImportedUser(start + number, core.fresh_email(), password_hash=encoded)
                    for number in range(500)
                ]

        async def peak(count):
            tracemalloc.reset_peak()
            base, _ = tracemalloc.get_traced_memory()
            report = await core.domain.importing.take_all(SYSTEM, rows(count))
            assert report.created == count
            return tracemalloc.get_traced_memory()[1] - base

        tracemalloc.start()
        try:
            await peak(1000)
            few, many = await peak(1000), await peak(10_000)
        finally:
            tracemalloc.stop()

        assert many < 2 * few + 1_000_000

"""`limen users import`: every format up to the first sign-in, and every way to be cut short."""

import asyncio
import base64
import hashlib
import json
import os
import signal
import sys
from pathlib import Path

import argon2
import bcrypt
import pytest
from typer.testing import CliRunner

from server.commands.__main__ import app
from server.commands.exit_codes import ExitCode
from tests.server.running_core import refused
from tests.server.shared_core import core, shared_core

__all__ = ["core", "shared_core"]

pytestmark = pytest.mark.asyncio(loop_scope="module")

PASSWORD = "grüße an die welt"
SALT = b"sixteen bytes of"

FIREBASE_PASSWORD = "user1password"
FIREBASE_USER = {
    "passwordHash": (
        "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=="
    ),
    "salt": "42xEC+ixf3L2lw==",
}
FIREBASE_CONFIG = """
hash_config {
  algorithm: SCRYPT,
  base64_signer_key: \
jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==,
  base64_salt_separator: Bw==,
  rounds: 8,
  mem_cost: 14,
}
"""


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def bcrypt_hash() -> str:
    return bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()


def pbkdf2(digest: str, length: int) -> bytes:
    return hashlib.pbkdf2_hmac(digest, PASSWORD.encode(), SALT, 1000, dklen=length)


@pytest.fixture
def variables(database_url, valkey_url):
    return {
        "LIMEN_PROFILE": "test",
        "LIMEN_DATABASE_URL": database_url,
        "LIMEN_VALKEY_URL": valkey_url,
        "LIMEN_SECRET_KEY": base64.urlsafe_b64encode(b"s" * 32).decode(),
    }


@pytest.fixture
def limen(variables):
    """Runs `limen users import` beside the loop of the tests."""

    async def run(*arguments: str | Path, **more: str):
        words = ["users", "import", *map(str, arguments)]
        return await asyncio.to_thread(CliRunner().invoke, app, words, env=variables | more)

    return run


@pytest.fixture
def emails(core):
    return [core.fresh_email() for _ in range(6)]


def written(path: Path, *objects: object) -> Path:
    path.write_text("".join(json.dumps(each) + "\n" for each in objects))
    return path


async def works(core, email: str, password: str = PASSWORD) -> None:
    """Signs in for the first time; the password is hashed anew."""
    assert (await refused(core.sign_in(email, password + "!"))).reason == "SIGN_IN_FAILED"
    await core.sign_in(email, password)
    [(encoded,)] = await core.sql(
        "SELECT encoded FROM auth.passwords JOIN users.users USING (user_id)"
        " WHERE email_key = :email",
        email=email,
    )
    assert encoded.startswith("$argon2id$v=19$m=64,t=1,p=1$")


async def person(core, email: str):
    return (
        await core.sql(
            "SELECT display_name, locale, email_verified FROM users.users WHERE email_key = :email",
            email=email,
        )
    )[0]


class TestFormats:
    async def test_jsonl(self, core, limen, emails, tmp_path):
        file = written(
            tmp_path / "users.jsonl",
            {
                "email": emails[0],
                "email_verified": True,
                "display_name": "世界",
                "locale": "pt-BR",
                "password_hash": bcrypt_hash(),
            },
            {"email": emails[1], "display_name": None},
        )
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes() + b"\r\n\n")

        done = await limen(file)

        assert done.exit_code == ExitCode.OK, done.output
        assert "2 rows: 2 created, 0 existing, 0 failed" in done.output
        assert await person(core, emails[0]) == ("世界", "pt-BR", True)
        assert await person(core, emails[1]) == ("", "en", False)
        await works(core, emails[0])

    async def test_csv(self, core, limen, emails, tmp_path):
        file = tmp_path / "users.csv"
        file.write_text(
            "email,password_hash,email_verified,display_name\r\n"
            f'{emails[0]},{bcrypt_hash()},true,"Lovelace, ""Ada"""\r\n'
            f"{emails[1]},,,\r\n",
            encoding="utf-8-sig",
            newline="",
        )

        done = await limen(file, "--format", "csv")

        assert done.exit_code == ExitCode.OK, done.output
        assert await person(core, emails[0]) == ('Lovelace, "Ada"', "en", True)
        await works(core, emails[0])

    @pytest.mark.parametrize("kind", ["json", "csv"])
    async def test_firebase(self, core, limen, emails, tmp_path, kind):
        config = tmp_path / "config.txt"
        config.write_text(FIREBASE_CONFIG)
        file = tmp_path / f"users.{kind}"
        if kind == "json":
            user = {"localId": "1", "email": emails[0], "emailVerified": True, **FIREBASE_USER}
            social = {"localId": "2", "email": emails[1], "displayName": "Ada"}
            file.write_text(json.dumps({"users": [user, social]}))
        else:
            tag, salt = FIREBASE_USER["passwordHash"], FIREBASE_USER["salt"]
            rest = "," * 21
            file.write_text(
                f"1,{emails[0]},true,{tag},{salt},,{rest}\n2,{emails[1]},false,,,Ada,{rest}\n"
            )

        done = await limen(file, "--format", "firebase", "--firebase-hash-config", config)

        assert done.exit_code == ExitCode.OK, done.output
        assert await person(core, emails[1]) == ("Ada", "en", False)
        await works(core, emails[0], FIREBASE_PASSWORD)

    async def test_firebase_without_the_parameters_takes_those_without_a_hash(
        self, limen, emails, tmp_path
    ):
        users = [{"email": emails[0], **FIREBASE_USER}, {"email": emails[1]}]
        file = tmp_path / "users.json"
        file.write_text(json.dumps({"users": users}))

        done = await limen(file, "--format", "firebase")

        assert done.exit_code == ExitCode.FAILURE
        assert (
            "line 1: passwordHash: The hash parameters of the project are missing." in done.output
        )
        assert "1 created" in done.output

    async def test_keycloak(self, core, limen, emails, tmp_path):
        def user(email, algorithm, value, iterations=1000, **parameters):
            more = {name: [text] for name, text in parameters.items()}
            return {
                "username": email,
                "email": email,
                "emailVerified": True,
                "enabled": True,
                "firstName": "Ada",
                "lastName": "Lovelace",
                "attributes": {"locale": ["pt_BR"]},
                "credentials": [
                    {"type": "otp", "secretData": "{}", "credentialData": "{}"},
                    {
                        "type": "password",
                        "secretData": json.dumps(
                            {"value": base64_of(value), "salt": base64_of(SALT)}
                        ),
                        "credentialData": json.dumps(
                            {
                                "hashIterations": iterations,
                                "algorithm": algorithm,
                                "additionalParameters": more,
                            }
                        ),
                    },
                ],
            }

        tag = argon2.low_level.hash_secret_raw(
            PASSWORD.encode(), SALT, 5, 7168, 1, 32, argon2.Type.ID
        )
        argon2_parameters = {
            "hashLength": "32",
            "memory": "7168",
            "type": "id",
            "version": "1.3",
            "parallelism": "1",
        }
        users = [
            user(emails[0], "pbkdf2", pbkdf2("sha1", 20)),
            user(emails[1], "pbkdf2-sha256", pbkdf2("sha256", 64)),
            user(emails[2], "pbkdf2-sha512", pbkdf2("sha512", 64)),
            user(emails[3], "argon2", tag, 5, **argon2_parameters),
        ]
        file = tmp_path / "realm.json"
        file.write_text(json.dumps({"realm": "test", "roles": {"users": []}, "users": users}))

        done = await limen(file, "--format", "keycloak")

        assert done.exit_code == ExitCode.OK, done.output
        assert await person(core, emails[0]) == ("Ada Lovelace", "pt-BR", True)
        for email in emails[:4]:
            await works(core, email)

    async def test_auth0(self, core, limen, emails, tmp_path):
        file = written(
            tmp_path / "export.ndjson",
            {
                "_id": {"$oid": "5dea9f9c82dd7c0e76e4ec93"},
                "email": emails[0],
                "email_verified": True,
                "name": emails[0],
                "passwordHash": bcrypt_hash(),
            },
            {
                "identifiers": [
                    {"type": "phone", "value": "1"},
                    {"type": "email", "value": emails[1], "verified": True},
                ],
                "passwordHash": bcrypt_hash(),
            },
        )

        done = await limen(file, "--format", "auth0")

        assert done.exit_code == ExitCode.OK, done.output
        assert await person(core, emails[0]) == ("", "en", True)
        for email in emails[:2]:
            await works(core, email)

    async def test_auth0_bulk_import(self, core, limen, emails, tmp_path):
        scrypt = hashlib.scrypt(PASSWORD.encode(), salt=SALT, n=1024, r=8, p=1, dklen=32)
        tag = base64_of(pbkdf2("sha512", 64)).rstrip("=")
        custom = [
            {"algorithm": "bcrypt", "hash": {"value": bcrypt_hash()}},
            {
                "algorithm": "argon2",
                "hash": {"value": argon2.PasswordHasher(2, 128, 1).hash(PASSWORD)},
            },
            {
                "algorithm": "pbkdf2",
                "hash": {
                    "value": f"$pbkdf2-sha512$i=1000,l=64${base64_of(SALT).rstrip('=')}${tag}"
                },
            },
            {
                "algorithm": "scrypt",
                "hash": {"value": scrypt.hex(), "encoding": "hex"},
                "salt": {"value": base64_of(SALT), "encoding": "base64"},
                "keylen": 32,
                "cost": 1024,
            },
        ]
        users = [
            {"email": email, "email_verified": True, "custom_password_hash": each}
            for email, each in zip(emails, custom, strict=False)
        ]
        file = tmp_path / "bulk.json"
        file.write_text(json.dumps(users, indent=1))

        done = await limen(file, "--format", "auth0")

        assert done.exit_code == ExitCode.OK, done.output
        for email in emails[: len(custom)]:
            await works(core, email)

    @pytest.mark.parametrize(
        ("name", "user"),
        [
            ("firebase", {"email": "a@example.com", "disabled": True}),
            ("keycloak", {"email": "a@example.com", "enabled": False}),
            ("keycloak", {"email": "a@example.com", "serviceAccountClientId": "client"}),
            ("keycloak", {"email": ["a@example.com"]}),
            ("keycloak", {"email": "a@b.com", "credentials": "none"}),
            ("keycloak", {"email": "a@b.com", "credentials": [{"type": "password"}]}),
            ("keycloak", "user"),
            ("auth0", {"email": "a@example.com", "blocked": True}),
            ("auth0", {"email": "a@b.com", "custom_password_hash": {"algorithm": "md5"}}),
            ("auth0", {"email": "a@b.com", "email_verified": "true"}),
            ("jsonl", {"email": "a@example.com", "passwordHash": "camel"}),
        ],
    )
    async def test_what_cannot_be_taken_is_named(self, limen, tmp_path, name, user):
        file = tmp_path / "users"
        lines = name in {"auth0", "jsonl"}
        file.write_text(json.dumps(user if lines else {"users": [user]}))

        done = await limen(file, "--format", name)

        assert done.exit_code == ExitCode.FAILURE
        assert "1 rows: 0 created, 0 existing, 1 failed" in done.output
        assert "line 1" in done.output


class TestFailures:
    async def test_are_listed_without_what_is_nobodys_business(self, limen, emails, tmp_path):
        secret = "$2b$04$not/really/a/hash"
        file = written(
            tmp_path / "users.jsonl",
            {"email": "no address"},
            {"email": emails[0], "password_hash": secret},
            {"email": emails[1]},
            "text",
        )
        file.write_text(file.read_text() + "{garbled\n" + "x" * 300_000 + "\n")
        listed = tmp_path / "failures.jsonl"

        done = await limen(file, "--failures", listed)

        assert done.exit_code == ExitCode.FAILURE
        assert "6 rows: 1 created, 0 existing, 5 failed" in done.output
        failures = [json.loads(line) for line in listed.read_text().splitlines()]
        assert [(each["line"], each["field"]) for each in failures] == [
            (1, "email"),
            (2, "password_hash"),
            (4, ""),
            (5, ""),
            (6, ""),
        ]
        assert all(each["message"] for each in failures)
        for text in (listed.read_text(), done.output):
            assert secret not in text
            assert "no address" not in text

    async def test_of_a_dry_run_are_the_same_and_nothing_is_taken(
        self, core, limen, emails, tmp_path
    ):
        file = written(tmp_path / "users.jsonl", {"email": emails[0]}, {"email": "no address"})

        done = await limen(file, "--dry-run", LIMEN_DATABASE_URL="postgresql://nobody@[::1]:1/none")

        assert done.exit_code == ExitCode.FAILURE
        assert "2 rows, 1 cannot be taken" in done.output
        assert not await core.sql(
            "SELECT 1 FROM users.users WHERE email_key = :email", email=emails[0]
        )
        assert [each.name for each in tmp_path.iterdir()] == ["users.jsonl"]

    async def test_a_file_that_ends_too_soon_is_taken_as_far_as_it_goes(
        self, core, limen, emails, tmp_path
    ):
        text = json.dumps({"users": [{"email": email} for email in emails]})
        file = tmp_path / "users.json"
        file.write_text(text[: text.rindex("{")])

        done = await limen(file, "--format", "keycloak")

        assert done.exit_code == ExitCode.FAILURE
        assert "cut short: the file is not whole JSON" in done.output
        assert await person(core, emails[-2])

    @pytest.mark.parametrize(
        "text",
        [
            "mail,name\na@example.com,Ada\n",
            "email,email\n",
            "",
            'email\n"a@example.com"x\n',
            "email," + "x" * 200_000,
        ],
    )
    async def test_a_csv_that_is_none_is_refused(self, limen, tmp_path, text):
        file = tmp_path / "users.csv"
        file.write_text(text)

        done = await limen(file, "--format", "csv")

        assert done.exit_code == ExitCode.FAILURE
        assert "cut short" in done.output
        assert "Traceback" not in done.output

    async def test_bytes_that_are_no_text_spoil_their_row_alone(self, limen, emails, tmp_path):
        file = tmp_path / "users.csv"
        file.write_bytes(
            f"email,display_name\n{emails[0]},".encode()
            + b"\xff\xfe\n"
            + f"{emails[1]},\n".encode()
        )

        done = await limen(file, "--format", "csv")

        assert "2 rows: 1 created, 0 existing, 1 failed" in done.output


class TestCommandLine:
    async def test_that_is_wrong_is_a_usage_error(self, limen, tmp_path):
        file = written(tmp_path / "users.jsonl", {"email": "a@example.com"})
        config = tmp_path / "config"
        config.write_text("hash_config { algorithm: BCRYPT }")
        for words in (
            (tmp_path / "nowhere",),
            (tmp_path,),
            (file, "--format", "ldap"),
            (file, "--firebase-hash-config", config),
            (file, "--format", "firebase", "--firebase-hash-config", config),
        ):
            done = await limen(*words)
            assert done.exit_code == ExitCode.USAGE, done.output

    async def test_without_settings_or_postgresql_says_so(self, limen, tmp_path):
        file = written(tmp_path / "users.jsonl", {"email": "a@example.com"})
        for more in (
            {"LIMEN_SECRET_KEY": "short"},
            {"LIMEN_DATABASE_URL": "postgresql+asyncpg://nobody@127.0.0.1:1/none"},
        ):
            done = await limen(file, **more)
            assert done.exit_code == ExitCode.MISCONFIGURED, done.output
            assert next(iter(more)) in done.output
            assert "Traceback" not in done.output


class TestGoingOn:
    ROWS = 30_000

    async def test_after_a_kill_nothing_is_lost_and_nothing_doubled(
        self, core, limen, variables, tmp_path
    ):
        prefix = core.fresh_email().partition("@")[0]
        file = written(
            tmp_path / "users.jsonl",
            *({"email": f"{prefix}-{number}@example.com"} for number in range(self.ROWS)),
        )
        state = tmp_path / "users.jsonl.import-state"
        outside = {
            name: value for name, value in os.environ.items() if not name.startswith("LIMEN_")
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "server.commands", "users", "import", str(file)),
            env=outside | variables,
            stderr=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(60):
            while not state.exists():  # noqa: ASYNC110 - another process makes it
                await asyncio.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        assert await process.wait() == -signal.SIGKILL
        settled = json.loads(state.read_bytes())["counts"]["rows"]
        assert 0 < settled < self.ROWS

        done = await limen(file)

        assert done.exit_code == ExitCode.OK, done.output
        assert f"going on after row {settled:,}" in done.output
        assert f"{self.ROWS:,} rows" in done.output
        assert not state.exists()
        [(count,)] = await core.sql(
            "SELECT count(*) FROM users.users WHERE email_key LIKE :emails", emails=f"{prefix}-%"
        )
        assert count == self.ROWS

    async def test_starts_anew_when_asked_when_the_file_changed_or_the_note_is_broken(
        self, limen, emails, tmp_path
    ):
        file = written(tmp_path / "users.jsonl", *({"email": email} for email in emails))
        state = tmp_path / "state"
        changed = {"of": {"size": 1, "modified": 1, "format": "jsonl"}, "counts": {"rows": 4}}
        for kept in (json.dumps(changed), '{"of": ', "", "[]", '{"of": {}}'):
            state.write_text(kept)
            done = await limen(file, "--state", state)
            assert done.exit_code == ExitCode.OK, done.output
            assert "6 rows" in done.output
            assert "going on" not in done.output
            assert not state.exists()
        source = file.stat()
        valid = {"size": source.st_size, "modified": source.st_mtime_ns, "format": "jsonl"}
        for more, rows in ((), "going on after row 4"), (("--restart",), "6 existing"):
            counts = {"rows": 4, "created": 4, "existing": 0, "failed": 0}
            state.write_text(json.dumps({"of": valid, "counts": counts}))
            done = await limen(file, "--state", state, *more)
            assert rows in done.output
            assert ("going on" in done.output) is not bool(more)

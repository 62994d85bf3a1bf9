"""`limen keys` against a real database."""

import asyncio
import base64
import re

import asyncpg
import pytest
from typer.testing import CliRunner

from server.commands.__main__ import app
from server.commands.exit_codes import ExitCode
from server.platform.database import connection_arguments

KEY = r"[A-Za-z0-9_-]{43}"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


@pytest.fixture(autouse=True)
def environment(monkeypatch, database_url, valkey_url):
    for name, value in {
        "LIMEN_PROFILE": "test",
        "LIMEN_DATABASE_URL": database_url,
        "LIMEN_VALKEY_URL": valkey_url,
        "LIMEN_SECRET_KEY": base64.urlsafe_b64encode(b"s" * 32).decode(),
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(autouse=True)
def no_keys(environment, database_url):  # noqa: ARG001 - the order matters
    async def delete():
        connection = await asyncpg.connect(**connection_arguments(database_url))
        await connection.execute("DELETE FROM auth.signing_keys")
        await connection.close()

    asyncio.run(delete())


def limen(*arguments, code=ExitCode.OK):
    outcome = CliRunner().invoke(app, ["keys", *arguments])
    assert outcome.exit_code == code, outcome.output
    return outcome.output


def states():
    head, *lines = limen("list").splitlines()
    assert head.split() == ["KEY", "STATE", "MADE", "SIGNS", "FROM", "RETIRES"]
    for line in lines:
        assert re.fullmatch(rf"{KEY}  \w+ +{TIME}  {TIME}  ({TIME}|-)", line)
    return [line.split()[1] for line in lines]


def test_without_keys_the_list_is_empty():
    assert states() == []


def test_the_first_key_signs_at_once():
    assert re.fullmatch(
        rf"The key {KEY} is published, and signs from {TIME} on.\n", limen("rotate")
    )
    assert states() == ["signing"]


def test_a_rotation_waits_for_those_who_verify():
    limen("rotate", "--now")

    assert "is published, and signs from" in limen("rotate")
    assert states() == ["pending", "signing"]
    assert "was waiting already" in limen("rotate")
    assert states() == ["pending", "signing"]


def test_now_means_at_once():
    limen("rotate", "--now")
    limen("rotate")

    assert re.fullmatch(rf"The key {KEY} signs now.\n", limen("rotate", "--now"))
    assert states() == ["signing", "verifying"]


def test_an_emergency_leaves_one_key():
    limen("rotate", "--now")
    limen("rotate")

    assert "All other keys are gone" in limen("rotate", "--emergency", "--now")
    assert states() == ["signing"]


def test_help_tells_what_happens():
    assert "--emergency" in limen("rotate", "--help")
    assert "rotate" in limen("--help")
    limen("rotate", "--no-such-option", code=ExitCode.USAGE)


def test_a_missing_setting_is_named(monkeypatch):
    monkeypatch.setenv("LIMEN_SECRET_KEY", "short")
    assert "LIMEN_SECRET_KEY" in limen("list", code=ExitCode.MISCONFIGURED)


def test_postgresql_being_away_is_a_failure(monkeypatch):
    monkeypatch.setenv("LIMEN_DATABASE_URL", "postgresql+asyncpg://limen@127.0.0.1:1/limen")
    assert "UNAVAILABLE" in limen("list", code=ExitCode.FAILURE)

"""How strong production has to be, and what no profile accepts."""

import itertools

import pytest
from pydantic import ValidationError

from server.settings import MisconfiguredError, Settings
from tests.server.production import PRODUCTION

URLS = {"database_url": "postgresql://limen@db/limen", "valkey_url": "redis://cache"}
GOOD = {**URLS, "secret_key": "s" * 43, "edge_secret": "e" * 32, **PRODUCTION}
BAD = {
    "LIMEN_EDGE_SECRET": [{"edge_secret": "e" * 31}, {"edge_secret": ""}],
    "LIMEN_SMTP_URL": [{"smtp_url": ""}],
    "LIMEN_PUBLIC_URL": [
        {"public_url": url} for url in ("https://", "https:///x", "https://[", "")
    ],
    "LIMEN_ARGON2_MEMORY_KIB": [
        {"argon2_memory_kib": 19 * 1024 - 1, "argon2_time": 9},
        {"argon2_memory_kib": 46 * 1024 - 1, "argon2_time": 1},
    ],
    "LIMEN_RATE_LIMIT_SCALE": [{"rate_limit_scale": 10.1}],
}
CASES = [(name, change) for name, changes in BAD.items() for change in changes]


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    for name in ("LIMEN_DATABASE_URL", "LIMEN_SMTP_URL", "LIMEN_PROFILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"argon2_memory_kib": 46 * 1024, "argon2_time": 1},
        {"argon2_memory_kib": 19 * 1024, "argon2_time": 2},
        {"rate_limit_scale": 10},
        {"public_url": "https://id.example.org:8443/limen"},
        {"log_level": "debug"},
    ],
    ids=str,
)
def test_what_is_good_enough_is_accepted(change):
    assert Settings(**(GOOD | change)).database_url.get_secret_value().startswith("postgresql+")


@pytest.mark.parametrize(("name", "change"), CASES, ids=str)
def test_what_is_too_weak_is_refused_by_name(name, change):
    with pytest.raises(MisconfiguredError, match=name):
        Settings(**(GOOD | change))


def test_everything_that_is_wrong_is_named_at_once():
    changes = itertools.chain.from_iterable(options[0].items() for options in BAD.values())

    with pytest.raises(MisconfiguredError) as refusal:
        Settings(**(GOOD | dict(changes)))

    assert all(name in str(refusal.value) for name in BAD)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("log_level", "LOUD"),
        ("log_level", ""),
        ("database_url", "mysql://u:hunter2@db/x"),
        ("database_url", "postgresql://u:hunter2@db/x?sslmode=no"),
        ("valkey_url", "http://hunter2@cache"),
    ],
)
@pytest.mark.parametrize("profile", ["development", "test", "production"])
def test_no_profile_accepts_what_cannot_work(profile, field, value):
    with pytest.raises(ValidationError) as refusal:
        Settings(**(GOOD | {"profile": profile, field: value}))

    assert field in str(refusal.value)
    assert "hunter2" not in str(refusal.value)


def test_an_empty_variable_is_one_that_is_not_set(monkeypatch):
    monkeypatch.setenv("LIMEN_SMTP_URL", "")
    values = {name: value for name, value in GOOD.items() if name != "smtp_url"}

    assert Settings(**(values | {"profile": "test"})).smtp_url is None
    with pytest.raises(MisconfiguredError, match="LIMEN_SMTP_URL"):
        Settings(**values)

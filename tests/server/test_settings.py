"""Settings: production refuses what is missing or insecure by name, and nothing shows a secret."""

import base64
import copy
import pickle

import pytest
from pydantic import ValidationError

from server import __main__ as program
from server.settings import MisconfiguredError, Settings
from server.worker import WorkerSettings
from tests.server.production import PRODUCTION

KEY = base64.urlsafe_b64encode(b"k" * 32).decode().rstrip("=")
SECRETS = {
    "LIMEN_SECRET_KEY": KEY,
    "LIMEN_EDGE_SECRET": "edge-secret-" + "x" * 32,
    "LIMEN_DATABASE_URL": "postgresql://limen:hunter-one@db.example.org/limen",
    "LIMEN_VALKEY_URL": "rediss://:hunter-two@cache.example.org/0",
    "LIMEN_SMTP_URL": "smtps://limen:hunter-three@mail.example.org",
    "LIMEN_SENTRY_DSN": "https://hunter-four@sentry.example.org/1",
}
HIDDEN = ["kkkk", KEY, "edge-secret", *(f"hunter-{n}" for n in ("one", "two", "three", "four"))]


@pytest.fixture
def variables(monkeypatch):
    """The environment of a core in production that starts."""
    for name, value in (
        {f"LIMEN_{name.upper()}": str(value) for name, value in PRODUCTION.items()} | SECRETS
    ).items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.fixture
def refusal(variables):
    """Says why settings are refused."""

    def refusal(**changes: str | None) -> str:
        for name, value in changes.items():
            if value is None:
                variables.delenv(name, raising=False)
            else:
                variables.setenv(name, value)
        with pytest.raises((MisconfiguredError, ValidationError)) as refused:
            Settings()
        return str(refused.value)

    return refusal


@pytest.mark.usefixtures("variables")
def test_production_starts_with_what_it_asks_for():
    assert Settings().profile == "production"
    assert not Settings().shows_traces
    assert not Settings().serves_reflection


@pytest.mark.parametrize(
    "name",
    [
        "LIMEN_SECRET_KEY",
        "LIMEN_EDGE_SECRET",
        "LIMEN_DATABASE_URL",
        "LIMEN_VALKEY_URL",
        "LIMEN_SMTP_URL",
        "LIMEN_PUBLIC_URL",
        "LIMEN_MAIL_FROM",
    ],
)
@pytest.mark.parametrize("value", [None, ""], ids=["missing", "empty"])
def test_production_names_what_it_lacks(refusal, name, value):
    assert name.removeprefix("LIMEN_").lower() in refusal(**{name: value}).lower()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LIMEN_PUBLIC_URL", "http://id.example.org"),
        ("LIMEN_PUBLIC_URL", "https://"),
        ("LIMEN_PUBLIC_URL", "//id.example.org"),
        ("LIMEN_EDGE_SECRET", "short"),
        ("LIMEN_SECRET_KEY", "short"),
        ("LIMEN_SECRET_KEY", base64.urlsafe_b64encode(b"x" * 31).decode()),
        ("LIMEN_SECRET_KEY", f"{KEY},short"),
        ("LIMEN_SECRET_KEY", f"{KEY},"),
        ("LIMEN_MAIL_FROM", "limen <no-reply@limen.localhost>"),
        ("LIMEN_GRPC_ADDRESS", "0.0.0.0:50051"),
        ("LIMEN_GRPC_ADDRESS", "[::]:50051"),
        ("LIMEN_GRPC_ADDRESS", "93.184.216.34:50051"),
        ("LIMEN_GRPC_ADDRESS", "id.example.org:50051"),
        ("LIMEN_METRICS_ADDRESS", "0.0.0.0:9464"),
        ("LIMEN_ARGON2_MEMORY_KIB", "64"),
        ("LIMEN_RATE_LIMIT_SCALE", "1000"),
    ],
)
def test_production_refuses_what_is_insecure(refusal, name, value):
    assert name in refusal(**{name: value})


@pytest.mark.parametrize("address", ["127.0.0.1:1", "[::1]:1", "10.1.2.3:1", "localhost:1"])
def test_production_listens_where_nobody_outside_can_reach_it(variables, address):
    variables.setenv("LIMEN_GRPC_ADDRESS", address)

    assert Settings().grpc_address == address


def test_every_fault_is_told_at_once(refusal):
    told = refusal(
        LIMEN_PUBLIC_URL="http://id.example.org",
        LIMEN_EDGE_SECRET=None,
        LIMEN_SMTP_URL=None,
        LIMEN_GRPC_ADDRESS="0.0.0.0:50051",
    )

    assert told.count("LIMEN_") >= 4


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LIMEN_PROFILE", "prod"),
        ("LIMEN_GRPC_ADDRESS", "50051"),
        ("LIMEN_GRPC_ADDRESS", "127.0.0.1:99999"),
        ("LIMEN_CORE_PROCESSES", "0"),
        ("LIMEN_DATABASE_POOL", "many"),
        ("LIMEN_SHUTDOWN_GRACE", "-1"),
        ("LIMEN_ACCESS_TOKEN_TTL", "86400"),
        ("LIMEN_MAX_DEADLINE", "0"),
        ("LIMEN_RATE_LIMIT_SCALE", "nan"),
        ("LIMEN_MAX_DEADLINE", "nan"),
        ("LIMEN_REFLECTION", "perhaps"),
    ],
)
def test_a_value_that_makes_no_sense_is_named(refusal, name, value):
    assert name.removeprefix("LIMEN_").lower() in refusal(**{name: value}).lower()


@pytest.mark.parametrize(
    "changes",
    [
        {"LIMEN_PUBLIC_URL": "http://id.example.org"},
        {"LIMEN_PROFILE": "prod"},
        {"LIMEN_SECRET_KEY": KEY + "kkkk"},
        {"LIMEN_EDGE_SECRET": "edge-secret"},
        {"LIMEN_DATABASE_URL": "not a url with hunter-one", "LIMEN_PUBLIC_URL": "x"},
    ],
    ids=lambda changes: "+".join(changes),
)
def test_no_refusal_shows_a_secret(refusal, changes):
    told = refusal(**changes)

    assert not [secret for secret in HIDDEN if secret in told]


@pytest.mark.usefixtures("variables")
@pytest.mark.parametrize("kind", [Settings, WorkerSettings])
def test_nothing_made_of_settings_shows_a_secret(kind):
    settings = kind()
    shown = [repr(settings), str(settings), f"{settings}", str(settings.model_dump())]
    shown += [settings.model_dump_json(), repr(copy.copy(settings)), repr([settings])]

    assert not [secret for secret in HIDDEN for text in shown if secret in text]
    with pytest.raises(ValidationError) as refused:
        settings.profile = "test"
    assert not [secret for secret in HIDDEN if secret in str(refused.value)]
    assert pickle.loads(pickle.dumps(settings)) == settings  # noqa: S301 - made a moment ago


@pytest.fixture
def start(monkeypatch):
    """Starts the core, up to the moment at which it would serve."""
    monkeypatch.setattr(program.uvloop, "run", lambda served: served.close())
    return program.main


def test_the_program_says_what_is_wrong_and_ends_with_3(variables, start, capsys):
    variables.delenv("LIMEN_EDGE_SECRET")

    assert start() == 3
    assert "limen cannot start: LIMEN_EDGE_SECRET is required" in capsys.readouterr().err


@pytest.mark.parametrize("value", ["nothing", "mysql://hunter-one@db/limen", "://"])
def test_a_database_that_cannot_be_one_is_refused_without_being_quoted(
    variables, start, capsys, value
):
    variables.setenv("LIMEN_DATABASE_URL", value)

    assert start() == 3
    told = capsys.readouterr().err.lower()
    assert "database_url" in told
    assert "hunter-one" not in told


@pytest.mark.parametrize(
    "value", ["nothing", "http://hunter-two@cache", "redis://hunter-two@cache:port", "redis://["]
)
def test_so_is_a_valkey_that_cannot_be_one(variables, start, capsys, value):
    variables.setenv("LIMEN_VALKEY_URL", value)

    assert start() == 3
    told = capsys.readouterr().err.lower()
    assert "valkey_url" in told
    assert "hunter-two" not in told


def test_origins_for_passkeys_are_a_list(variables):
    variables.setenv("LIMEN_WEBAUTHN_ORIGINS", "https://app.example.org, android:apk-key-hash:a_b,")

    origins = ("https://app.example.org", "android:apk-key-hash:a_b")
    assert Settings().webauthn_origins == origins


@pytest.mark.parametrize("origin", ["app.example.org", "https://app.example.org/", "https://a b"])
def test_an_origin_that_no_browser_states_is_refused(refusal, origin):
    assert "webauthn_origins" in refusal(LIMEN_WEBAUTHN_ORIGINS=origin)

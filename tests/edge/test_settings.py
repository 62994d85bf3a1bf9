import pytest
from pydantic import ValidationError

from edge.settings import Settings, origin_of, split_address

SECRET = "s" * 32
PRODUCTION = {
    "LIMEN_PROFILE": "production",
    "LIMEN_EDGE_SECRET": SECRET,
    "LIMEN_PUBLIC_URL": "https://id.example",
}


@pytest.fixture(autouse=True)
def no_settings_of_ours(monkeypatch):
    for name in Settings.model_fields:
        monkeypatch.delenv(f"LIMEN_{name.upper()}", raising=False)


def read(monkeypatch, **environment):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return Settings()


def test_development_needs_nothing(monkeypatch):
    settings = read(monkeypatch)
    assert settings.public_origin == "http://127.0.0.1:8080"
    assert settings.core_target == "dns:///127.0.0.1:50051"
    assert settings.mail_dir == settings.data_dir / "mail"
    assert settings.cors_origins == settings.trusted_proxies == ()
    assert settings.shows_mail


def test_lists_are_separated_by_commas(monkeypatch):
    settings = read(
        monkeypatch,
        LIMEN_CORS_ORIGINS="https://a.example, https://b.example:8443,",
        LIMEN_TRUSTED_PROXIES="10.0.0.0/8,::1",
        LIMEN_GRPC_ADDRESS="10.0.0.1:5, 10.0.0.2:5",
    )
    assert settings.cors_origins == ("https://a.example", "https://b.example:8443")
    assert settings.trusted_proxies == ("10.0.0.0/8", "::1")
    assert settings.core_target == "ipv4:10.0.0.1:5,10.0.0.2:5"


def test_several_ipv6_cores_are_one_target(monkeypatch):
    settings = read(monkeypatch, LIMEN_GRPC_ADDRESS="[::1]:5,[::1]:6")
    assert settings.core_target == "ipv6:[::1]:5,[::1]:6"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LIMEN_CORS_ORIGINS", "https://a.example/"),
        ("LIMEN_CORS_ORIGINS", "*"),
        ("LIMEN_CORS_ORIGINS", "null"),
        ("LIMEN_HTTP_ADDRESS", "8080"),
        ("LIMEN_HTTP_ADDRESS", "::1:8080"),
        ("LIMEN_HTTP_ADDRESS", "127.0.0.1:99999"),
        ("LIMEN_GRPC_ADDRESS", ","),
        ("LIMEN_GRPC_ADDRESS", "core-1:5,core-2:5"),
        ("LIMEN_GRPC_ADDRESS", "10.0.0.1:5,[::1]:5"),
        ("LIMEN_PUBLIC_URL", "id.example"),
        ("LIMEN_PUBLIC_URL", "javascript://id.example"),
        ("LIMEN_PUBLIC_URL", "https://user@id.example"),
        ("LIMEN_PUBLIC_URL", "https://id.example/?a=b"),
        ("LIMEN_PUBLIC_URL", "https://id.example:99999"),
        ("LIMEN_TRUSTED_PROXIES", "*"),
        ("LIMEN_EDGE_SECRET", "line\nbreak"),
        ("LIMEN_MAX_BODY", "0"),
        ("LIMEN_LOG_LEVEL", "LOUD"),
        ("LIMEN_PROFILE", "staging"),
    ],
)
def test_what_cannot_work_is_refused(monkeypatch, name, value):
    with pytest.raises(ValidationError):
        read(monkeypatch, **{name: value})


def test_production_starts_when_all_is_there(monkeypatch):
    settings = read(monkeypatch, **PRODUCTION)
    assert not settings.shows_mail
    assert not settings.is_development


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"LIMEN_EDGE_SECRET": ""}, "LIMEN_EDGE_SECRET is required"),
        ({"LIMEN_EDGE_SECRET": "short"}, "at least 32"),
        ({"LIMEN_PUBLIC_URL": "http://id.example"}, "https://"),
        ({"LIMEN_HTTP_ADDRESS": "0.0.0.0:80"}, "LIMEN_HTTP_BEHIND_TLS_PROXY"),
        ({"LIMEN_HTTP_ADDRESS": "10.0.0.1:80"}, "LIMEN_HTTP_BEHIND_TLS_PROXY"),
        ({"LIMEN_HTTP_ADDRESS": "[::]:80"}, "LIMEN_HTTP_BEHIND_TLS_PROXY"),
        ({"LIMEN_HTTP_ADDRESS": "id.example:80"}, "LIMEN_HTTP_BEHIND_TLS_PROXY"),
    ],
)
def test_production_refuses_what_is_not_safe(monkeypatch, change, complaint):
    with pytest.raises(ValidationError, match=complaint):
        read(monkeypatch, **(PRODUCTION | change))


@pytest.mark.parametrize("address", ["127.0.0.1:80", "127.8.8.8:80", "[::1]:80", "localhost:80"])
def test_production_may_listen_on_loopback(monkeypatch, address):
    read(monkeypatch, **PRODUCTION, LIMEN_HTTP_ADDRESS=address)


def test_production_may_listen_behind_a_proxy_that_ends_tls(monkeypatch):
    read(
        monkeypatch,
        **PRODUCTION,
        LIMEN_HTTP_ADDRESS="0.0.0.0:80",
        LIMEN_HTTP_BEHIND_TLS_PROXY="1",
    )


def test_no_message_shows_a_value(monkeypatch):
    with pytest.raises(ValidationError) as refused:
        read(monkeypatch, LIMEN_EDGE_SECRET="hunter2 hunter2")
    assert "hunter2" not in str(refused.value)
    monkeypatch.setenv("LIMEN_EDGE_SECRET", SECRET)
    assert SECRET not in repr(Settings())


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://ID.example:443/path", "https://id.example"),
        ("http://id.example:80", "http://id.example"),
        ("http://id.example:8080/", "http://id.example:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_origins_are_written_as_browsers_do(url, origin):
    assert origin_of(url) == origin


def test_addresses_are_split_at_the_port():
    assert split_address("[::1]:8080") == ("::1", 8080)
    assert split_address("localhost:0") == ("localhost", 0)


@pytest.mark.parametrize(
    ("given", "streams"),
    [
        ({}, 1),
        ({"LIMEN_GRPC_ADDRESS": "192.0.2.1:50051,192.0.2.2:50051,192.0.2.3:50051"}, 3),
        ({"LIMEN_GRPC_ADDRESS": "core:50051"}, 2),
        ({"LIMEN_GRPC_ADDRESS": "core:50051", "LIMEN_CORE_STREAMS": "7"}, 7),
    ],
)
def test_each_core_has_a_stream(monkeypatch, given, streams):
    assert read(monkeypatch, **given).bundle_streams == streams

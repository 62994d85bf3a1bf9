"""TLS of the core: which settings go together, and which files will do."""

import base64
from pathlib import Path

import pytest

from server import __main__ as program
from server.settings import MisconfiguredError, Settings
from server.tls import TlsFiles, files_of
from tests.server.apikeys.authority import Authority
from tests.server.production import PRODUCTION

KEY = base64.urlsafe_b64encode(b"k" * 32).decode()
EVERYTHING = PRODUCTION | {
    "database_url": "postgresql://db.example.org/limen",
    "valkey_url": "rediss://cache.example.org",
    "secret_key": KEY,
}
SERVER = {"tls_certificate": "/limen.pem", "tls_key": "/limen.key"}
CLIENTS = {"mtls_address": "203.0.113.1:443", "tls_client_ca": "/clients.pem"}


@pytest.fixture
def files(tmp_path) -> dict[str, Path]:
    """Files that belong together."""
    authority = Authority()
    certificate, key = authority.identity("limen").write(tmp_path, "limen")
    return {
        "certificate": certificate,
        "key": key,
        "client_ca": Authority("of clients").write(tmp_path / "clients.pem"),
    }


@pytest.mark.parametrize("missing", ["tls_certificate", "tls_key", "tls_client_ca", "mtls_address"])
def test_settings_that_need_each_other_are_refused_alone(missing):
    given = {name: value for name, value in (SERVER | CLIENTS).items() if name != missing}

    with pytest.raises(MisconfiguredError, match=f"LIMEN_{missing.upper()}"):
        Settings(**(EVERYTHING | given))


def test_certificates_of_clients_need_one_of_the_core():
    with pytest.raises(MisconfiguredError, match="LIMEN_TLS_CERTIFICATE"):
        Settings(**(EVERYTHING | CLIENTS))


def test_with_tls_the_core_may_be_public():
    public = {"grpc_address": "0.0.0.0:50051"}
    with pytest.raises(MisconfiguredError, match="LIMEN_GRPC_ADDRESS"):
        Settings(**(EVERYTHING | public))

    settings = Settings(**(EVERYTHING | public | SERVER | CLIENTS))

    assert files_of(settings) == TlsFiles(Path("/limen.pem"), Path("/limen.key"))
    demanding = files_of(settings, demanding=True)
    assert demanding is not None
    assert demanding.client_ca == Path("/clients.pem")


def test_but_its_metrics_may_not():
    with pytest.raises(MisconfiguredError, match="LIMEN_METRICS_ADDRESS"):
        Settings(**(EVERYTHING | SERVER | {"metrics_address": "0.0.0.0:9464"}))


def test_without_settings_there_is_no_tls():
    assert files_of(Settings(**EVERYTHING)) is None


def test_files_that_belong_together_will_do(files):
    TlsFiles(**files).check()


@pytest.mark.parametrize("broken", ["certificate", "key", "client_ca"])
@pytest.mark.parametrize("content", [None, b"", b"x", b"-----BEGIN X-----"])
def test_files_that_cannot_be_used_are_refused(files, tmp_path, broken, content):
    files[broken] = tmp_path / "broken"
    if content is not None:
        files[broken].write_bytes(content)

    with pytest.raises(MisconfiguredError):
        TlsFiles(**files).check()


def test_the_key_of_another_certificate_is_refused(files, tmp_path):
    _, key = Authority().identity("another").write(tmp_path, "another")

    with pytest.raises(MisconfiguredError, match="LIMEN_TLS_KEY"):
        TlsFiles(files["certificate"], key).check()


def test_the_core_does_not_start_with_files_that_it_cannot_use(monkeypatch, capsys):
    for name, value in (EVERYTHING | SERVER).items():
        monkeypatch.setenv(f"LIMEN_{name.upper()}", str(value))

    assert program.main() == 3
    assert "the files of TLS cannot be used" in capsys.readouterr().err

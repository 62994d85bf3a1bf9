"""What `limen up` makes of its environment."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.commands.environment import Address, Environment, UnusableSettingError

_KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"


def read(folder: Path, **given: str) -> Environment:
    return Environment.read({"LIMEN_DATA_DIR": str(folder), **given})


def for_children(environment: Environment) -> dict[str, str]:
    return environment.for_children(database_url="postgresql://ours", valkey_url="unix://ours")


def test_nothing_given_is_development_on_loopback(tmp_path: Path) -> None:
    environment = read(tmp_path)
    assert environment.profile == "development"
    variables = for_children(environment)
    assert variables["LIMEN_HTTP_ADDRESS"] == "127.0.0.1:8080"
    assert variables["LIMEN_GRPC_ADDRESS"] == "127.0.0.1:50051"
    assert variables["LIMEN_METRICS_ADDRESS"] == "127.0.0.1:9464"
    assert variables["LIMEN_PUBLIC_URL"] == "http://127.0.0.1:8080"
    assert variables["LIMEN_DATABASE_URL"] == "postgresql://ours"
    assert variables["LIMEN_VALKEY_URL"] == "unix://ours"


def test_what_is_given_is_kept_and_empty_is_not_given(tmp_path: Path) -> None:
    given = {
        "LIMEN_DATABASE_URL": "postgresql://theirs",
        "LIMEN_VALKEY_URL": "",
        "LIMEN_EDGE_SECRET": "given",
        "LIMEN_PUBLIC_URL": "https://id.example.com",
        "PATH": "/bin",
        "EMPTY": "",
    }
    variables = for_children(read(tmp_path, **given))
    assert variables["LIMEN_VALKEY_URL"] == "unix://ours"
    del given["LIMEN_VALKEY_URL"]
    assert given.items() <= variables.items()


def test_the_public_url_follows_the_address(tmp_path: Path) -> None:
    for address, url in {
        "127.0.0.1:9000": "http://127.0.0.1:9000",
        "0.0.0.0:9000": "http://127.0.0.1:9000",
        "[::1]:9000": "http://[::1]:9000",
    }.items():
        environment = read(tmp_path, LIMEN_HTTP_ADDRESS=address)
        assert for_children(environment)["LIMEN_PUBLIC_URL"] == url
        assert str(environment.http) == address


def test_the_edge_secret_is_new_in_every_run_and_the_key_is_not(tmp_path: Path) -> None:
    one, other = (for_children(read(tmp_path)) for _ in range(2))
    assert one["LIMEN_EDGE_SECRET"] != other["LIMEN_EDGE_SECRET"]
    assert one["LIMEN_SECRET_KEY"] == other["LIMEN_SECRET_KEY"]


def test_the_key_is_private_and_whole(tmp_path: Path) -> None:
    key = for_children(read(tmp_path))["LIMEN_SECRET_KEY"]
    path = tmp_path / "secret.key"
    assert path.read_text().strip() == key
    assert len(key) == 43
    assert (path.stat().st_mode & 0o777) == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("contents", ["", "short", _KEY[:-1] + "!", _KEY + _KEY, "schlüssel" * 5])
def test_a_damaged_key_is_not_replaced(tmp_path: Path, contents: str) -> None:
    (tmp_path / "secret.key").write_text(contents)
    with pytest.raises(UnusableSettingError, match=r"secret\.key does not hold 32 bytes"):
        for_children(read(tmp_path))
    assert (tmp_path / "secret.key").read_text() == contents


def test_a_given_key_is_not_written_down(tmp_path: Path) -> None:
    assert for_children(read(tmp_path, LIMEN_SECRET_KEY=_KEY))["LIMEN_SECRET_KEY"] == _KEY
    assert not list(tmp_path.iterdir())


def test_production_makes_up_neither_key_nor_url(tmp_path: Path) -> None:
    with pytest.raises(UnusableSettingError, match="LIMEN_SECRET_KEY is required in production"):
        for_children(read(tmp_path, LIMEN_PROFILE="production"))
    environment = read(tmp_path, LIMEN_PROFILE="production", LIMEN_SECRET_KEY=_KEY)
    assert "LIMEN_PUBLIC_URL" not in for_children(environment)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("LIMEN_PROFILE", "prod"),
        ("LIMEN_HTTP_ADDRESS", "8080"),
        ("LIMEN_HTTP_ADDRESS", ":8080"),
        ("LIMEN_HTTP_ADDRESS", "localhost:http"),
        ("LIMEN_GRPC_ADDRESS", "127.0.0.1:0"),
        ("LIMEN_GRPC_ADDRESS", "127.0.0.1:65536"),
        ("LIMEN_METRICS_ADDRESS", "127.0.0.1:-1"),
        ("LIMEN_METRICS_ADDRESS", "127.0.0.1:²"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, setting: str, value: str) -> None:
    with pytest.raises(UnusableSettingError, match=f"^{setting} must .*{value}"):
        read(tmp_path, **{setting: value})


class TestBusyAddress:
    @pytest.fixture
    def taken(self) -> Iterator[int]:
        """A port whose listener would share it, as a gRPC server does."""
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            yield listener.getsockname()[1]

    async def test_it_is_named_with_its_setting(self, taken: int) -> None:
        address = Address("LIMEN_GRPC_ADDRESS", "127.0.0.1", taken)
        with pytest.raises(
            UnusableSettingError,
            match=rf"127\.0\.0\.1:{taken}: Address already in use.*LIMEN_GRPC_ADDRESS",
        ):
            await address.require_free()

    async def test_an_address_that_is_not_ours_is_named(self) -> None:
        for host in ("192.0.2.1", "no-such-host.invalid"):
            with pytest.raises(UnusableSettingError, match="LIMEN_HTTP_ADDRESS"):
                await Address("LIMEN_HTTP_ADDRESS", host, 8080).require_free(within=60)

    async def test_a_port_whose_last_connection_is_fading_is_free(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            client = socket.create_connection(("127.0.0.1", port))
            served, _ = listener.accept()
            served.close()  # The side that closes first is the one that keeps the port in mind.
            client.close()
        await Address("LIMEN_HTTP_ADDRESS", "127.0.0.1", port).require_free()

    async def test_what_is_about_to_end_is_waited_for(self) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        address = Address("LIMEN_HTTP_ADDRESS", "127.0.0.1", listener.getsockname()[1])
        waiting = asyncio.create_task(address.require_free(within=60))
        await asyncio.sleep(0)
        assert not waiting.done()
        listener.close()
        await waiting

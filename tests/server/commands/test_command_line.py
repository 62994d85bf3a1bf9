"""The command line itself: its help, how it finds commands, its exit codes."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from server.commands.__main__ import COMMANDS, app
from server.commands.exit_codes import ExitCode


def limen(*arguments: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs the command line in a process, without settings from outside."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith("LIMEN_")}
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "server.commands", *arguments],
        env=outside | {"LIMEN_DATA_DIR": str(folder / "data")} | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_help_names_every_command_and_loads_none(tmp_path: Path) -> None:
    script = (
        "import sys; from typer.testing import CliRunner; from server.commands.__main__ import app;"
        "print(CliRunner().invoke(app, ['--help']).output);"
        "print(sorted(name for name in sys.modules if name.startswith('server.')))"
    )
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    *text, loaded = done.stdout.strip().splitlines()
    for name, (_, summary) in COMMANDS.items():
        assert any(line.split() == [name, *summary.split()] for line in text)
    assert loaded == "['server.commands', 'server.commands.__main__']"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    for option in ("--help", "-h"):
        outcome = CliRunner().invoke(app, [command, option])
        assert outcome.exit_code == ExitCode.OK, outcome.output
        assert "Usage:" in outcome.output


def test_a_wrong_command_line_is_a_usage_error() -> None:
    for arguments in (["no-such-command"], ["up", "--no-such-option"], ["up", "argument"], []):
        outcome = CliRunner().invoke(app, arguments)
        assert outcome.exit_code == ExitCode.USAGE
        assert "Usage:" in outcome.output


@pytest.mark.parametrize(
    ("setting", "value", "complaint"),
    [
        ("LIMEN_PROFILE", "staging", "LIMEN_PROFILE must be one of"),
        ("LIMEN_GRPC_ADDRESS", "nonsense", "LIMEN_GRPC_ADDRESS must look like"),
        ("LIMEN_PROFILE", "production", "LIMEN_SECRET_KEY is required in production"),
    ],
)
def test_up_refuses_a_wrong_setting(
    tmp_path: Path, setting: str, value: str, complaint: str
) -> None:
    done = limen("up", folder=tmp_path, **free_addresses() | {setting: value})
    assert done.returncode == ExitCode.MISCONFIGURED
    assert done.stderr.startswith(f"limen: {complaint}")
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_up_refuses_a_busy_address(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        busy = f"127.0.0.1:{listener.getsockname()[1]}"
        done = limen("up", folder=tmp_path, **free_addresses() | {"LIMEN_HTTP_ADDRESS": busy})
    assert done.returncode == ExitCode.MISCONFIGURED
    assert f"cannot listen on {busy}: Address already in use" in done.stderr
    assert "LIMEN_HTTP_ADDRESS" in done.stderr


def test_up_refuses_a_data_directory_it_cannot_use(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    done = limen("up", folder=tmp_path)
    assert done.returncode == ExitCode.FAILURE
    assert "cannot use the data directory" in done.stderr
    assert "Traceback" not in done.stderr


def free_addresses() -> dict[str, str]:
    """Addresses that were free a moment ago."""
    names = ("LIMEN_HTTP_ADDRESS", "LIMEN_GRPC_ADDRESS", "LIMEN_METRICS_ADDRESS")
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in names]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return {name: f"127.0.0.1:{port}" for name, port in zip(names, ports, strict=True)}

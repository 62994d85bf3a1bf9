"""`limen up`: everything in the foreground, with embedded servers for those that are not named."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from functools import partial

import typer

from server.commands.environment import Environment, UnusableSettingError
from server.commands.exit_codes import ExitCode
from server.commands.preparation import Preparation
from server.commands.readiness import core_serves, edge_is_ready
from server.commands.supervisor import Supervisor, SupervisorError
from server.platform.embedded.directory import DataDirectory
from server.platform.embedded.errors import EmbeddedError
from server.platform.embedded.process import Program, spawn
from server.platform.embedded.servers import EmbeddedServers

_LAST_RUN_ENDS = 10.0
"""Seconds that the parts of a run that was killed may take to end."""

# The same as in `admin`, which would load the whole core.
_ADMINISTRATOR = "admin@limen.localhost"
_PASSWORD_FILE = "admin-password"

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def up() -> None:
    """Run limen in the foreground: database, cache, core, worker and edge.

    A PostgreSQL and a Valkey are started in the data directory unless LIMEN_DATABASE_URL and
    LIMEN_VALKEY_URL name others. The database is brought to this version's schema first. When
    everything serves, one line beginning `limen is ready` is printed; logs follow as JSON on
    standard output. What ends unexpectedly is started again.

    Ctrl-C, SIGTERM or SIGHUP stops everything in order within 10 seconds; another Ctrl-C kills.

    \b
    LIMEN_PROFILE           development (default), test or production
    LIMEN_DATA_DIR          where everything is kept (default .limen)
    LIMEN_HTTP_ADDRESS      the edge (default 127.0.0.1:8080)
    LIMEN_GRPC_ADDRESS      the core (default 127.0.0.1:50051)
    LIMEN_METRICS_ADDRESS   the core's metrics (default 127.0.0.1:9464)
    LIMEN_SECRET_KEY        required in production; made in the data directory elsewhere

    \b
    Exit codes: 0 stopped on request, 1 could not start or had to be killed,
    2 wrong command line, 3 wrong or missing setting or a busy address.
    """
    try:
        asyncio.run(_up(Environment.read(os.environ)))
    except UnusableSettingError as error:
        _leave(str(error), ExitCode.MISCONFIGURED)
    except SupervisorError as error:
        _leave(str(error), error.code)
    except (EmbeddedError, OSError) as error:
        _leave(str(error), ExitCode.FAILURE)


class PythonModule(Program):
    """A part of limen in a process of its own: `python -m` with arguments. Shares our output."""

    def __init__(self, name: str, module: str, *arguments: str, env: Mapping[str, str]) -> None:
        super().__init__(name=name)
        self._command = (sys.executable, "-m", module, *arguments)
        self._env = env

    async def start(self) -> None:
        """Starts it; it is not ready yet when this returns."""
        self._process = await spawn(self._command, if_orphaned=signal.SIGTERM, env=self._env)


async def _up(environment: Environment) -> None:
    with DataDirectory(environment.data_dir) as data:
        for address in (environment.grpc, environment.http, environment.metrics):
            await address.require_free(within=_LAST_RUN_ENDS if data.was_abandoned else 0.0)
        embedded = EmbeddedServers(data)
        env = environment.for_children(
            database_url=embedded.postgres.url, valkey_url=embedded.valkey.url
        )
        servers = [
            server
            for server, url in ((embedded.postgres, "DATABASE"), (embedded.valkey, "VALKEY"))
            if not environment.variables.get(f"LIMEN_{url}_URL")
        ]
        core = PythonModule("core", "server", env=env)
        worker = PythonModule("worker", "server.worker", env=env)
        edge = PythonModule("edge", "edge", env=env)
        migrate = PythonModule("limen migrate", "server.commands", "migrate", env=env)
        bootstrap = PythonModule(
            "limen admin bootstrap", "server.commands", "admin", "bootstrap", env=env
        )
        first = [migrate] if environment.is_production else [migrate, bootstrap]
        preparation = Preparation(embedded.postgres.directory, steps=[step.name for step in first])
        is_prepared = embedded.postgres in servers and preparation.is_known()

        def announce() -> None:
            if embedded.postgres in servers:
                preparation.remember()
            _announce(environment, env)

        await Supervisor(
            servers=servers,
            # On a schema that is most likely right, nobody needs to wait until that is certain.
            steps=[] if is_prepared else first,
            children=[core, worker, edge],
            companions=[migrate] if is_prepared else [],
            stages=[[edge], [core, worker], servers],
            probes={
                "the core": partial(
                    core_serves, str(environment.grpc), environment.core_authorities()
                ),
                "the edge": partial(edge_is_ready, environment.http.host, environment.http.port),
            },
            announce=announce,
            say=_say,
        ).run()


def _announce(environment: Environment, env: Mapping[str, str]) -> None:
    url = env.get("LIMEN_PUBLIC_URL", environment.http.url)
    parts = [f"limen is ready: {url}", f"gRPC {environment.grpc}"]
    password = environment.data_dir / _PASSWORD_FILE
    if password.exists():
        parts.append(f"administrator {_ADMINISTRATOR} (password in {password})")
    if "LIMEN_SMTP_URL" not in env and not environment.is_production:
        parts.append(f"mail {url}/dev/mail")
    typer.echo(", ".join(parts))


def _say(text: str) -> None:
    typer.echo(f"limen: {text}", err=True)


def _leave(text: str, code: ExitCode) -> None:
    _say(text)
    raise typer.Exit(code)

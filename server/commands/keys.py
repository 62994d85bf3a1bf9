"""`limen keys`: the keys that sign access tokens."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import typer

from server import app as core
from server import errors
from server.auth import rotation
from server.auth.key_rotation import KeyRotation, Manner
from server.auth.rotation import State
from server.commands.exit_codes import ExitCode
from server.domain import build_domain
from server.interceptors import policy
from server.platform.clock import Clock, Entropy, SystemClock
from server.settings import MisconfiguredError, Settings

_COLUMNS = "{:<43}  {:<9}  {:<20}  {:<20}  {:<20}"

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def keys() -> None:
    """Show and rotate the keys that sign access tokens.

    limen rotates them by itself, after LIMEN_KEY_ROTATION seconds.
    """


@app.command()
def rotate(
    now: bool = typer.Option(
        False,
        "--now",
        help="Let the new key sign at once. Those who verify read the keys anew when they meet it.",
    ),
    emergency: bool = typer.Option(
        False,
        "--emergency",
        help="A key has leaked: let the new key sign at once and delete all others. Every access"
        " token is refused from then on; clients renew theirs with their refresh tokens.",
    ),
) -> None:
    """Bring in a new key.

    Without an option it signs in an hour, when everybody who verifies has it; the key before it
    verifies until its last token has expired. Running processes hear of it by themselves.

    Exit codes: 0 done (also when a key was waiting for its hour already), 1 PostgreSQL is away,
    3 wrong or missing setting.
    """
    manner = Manner.IMMEDIATE if now else Manner.ANNOUNCED
    _run(lambda keys, _: _rotate(keys, Manner.EMERGENCY if emergency else manner))


@app.command("list")
def list_keys() -> None:
    """Show every key: its id, what it is for, and its times in UTC.

    Exit codes: 0 shown, 1 PostgreSQL is away, 3 wrong or missing setting.
    """
    _run(_list)


async def _rotate(keys: KeyRotation, manner: Manner) -> None:
    rotated = await keys.rotate(manner)
    key_id, when = rotated.key.key_id, _shown(rotated.key.activate_time)
    if manner in {Manner.IMMEDIATE, Manner.EMERGENCY}:
        typer.echo(f"The key {key_id} signs now.")
    elif rotated.is_new:
        typer.echo(f"The key {key_id} is published, and signs from {when} on.")
    else:
        typer.echo(f"The key {key_id} was waiting already, and signs from {when} on.")
    if manner is Manner.EMERGENCY:
        typer.echo("All other keys are gone; what they signed is refused.")


async def _list(keys: KeyRotation, clock: Clock) -> None:
    rows, now = await keys.keys(), clock.now()
    typer.echo(_COLUMNS.format("KEY", "STATE", "MADE", "SIGNS FROM", "RETIRES").rstrip())
    for row in sorted(rows, key=lambda row: row.activate_time, reverse=True):
        state: State = rotation.state(row, rows, now)
        times = (row.create_time, row.activate_time, row.retire_time)
        typer.echo(_COLUMNS.format(row.key_id, state.value, *map(_shown, times)).rstrip())


def _shown(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment else "-"


def _run(work: Callable[[KeyRotation, Clock], Awaitable[None]]) -> None:
    try:
        asyncio.run(_within(Settings(), work))
    except (MisconfiguredError, ValueError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(ExitCode.MISCONFIGURED) from error
    except errors.LimenError as error:
        typer.echo(error.reason, err=True)
        raise typer.Exit(ExitCode.FAILURE) from error


async def _within(
    settings: Settings, work: Callable[[KeyRotation, Clock], Awaitable[None]]
) -> None:
    domain = build_domain(
        settings,
        clock=SystemClock(),
        entropy=Entropy(),
        permissions=policy.permissions(policy.read(core.SERVICES).values()),
        name="limen-command",
    )
    try:
        await work(domain.key_rotation, domain.clock)
    finally:
        domain.hasher.close()
        await domain.database.close()

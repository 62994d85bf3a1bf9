"""`limen admin`: administrators, for when nobody can sign in yet."""

import asyncio
import base64
import os
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path

import typer
from protovalidate import Validator

from limen.users.v1.users_pb2 import CreateUserRequest
from server import app as core
from server import errors
from server.caller import SYSTEM
from server.commands.exit_codes import ExitCode
from server.domain import build_domain
from server.interceptors import policy
from server.interceptors.validate import check
from server.platform.clock import Entropy, SystemClock
from server.settings import MisconfiguredError, Settings
from server.users.roles import ADMIN
from server.users.service import NewUser, UserService

FIRST = "admin@limen.localhost"
PASSWORD_FILE = "admin-password"

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def admin() -> None:
    """Create administrators."""


@app.command()
def create(
    email: str = typer.Option(..., prompt=True, help="The address; it counts as confirmed."),
    password: str = typer.Option(
        ...,
        envvar="LIMEN_ADMIN_PASSWORD",
        prompt=True,
        hide_input=True,
        confirmation_prompt=True,
        help="8 to 256 characters. Asked for when absent.",
        show_default=False,
    ),
    display_name: str = typer.Option("Administrator", help="The name shown to people."),
) -> None:
    """Create an administrator with a confirmed address.

    Exit codes: 0 created, 1 refused (the address is taken, the password too weak, PostgreSQL away),
    3 wrong or missing setting.
    """
    new = NewUser(
        email=email,
        password=password,
        display_name=display_name,
        email_verified=True,
        roles=(ADMIN,),
    )
    _run(lambda users, _: _create(users, new))


@app.command()
def bootstrap() -> None:
    """Create the first administrator of a development installation, unless there is one.

    The password is made at random, printed once, and kept in `<data dir>/admin-password`, readable
    by the owner alone. Refused in production, where `limen admin create` does the same by hand.
    """
    _run(_bootstrap)


async def _create(users: UserService, new: NewUser) -> None:
    _check(new)
    account = await users.create(SYSTEM, new)
    typer.echo(f"Created the administrator {account.user.email} ({account.user.user_id}).")


def _check(new: NewUser) -> None:
    """Holds what is typed here to the rules that the contract has for callers."""
    request = CreateUserRequest(
        email=new.email, password=new.password, display_name=new.display_name
    )
    check(Validator(), request)


async def _bootstrap(users: UserService, settings: Settings) -> None:
    if settings.profile == "production":
        raise MisconfiguredError("limen admin bootstrap is for development; use limen admin create")
    if await users.has_administrator():
        return
    password = base64.b32encode(secrets.token_bytes(15)).decode().lower()
    new = NewUser(
        email=FIRST,
        password=password,
        display_name="Administrator",
        email_verified=True,
        roles=(ADMIN,),
    )
    _keep(settings.data_dir / PASSWORD_FILE, password)
    await users.create(SYSTEM, new)
    typer.echo(f"The first administrator is {FIRST}, with the password {password}")


def _keep(path: Path, password: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(password + "\n")


def _run(work: Callable[[UserService, Settings], Awaitable[None]]) -> None:
    try:
        settings = Settings()
        asyncio.run(_within(settings, work))
    except (MisconfiguredError, ValueError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(ExitCode.MISCONFIGURED) from error
    except errors.LimenError as error:
        faults = ", ".join(f"{fault.field}: {fault.rule}" for fault in error.faults)
        typer.echo(f"{error.reason} {faults}".strip(), err=True)
        raise typer.Exit(ExitCode.FAILURE) from error


async def _within(
    settings: Settings, work: Callable[[UserService, Settings], Awaitable[None]]
) -> None:
    rules = policy.read(core.SERVICES)
    domain = build_domain(
        settings,
        clock=SystemClock(),
        entropy=Entropy(),
        permissions=policy.permissions(rules.values()),
        name="limen-command",
    )
    try:
        await work(domain.users, settings)
    finally:
        domain.hasher.close()
        await domain.database.close()

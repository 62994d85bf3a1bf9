"""`limen users`: accounts that another system kept."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from server import app as core
from server import errors
from server.caller import SYSTEM
from server.commands.exit_codes import ExitCode
from server.commands.import_progress import Bookmark, Counts, Display
from server.commands.import_run import ImportRun
from server.commands.user_files import auth0, csv_file, jsonl, keycloak
from server.commands.user_files.firebase import Firebase, HashParameters
from server.commands.user_files.rows import Reader, UnreadableFileError
from server.domain import Domain, build_domain
from server.interceptors import policy
from server.platform.clock import Entropy, SystemClock
from server.settings import MisconfiguredError, Settings
from server.users.importing import ImportedUser, Importing, Report

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


class Format(StrEnum):
    """Whose file it is."""

    JSONL = "jsonl"
    CSV = "csv"
    FIREBASE = "firebase"
    KEYCLOAK = "keycloak"
    AUTH0 = "auth0"


@app.callback()
def users() -> None:
    """Bring accounts from another system."""


@app.command("import")
def import_users(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The users.")],
    file_format: Annotated[
        Format, typer.Option("--format", help="Whose file it is.")
    ] = Format.JSONL,
    firebase_hash_config: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="The password hash parameters of the project."
        ),
    ] = None,
    failures: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="Also list the rows that cannot be taken in this file."),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False, help="Where to note how far it is. Default: FILE.import-state"
        ),
    ] = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Begin with the first row again.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check every row, take none.")] = False,
) -> None:
    """Create the accounts of a file, with the hashes of their passwords.

    Rows whose address has an account are left alone. An import that was stopped goes on where it
    was when it is started again. docs/import.md describes the formats.

    Exit codes: 0 every row is taken or has an account, 1 some rows failed or it was cut short,
    2 wrong command line, 3 wrong or missing setting, or PostgreSQL away.
    """
    reader = _reader(file_format, firebase_hash_config)
    kept = state or file.with_name(file.name + ".import-state")
    bookmark = Bookmark(kept, of=file, format_name=file_format)
    counts = Counts() if restart or dry_run else bookmark.read()
    display = Display(size=file.stat().st_size, begin=counts)
    if counts.rows:
        display.say(f"going on after row {counts.rows:,}")
    with ExitStack() as stack:
        run = ImportRun(
            file=stack.enter_context(file.open("rb")),
            reader=reader,
            counts=counts,
            display=display,
            listed=stack.enter_context(failures.open("ab")) if failures else None,
        )
        _work(partial(_check, run) if dry_run else partial(_take, run, bookmark))
    typer.echo(f"{counts.rows:,} rows, {counts.failed:,} cannot be taken" if dry_run else counts)
    if counts.failed:
        raise typer.Exit(ExitCode.FAILURE)


def _reader(file_format: Format, firebase_hash_config: Path | None) -> Reader:
    if firebase_hash_config is not None and file_format is not Format.FIREBASE:
        raise typer.BadParameter("--firebase-hash-config is for --format firebase")
    if file_format is not Format.FIREBASE:
        return {
            Format.JSONL: jsonl.read,
            Format.CSV: csv_file.read,
            Format.KEYCLOAK: keycloak.read,
            Format.AUTH0: auth0.read,
        }[file_format]
    if firebase_hash_config is None:
        return Firebase(None)
    try:
        return Firebase(HashParameters.read(firebase_hash_config.read_text()))
    except ValueError as error:
        raise typer.BadParameter(f"{firebase_hash_config}: {error}") from error


async def _take(run: ImportRun, bookmark: Bookmark, domain: Domain) -> None:
    try:
        await domain.database.ping()
    except errors.Unavailable as error:
        raise MisconfiguredError("PostgreSQL is away; is LIMEN_DATABASE_URL right?") from error
    await run.run(partial(domain.importing.take, SYSTEM), bookmark)


async def _check(run: ImportRun, domain: Domain) -> None:
    await run.run(partial(_report, domain.importing), None)


async def _report(importing: Importing, rows: Sequence[ImportedUser]) -> Report:
    failures = importing.check(rows)
    return Report(failed=len(failures), failures=failures)


def _work(work: Callable[[Domain], Awaitable[None]]) -> None:
    try:
        settings = Settings()
        asyncio.run(_within(settings, work))
    except (MisconfiguredError, ValueError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(ExitCode.MISCONFIGURED) from error
    except (UnreadableFileError, errors.LimenError) as error:
        typer.echo(f"cut short: {error}", err=True)
        raise typer.Exit(ExitCode.FAILURE) from error


async def _within(settings: Settings, work: Callable[[Domain], Awaitable[None]]) -> None:
    rules = policy.read(core.SERVICES)
    domain = build_domain(
        settings,
        clock=SystemClock(),
        entropy=Entropy(),
        permissions=policy.permissions(rules.values()),
        name="limen-command",
    )
    try:
        await work(domain)
    finally:
        domain.hasher.close()
        await domain.database.close()

"""`limen migrate`: the database gets the schema that this version needs."""

import asyncio

import typer

from server.commands.exit_codes import ExitCode
from server.platform import migrations
from server.platform.database_urls import for_asyncpg

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def migrate(
    url: str = typer.Option(
        ...,
        envvar="LIMEN_DATABASE_URL",
        help="A login that may create schemas and roles.",
        show_default=False,
    ),
    to: str = typer.Option("head", help="The revision to stop at; `base` takes everything back."),
    down: bool = typer.Option(False, "--down", help="Take revisions back instead of applying."),
) -> None:
    """Bring the database to this version's schema.

    Safe to run at any time and from several machines at once: what is there already is left alone.
    Exit codes: 0 done, 1 PostgreSQL refused or is away, 3 the URL is none of PostgreSQL.
    """
    try:
        url = for_asyncpg(url)
    except ValueError as error:
        typer.echo(f"LIMEN_DATABASE_URL {error}", err=True)
        raise typer.Exit(ExitCode.MISCONFIGURED) from error
    work = migrations.downgrade(url, to) if down else migrations.upgrade(url, to)
    try:
        changed = asyncio.run(work)
    except OSError as error:
        typer.echo(f"PostgreSQL is away: {error}", err=True)
        raise typer.Exit(ExitCode.FAILURE) from error
    typer.echo("The database has been migrated." if changed else "The database is up to date.")

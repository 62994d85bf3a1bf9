"""`limen`, also `python -m server.commands`: finds the module of a command when it is called."""

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

COMMANDS = {
    "up": ("server.commands.up", "Run everything in the foreground, with embedded servers."),
    "migrate": ("server.commands.migrate", "Bring the database to this version's schema."),
    "admin": ("server.commands.admin", "Create administrators."),
    "users": ("server.commands.users", "Bring accounts from another system."),
    "keys": ("server.commands.keys", "Show and rotate the keys that sign access tokens."),
}
"""Each command's module and its line in the help.

The command is the module's `app`, made with `typer.Typer(add_completion=False,
rich_markup_mode=None)`.
"""


class _Lazy(TyperGroup):
    """A group that imports a command's module only to run it, so that the help is fast."""

    def list_commands(self, _: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _: Any, name: str) -> Any:
        """A stand-in with the command's name and help line."""
        return TyperCommand(name, help=COMMANDS[name][1]) if name in COMMANDS else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command itself."""
        name, _, rest = super().resolve_command(ctx, args)
        module, _ = COMMANDS[str(name)]
        return name, typer.main.get_command(import_module(module).app), rest


app = typer.Typer(
    cls=_Lazy,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def limen() -> None:
    """limen, a self-hosted identity core.

    Settings are environment variables that begin with LIMEN_. Exit codes: 0 done, 1 failed,
    2 wrong command line, 3 wrong or missing setting.
    """


def main() -> None:
    """The console script."""
    app(prog_name="limen")


if __name__ == "__main__":
    main()

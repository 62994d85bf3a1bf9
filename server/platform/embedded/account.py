"""Who an embedded server runs as. PostgreSQL refuses to run as root."""

import os
import pwd
from pathlib import Path
from typing import NamedTuple

from server.platform.embedded.errors import EmbeddedError

_UNPRIVILEGED = "nobody"


class Account(NamedTuple):
    """Who a program runs as, when that is not who started it."""

    uid: int
    gid: int


def account_for(directory: Path) -> Account | None:
    """Who a server with its data in `directory` runs as; None for whoever runs this.

    Root hands over to the owner of existing data, and to an unprivileged account for new data.
    Raises `EmbeddedError` when there is no such account.
    """
    if os.geteuid() != 0:
        return None
    if directory.exists() and (owner := directory.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    try:
        entry = pwd.getpwnam(_UNPRIVILEGED)
    except KeyError:
        raise EmbeddedError(
            f"root cannot run PostgreSQL, and this system has no account named {_UNPRIVILEGED}:"
            " start limen as an ordinary user, or set LIMEN_DATABASE_URL and LIMEN_VALKEY_URL"
        ) from None
    return Account(entry.pw_uid, entry.pw_gid)


def make_directory(directory: Path, account: Account | None) -> None:
    """Makes a directory for its owner alone, or leaves the one that exists."""
    if directory.exists():
        return
    directory.mkdir(mode=0o700)
    if account is not None:
        os.chown(directory, account.uid, account.gid)

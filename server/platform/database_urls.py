"""Database URLs as people and hosting services write them, in the words of asyncpg."""

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

_DRIVER = "postgresql+asyncpg"
_SCHEMES = ("postgres", "postgresql", _DRIVER)
_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


def for_asyncpg(url: str) -> str:
    """The URL with `asyncpg` for its driver, and `sslmode` under asyncpg's name for it, `ssl`.

    Raises `ValueError`, without quoting the URL, when it is none of PostgreSQL.
    """
    try:
        parts = make_url(url)
    except (ArgumentError, ValueError):
        parts = None
    if parts is None or parts.drivername not in _SCHEMES or "[" in (parts.host or ""):
        raise ValueError("must look like postgresql://user:password@host:port/name")
    mode = parts.query.get("ssl", parts.query.get("sslmode"))
    if mode not in (None, *_MODES):
        raise ValueError(f"has an sslmode that is none of {', '.join(_MODES)}")
    if any(name.startswith("ssl") and name not in ("ssl", "sslmode") for name in parts.query):
        raise ValueError("cannot name certificates; set PGSSLROOTCERT, PGSSLCERT and PGSSLKEY")
    parts = parts.set(drivername=_DRIVER).difference_update_query(["sslmode"])
    if mode is not None:
        parts = parts.update_query_dict({"ssl": mode})
    return parts.render_as_string(hide_password=False)

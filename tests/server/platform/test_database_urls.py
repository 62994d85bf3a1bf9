"""Database URLs as hosting services hand them out."""

import pytest

from server.platform.database import connection_arguments
from server.platform.database_urls import for_asyncpg


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_every_scheme_leads_to_asyncpg(scheme):
    url = for_asyncpg(f"{scheme}://us%40er:p%2Fw%3A@db:5433/limen")

    assert url == "postgresql+asyncpg://us%40er:p%2Fw%3A@db:5433/limen"


@pytest.mark.parametrize(
    "mode", ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]
)
@pytest.mark.parametrize("name", ["ssl", "sslmode"])
def test_the_listener_is_as_protected_as_the_pool(name, mode):
    url = for_asyncpg(f"postgres://limen@db/limen?{name}={mode}")

    assert url == f"postgresql+asyncpg://limen@db/limen?ssl={mode}"
    assert connection_arguments(url)["ssl"] == mode


def test_ipv6_is_written_in_brackets():
    assert connection_arguments(for_asyncpg("postgres://limen@[::1]:5433/x"))["host"] == "::1"


def test_a_unix_socket_stays_one():
    url = for_asyncpg("postgresql://limen@/limen?host=/var/lib/limen/run")

    assert connection_arguments(url) == {
        "host": "/var/lib/limen/run",
        "port": None,
        "user": "limen",
        "password": None,
        "database": "limen",
        "ssl": None,
    }


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hunter2",
        "mysql://u:hunter2@db/x",
        "postgresql+psycopg2://u:hunter2@db/x",
        "postgresql://u:hunter2@db:port/x",
        "postgresql://u:hunter2@[db/x",
        "postgresql://u:hunter2@db/x?sslmode=maybe",
        "postgresql://u:hunter2@db/x?ssl=require&ssl=disable",
        "postgresql://u:hunter2@db/x?sslrootcert=/ca.pem",
    ],
)
def test_what_cannot_work_is_refused_without_showing_it(url):
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 - the text is compared below
        for_asyncpg(url)

    assert "hunter2" not in str(refusal.value)

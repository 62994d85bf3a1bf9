"""Accounts that one stream imports a second, with hashes of passwords, and in what memory."""

import time
from collections.abc import Iterator

import bcrypt
import grpc

from bench import memory
from bench.figures import Figure, at_least, at_most
from bench.installation import Installation, bearer, sign_in
from bench.jobs import UnsoundError
from bench.rounds import Effort
from limen.users.v1 import users_pb2, users_pb2_grpc

_ROWS_A_MESSAGE = 500
_WARM_UP = 1000
_SETTLE = 1.0


async def measure(limen: Installation, effort: Effort) -> list[Figure]:
    """One import over gRPC; PostgreSQL is on the same machine."""
    token, _ = await sign_in(limen.core, limen.administrator)
    await _import(limen.core, token, "warm-up", _WARM_UP)
    async with memory.watched(limen.core_pid, settle=_SETTLE) as resident:
        begin = time.monotonic()
        await _import(limen.core, token, "import", effort.imported)
        seconds = time.monotonic() - begin
    rate = effort.imported / seconds
    return [
        Figure(
            what="users imported over one stream, with bcrypt hashes, one core process",
            limen=f"{rate:,.0f} users/s",
            beside=f"{effort.imported:,} rows, {seconds:.1f} s",
            value=rate,
            shown=f"{rate:,.0f} /s",
            target=at_least(5000, " /s"),
        ),
        Figure(
            what="growth of the core's resident memory meanwhile",
            limen=f"peak {resident.peak:.0f} MiB",
            beside=f"before: {resident.before:.0f} MiB, after: {resident.after:.0f} MiB",
            value=resident.growth,
            shown=f"{resident.growth:.0f} MiB",
            target=at_most(64, " MiB"),
        ),
    ]


async def _import(core: str, token: str, name: str, count: int) -> None:
    async with grpc.aio.insecure_channel(core) as channel:
        users = users_pb2_grpc.UserServiceStub(channel)
        answer = await users.ImportUsers(iter(_requests(name, count)), metadata=bearer(token))
    if answer.created_count != count:
        raise UnsoundError(f"{answer.created_count} of {count} accounts were created")


def _requests(name: str, count: int) -> Iterator[users_pb2.ImportUsersRequest]:
    unique = time.time_ns()
    encoded = bcrypt.hashpw(b"the same for all", bcrypt.gensalt(4)).decode()
    for start in range(0, count, _ROWS_A_MESSAGE):
        yield users_pb2.ImportUsersRequest(
            users=[
                users_pb2.ImportedUser(
                    email=f"{name}-{unique}-{number}@bench.example",
                    email_verified=True,
                    display_name=f"User {number} of the import",
                    locale="en",
                    password_hash=encoded,
                    line=number,
                )
                for number in range(start, min(start + _ROWS_A_MESSAGE, count))
            ]
        )

"""A limen to measure, with accounts that can sign in."""

import asyncio
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc

from bench.counters import Witness
from bench.processes import Child, free_ports
from limen.auth.v1 import auth_pb2, auth_pb2_grpc
from limen.users.v1 import users_pb2, users_pb2_grpc
from server.commands.readiness import core_serves, edge_is_ready
from server.platform.embedded.directory import DataDirectory
from server.platform.embedded.servers import EmbeddedServers

ACCOUNTS = 200
"""One for each client that signs in, so that none waits for the row of another."""

GET_USER = "/limen.users.v1.UserService/GetUser"
INTROSPECT = "/limen.auth.v1.AuthService/IntrospectToken"
SIGN_IN = "/limen.auth.v1.AuthService/SignIn"

_HOST = "127.0.0.1"
_KEY_BYTES = 32
_CREATED_AT_ONCE = 16
_ADMINISTRATOR = "admin@bench.example"


@dataclass(frozen=True, slots=True)
class Account:
    """An account whose address counts as confirmed."""

    email: str
    password: str


@dataclass(frozen=True, slots=True)
class Installation:
    """Where everything is. `me` is the answer of GetUser to whoever holds `token`; `env` are the
    settings, for further processes.
    """

    folder: Path
    env: Mapping[str, str]
    core: str
    core_pid: int
    metrics: str
    edge_port: int
    accounts: tuple[Account, ...]
    administrator: Account
    token: str
    me: bytes

    def witness(self, rpc: str) -> Witness:
        """Somebody who counts how calls of an RPC end."""
        return Witness(metrics=self.metrics, rpc=rpc)


@asynccontextmanager
async def installed() -> AsyncIterator[Installation]:
    """A limen in a directory of its own, which is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="limen-bench-"))
    grpc_port, http_port, metrics_port = free_ports(3)
    core_address, metrics = f"{_HOST}:{grpc_port}", f"{_HOST}:{metrics_port}"
    try:
        async with AsyncExitStack() as stack:
            data = stack.enter_context(DataDirectory(folder / "data"))
            embedded = await stack.enter_async_context(EmbeddedServers(data))
            administrator = Account(_ADMINISTRATOR, _password())
            env = outside() | {
                # The profile that works as production does and lets the budgets be lifted.
                "LIMEN_PROFILE": "test",
                "LIMEN_REFLECTION": "0",
                "LIMEN_DATA_DIR": str(data.path),
                "LIMEN_DATABASE_URL": embedded.postgres.url,
                "LIMEN_VALKEY_URL": embedded.valkey.url,
                "LIMEN_GRPC_ADDRESS": core_address,
                "LIMEN_HTTP_ADDRESS": f"{_HOST}:{http_port}",
                "LIMEN_METRICS_ADDRESS": metrics,
                "LIMEN_PUBLIC_URL": "https://bench.example",
                "LIMEN_SECRET_KEY": secrets.token_urlsafe(_KEY_BYTES),
                "LIMEN_EDGE_SECRET": secrets.token_urlsafe(_KEY_BYTES),
                "LIMEN_ADMIN_PASSWORD": administrator.password,
                "LIMEN_ACCESS_TOKEN_TTL": "3600",
                # All load comes from one address. Calls are counted all the same.
                "LIMEN_RATE_LIMIT_SCALE": "1000000",
            }
            create = ("admin", "create", "--email", administrator.email)
            for command in (("migrate",), create):
                await Child("server.commands", *command, folder=folder, env=env).finish()
            core, worker, edge = (
                Child(module, folder=folder, env=env)
                for module in ("server", "server.worker", "edge")
            )
            await stack.enter_async_context(core.running(core_serves(core_address)))
            await stack.enter_async_context(worker.running(asyncio.sleep(0)))
            await stack.enter_async_context(edge.running(edge_is_ready(_HOST, http_port)))
            accounts = await _create_accounts(core_address, administrator)
            token, me = await sign_in(core_address, accounts[0])
            yield Installation(
                folder=folder,
                env=env,
                core=core_address,
                core_pid=core.pid or 0,
                metrics=metrics,
                edge_port=http_port,
                accounts=accounts,
                administrator=administrator,
                token=token,
                me=me,
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def outside() -> dict[str, str]:
    """The environment without settings of limen: those may point at an installation in use."""
    return {name: value for name, value in os.environ.items() if not name.startswith("LIMEN_")}


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    """The metadata of a call with an access token."""
    return (("authorization", f"Bearer {token}"),)


async def _create_accounts(core: str, administrator: Account) -> tuple[Account, ...]:
    token, _ = await sign_in(core, administrator)
    accounts = tuple(Account(f"user{n}@bench.example", _password()) for n in range(ACCOUNTS))
    turns = asyncio.Semaphore(_CREATED_AT_ONCE)
    async with grpc.aio.insecure_channel(core) as channel, asyncio.TaskGroup() as group:
        users = users_pb2_grpc.UserServiceStub(channel)

        async def create(number: int, account: Account) -> None:
            request = users_pb2.CreateUserRequest(
                email=account.email,
                password=account.password,
                display_name=f"User {number} of the bench",
                email_verified=True,
            )
            async with turns:
                await users.CreateUser(request, metadata=bearer(token))

        for number, account in enumerate(accounts):
            group.create_task(create(number, account))
    return accounts


async def sign_in(core: str, account: Account) -> tuple[str, bytes]:
    """An access token, and what GetUser answers to its holder."""
    async with grpc.aio.insecure_channel(core) as channel:
        signed_in = await auth_pb2_grpc.AuthServiceStub(channel).SignIn(
            auth_pb2.SignInRequest(email=account.email, password=account.password)
        )
        token = signed_in.tokens.access_token
        me = await users_pb2_grpc.UserServiceStub(channel).GetUser(
            users_pb2.GetUserRequest(user_id="me"), metadata=bearer(token)
        )
    return token, me.SerializeToString()


def _password() -> str:
    return secrets.token_urlsafe(16)

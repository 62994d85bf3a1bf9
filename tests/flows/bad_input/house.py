"""The running system under attack: both ways in, who may come, and what is left behind."""

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import grpc

from server.platform.database import connection_arguments
from tests.eventually import soon
from tests.flows.bad_input.answers import Outcome, of_grpc, of_rest
from tests.flows.bad_input.http1 import Header, Http, Reply
from tests.flows.bad_input.rpcs import RestRequest, Rpc
from tests.system import System

PASSWORD = "correct horse battery staple"
JSON: Header = ("content-type", "application/json")

_COUNT = itertools.count()
_STREAM_PATIENCE = 0.25
_MOST_BYTES = 64 * 1024 * 1024
_TABLES = {
    "users.users": "*",
    "users.role_grants": "*",
    "users.sign_in_failures": "*",
    "users.known_networks": "*",
    "auth.passwords": "*",
    # When a session was last used is written now and then, by whatever its owner does.
    "auth.sessions": "session_id, user_id, proof_time, refresh_generation, revoke_time",
    "auth.one_time_tokens": "*",
    "auth.signing_keys": "*",
    "auth.challenges": "*",
    "users.roles": "*",
    "factors.totps": "*",
    "factors.passkeys": "*",
    "factors.recovery_codes": "*",
    "factors.ceremonies": "*",
    "apikeys.keys": "api_key_id, scopes, expire_time, revoke_time",
    "apikeys.client_secrets": "user_id, secret_hash",
    "apikeys.certificates": "*",
    "audit.events": "*",
    "jobs.outbox": "job_id",
}


@dataclass(frozen=True)
class Someone:
    """Who calls: nobody, unless there is a token."""

    token: str = ""
    email: str = ""

    @property
    def headers(self) -> list[Header]:
        return [("authorization", f"Bearer {self.token}")] if self.token else []

    @property
    def metadata(self) -> list[tuple[str, str]]:
        return [("authorization", f"Bearer {self.token}")] if self.token else []


STRANGER = Someone()


@dataclass
class House:
    """Both doors of one system, and a view into its database."""

    system: System
    http: Http
    channel: grpc.aio.Channel
    database: asyncpg.Connection
    documented: Mapping[str, Mapping[int, set[str]]] = field(default_factory=dict)
    """By gRPC path and HTTP status: the reasons for which the API description says it refuses."""

    @classmethod
    async def enter(cls, system: System, database_url: str) -> "House":
        options = [
            ("grpc.max_send_message_length", _MOST_BYTES),
            ("grpc.max_receive_message_length", _MOST_BYTES),
        ]
        house = cls(
            system=system,
            http=Http(system.rest_url.removeprefix("http://")),
            channel=grpc.aio.insecure_channel(system.grpc_address, options=options),
            database=await asyncpg.connect(**connection_arguments(database_url)),
        )
        description = json.loads((await house.http.send("GET", "/openapi.json")).body)
        house.documented = _documented(description)
        return house

    async def leave(self) -> None:
        await self.database.close()
        await self.channel.close()
        await self.http.close()

    async def someone(self, *roles: str) -> Someone:
        """A fresh account with these roles, signed in."""
        admin = await self.sign_in(self.system.admin_email, password=self.system.admin_password)
        email = f"someone-{next(_COUNT)}@example.com"
        account = {"email": email, "password": PASSWORD, "emailVerified": True}
        user = await self._post("/v1/users", account, admin)
        for role in roles:
            await self._post(f"/v1/users/{user['userId']}:grantRole", {"role": role}, admin)
        return await self.sign_in(email)

    async def sign_in(self, email: str, *headers: Header, password: str = PASSWORD) -> Someone:
        """A new session of an account."""
        content = {"email": email, "password": password}
        answer = await self._post("/v1/auth/sign-in", content, STRANGER, *headers)
        return Someone(answer["tokens"]["accessToken"], email)

    async def over_grpc(
        self, rpc: Rpc, data: bytes, who: Someone, *metadata: tuple[str, str | bytes]
    ) -> Outcome:
        """What becomes of a gRPC call with these bytes as its message."""
        told = [*who.metadata, *metadata]
        try:
            if rpc.streams:
                await self._first_of_stream(rpc, data, told)
            else:
                await self.channel.unary_unary(rpc.path)(data, metadata=told)
        except grpc.aio.AioRpcError as error:
            return of_grpc(error, rpc)
        return Outcome()

    async def over_rest(self, request: RestRequest, who: Someone, *headers: Header) -> Outcome:
        """What becomes of an HTTP request."""
        return of_rest(await self.reply(request, who, *headers))

    async def reply(self, request: RestRequest, who: Someone, *headers: Header) -> Reply:
        typed = [JSON] if request.body is not None else []
        return await self.http.send(
            request.method,
            request.target,
            [*who.headers, *(headers or typed)],
            request.body,
            head_only=request.streams,
        )

    async def belongings(self) -> dict[str, Any]:
        """All that is stored, in short, once no job is under way any more."""
        await soon(self._is_idle)
        return {
            table: await self.database.fetchrow(
                f"SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text))"  # noqa: S608 - ours
                f" FROM (SELECT {columns} FROM {table}) AS t"
            )
            for table, columns in _TABLES.items()
        }

    async def _is_idle(self) -> bool:
        open_jobs = "SELECT FROM jobs.outbox WHERE done_time IS NULL AND dead_time IS NULL"
        return bool(await self.database.fetchval(f"SELECT NOT EXISTS ({open_jobs})"))

    async def _post(self, target: str, content: Any, who: Someone, *headers: Header) -> Any:
        body = json.dumps(content).encode()
        reply = await self.reply(RestRequest("POST", target, body), who, JSON, *headers)
        assert reply.status == 200, reply
        return json.loads(reply.body)

    async def _first_of_stream(self, rpc: Rpc, data: bytes, metadata: Any) -> None:
        """Waits for the first message; a stream that says nothing for a while is a success."""
        call = self.channel.unary_stream(rpc.path)(
            data, metadata=metadata, timeout=_STREAM_PATIENCE
        )
        try:
            await call.read()
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.DEADLINE_EXCEEDED:
                raise
        finally:
            call.cancel()


def _documented(description: dict[str, Any]) -> dict[str, dict[int, set[str]]]:
    found: dict[str, dict[int, set[str]]] = {}
    for item in description["paths"].values():
        for operation in item.values():
            found[f"/{operation['x-limen-rpc']}"] = {
                int(status): _reasons(_resolved(description, response))
                for status, response in operation["responses"].items()
            }
    return found


def _resolved(description: dict[str, Any], response: dict[str, Any]) -> dict[str, Any]:
    steps: Sequence[str] = response.get("$ref", "").split("/")[1:]
    found: Any = description
    for step in steps:
        found = found[step]
    return found if steps else response


def _reasons(response: dict[str, Any]) -> set[str]:
    content = response["content"].get("application/problem+json", {})
    return set(content.get("schema", {}).get("properties", {}).get("reason", {}).get("enum", ()))

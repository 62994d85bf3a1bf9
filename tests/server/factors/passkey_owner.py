"""Somebody with passkeys, and what they do with them."""

from collections.abc import Mapping
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct

from limen.factors.v1 import factors_pb2
from tests.server.factors.authenticator import Authenticator
from tests.server.running_core import bearer


def struct(tree: Mapping[str, Any]) -> Struct:
    message = Struct()
    message.update(tree)
    return message


class PasskeyOwner:
    """Somebody with a confirmed account and a session, who comes to have passkeys."""

    def __init__(self, core, account, metadata) -> None:
        self.core = core
        self.user_id = account.user.user_id
        self.email = account.user.email
        self.metadata = metadata

    async def begin(self):
        request = factors_pb2.BeginPasskeyRegistrationRequest()
        return await self.core.factors.BeginPasskeyRegistration(request, metadata=self.metadata)

    def finish(self, begun, answer, *, display_name="", metadata=None):
        request = factors_pb2.FinishPasskeyRegistrationRequest(
            ceremony_token=begun.ceremony_token,
            credential=struct(answer),
            display_name=display_name,
        )
        return self.core.factors.FinishPasskeyRegistration(
            request, metadata=metadata or self.metadata
        )

    async def add(self, authenticator=None, **more):
        """Adds a passkey, and returns what holds it."""
        authenticator = authenticator or Authenticator()
        begun = await self.begin()
        await self.finish(begun, authenticator.make(MessageToDict(begun.options)), **more)
        return authenticator

    async def factors(self):
        request = factors_pb2.ListFactorsRequest()
        return await self.core.factors.ListFactors(request, metadata=self.metadata)


async def begin_sign_in(core, challenge_token=""):
    request = factors_pb2.BeginPasskeySignInRequest(challenge_token=challenge_token)
    return await core.factors.BeginPasskeySignIn(request)


def finish_sign_in(core, begun, answer, **more):
    request = factors_pb2.FinishPasskeySignInRequest(
        ceremony_token=begun.ceremony_token, credential=struct(answer), **more
    )
    return core.factors.FinishPasskeySignIn(request)


async def show(core, authenticator, *, challenge_token="", **faults):
    """Signs in with a passkey."""
    begun = await begin_sign_in(core, challenge_token)
    answer = authenticator.show(MessageToDict(begun.options), **faults)
    return await finish_sign_in(core, begun, answer)


async def last_event(core, action):
    return (await core.events(action=action))[-1]


async def passkey_row(core, authenticator):
    rows = await core.sql(
        "SELECT * FROM factors.passkeys WHERE credential_id = :id", id=authenticator.credential_id
    )
    return rows[0] if rows else None


async def newcomer(core) -> PasskeyOwner:
    """Somebody who has a password only, signed in with it."""
    account = await core.user()
    return PasskeyOwner(core, account, bearer(await core.sign_in(account.user.email)))

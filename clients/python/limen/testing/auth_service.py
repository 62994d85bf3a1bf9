"""What services call of `limen.auth.v1.AuthService`."""

# ruff: noqa: N802 - the names of the RPCs.

from collections.abc import Iterator
from typing import TYPE_CHECKING

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from limen.auth.v1 import auth_pb2
from limen.testing.access import Credential, caller, find, refuse
from limen.testing.people import FakeApiKey, FakeSession

if TYPE_CHECKING:
    from limen.testing.fake import FakeLimen

_INTROSPECT = "tokens.introspect"
_MONTH = 30 * 86_400


class AuthService:
    """Answers from what the test has set up."""

    def __init__(self, limen: "FakeLimen") -> None:
        self._limen = limen

    def SignIn(
        self, request: auth_pb2.SignInRequest, context: grpc.ServicerContext
    ) -> auth_pb2.SignInResponse:
        """Opens a session for an address and password."""
        self._limen.calls["SignIn"] += 1
        users = list(self._limen.users.values())
        user = next((user for user in users if user.email == request.email), None)
        if user is None or user.password != request.password:
            refuse(context, grpc.StatusCode.UNAUTHENTICATED, "SIGN_IN_FAILED")
        if user.disabled:
            refuse(context, grpc.StatusCode.PERMISSION_DENIED, "ACCOUNT_DISABLED")
        session = self._limen.sign_in(user)
        return auth_pb2.SignInResponse(
            session=auth_pb2.Session(
                session_id=session.session_id, user_id=user.user_id, amr=["pwd"], current=True
            ),
            tokens=_tokens(session),
            user=user.message(),
        )

    def RefreshTokens(
        self, request: auth_pb2.RefreshTokensRequest, context: grpc.ServicerContext
    ) -> auth_pb2.RefreshTokensResponse:
        """Trades a refresh token of a live session, once."""
        self._limen.calls["RefreshTokens"] += 1
        with self._limen.lock:
            sessions = list(self._limen.sessions.values())
            old = next((s for s in sessions if s.refresh_token == request.refresh_token), None)
            if old is None or old.user.disabled:
                refuse(context, grpc.StatusCode.UNAUTHENTICATED, "CREDENTIAL_INVALID")
            # The same session goes on with the tokens of a new one.
            new = self._limen.sign_in(old.user, sid=old.session_id)
            del self._limen.sessions[new.session_id]
            old.access_token, old.refresh_token = new.access_token, new.refresh_token
            old.expire_time = new.expire_time
        return auth_pb2.RefreshTokensResponse(tokens=_tokens(old))

    def SignOut(
        self,
        request: auth_pb2.SignOutRequest,  # noqa: ARG002 - the signature of an RPC
        context: grpc.ServicerContext,
    ) -> auth_pb2.SignOutResponse:
        """Ends the session of the caller."""
        self._limen.calls["SignOut"] += 1
        self._limen.revoke(caller(self._limen, context).shown)
        return auth_pb2.SignOutResponse()

    def IntrospectToken(
        self, request: auth_pb2.IntrospectTokenRequest, context: grpc.ServicerContext
    ) -> auth_pb2.IntrospectTokenResponse:
        """Says whether a token is live."""
        self._limen.calls["IntrospectToken"] += 1
        asking = caller(self._limen, context)
        found = find(self._limen, request.token)
        may_know = _INTROSPECT in asking.scopes or (found and found.shown is asking.shown)
        if found is None or not may_know:
            return auth_pb2.IntrospectTokenResponse(active=False)
        return self._description(found)

    def GetJwks(
        self,
        request: auth_pb2.GetJwksRequest,  # noqa: ARG002 - the signature of an RPC
        context: grpc.ServicerContext,  # noqa: ARG002 - as above
    ) -> auth_pb2.GetJwksResponse:
        """The keys that verify."""
        self._limen.calls["GetJwks"] += 1
        return auth_pb2.GetJwksResponse(keys=[key.jwk() for key in self._limen.published])

    def WatchRevocations(
        self, request: auth_pb2.WatchRevocationsRequest, context: grpc.ServicerContext
    ) -> Iterator[auth_pb2.WatchRevocationsResponse]:
        """What ends, as it ends."""
        self._limen.calls["WatchRevocations"] += 1
        caller(self._limen, context, _INTROSPECT)
        yield from self._limen.feed.since(request.cursor, context.is_active)

    def _description(self, found: Credential) -> auth_pb2.IntrospectTokenResponse:
        shown = found.shown
        answer = auth_pb2.IntrospectTokenResponse(
            active=True,
            sub=found.user.user_id,
            iss=self._limen.issuer,
            aud=self._limen.audience,
            scope=" ".join(sorted(found.scopes)),
            token_type="Bearer",
        )
        if isinstance(shown, FakeApiKey):
            answer.sid, answer.token_type = shown.api_key_id, "ApiKey"
        else:
            answer.sid, answer.exp = shown.session_id, shown.expire_time
        return answer


def _tokens(session: FakeSession) -> auth_pb2.Tokens:
    return auth_pb2.Tokens(
        access_token=session.access_token,
        refresh_token=session.refresh_token,
        access_token_expire_time=Timestamp(seconds=session.expire_time),
        refresh_token_expire_time=Timestamp(seconds=session.expire_time + _MONTH),
    )

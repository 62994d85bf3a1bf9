"""limen, as far as a service that uses it can tell."""

import asyncio
import threading
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self

from limen.client import connect
from limen.client.verifier import Verifier
from limen.testing.feed import Feed
from limen.testing.forgeries import forgeries
from limen.testing.issuing import SigningKey, new_key
from limen.testing.people import PASSWORD, FakeApiKey, FakeSession, FakeUser
from limen.testing.server import Server

INTROSPECT = "tokens.introspect"

_LIFETIME = 600
_LOOK_AGAIN = 0.005


class FakeLimen:
    """Users, sessions, tokens and keys for a test, served on a port of this machine.

    A context manager; also `start` and `close`. It runs on threads of its own, so tests may be
    synchronous or not. Times are in seconds.
    """

    issuer = "https://limen.test"
    """The `iss` of tokens."""
    audience = "limen"
    """The `aud` of tokens."""

    def __init__(self) -> None:
        self.users: dict[str, FakeUser] = {}
        """By id."""
        self.sessions: dict[str, FakeSession] = {}
        """Those that live, by id."""
        self.api_keys: dict[str, FakeApiKey] = {}
        """Those that live, by secret."""
        self.calls: Counter[str] = Counter()
        """How often each RPC was called, by name."""
        self.key: SigningKey = new_key()
        """What signs tokens now."""
        self.published: list[SigningKey] = [self.key]
        """What verifies tokens."""
        self.feed = Feed()
        """What was revoked."""
        self.lock = threading.RLock()
        self._server = Server(self)
        self._service: FakeSession | None = None

    def start(self) -> None:
        """Begins to serve."""
        self._server.start()

    def close(self) -> None:
        """Ends all streams and stops."""
        self.feed.close()
        self._server.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def address(self) -> str:
        """What to give to `limen.client.connect`."""
        return self._server.address

    @property
    def service_token(self) -> str:
        """A token that allows what services do: to ask about tokens and to watch revocations."""
        with self.lock:
            if self._service is None:
                robot = self.user("service@limen.test", roles={"service"}, scopes={INTROSPECT})
                self._service = self.sign_in(robot, lifetime=86_400)
        return self._service.access_token

    async def give_service_token(self) -> str:
        """The same, in the form in which `connect` asks for it before each call."""
        return self.service_token

    def user(
        self,
        email: str = "",
        *,
        display_name: str = "Ada",
        password: str = PASSWORD,
        roles: Iterable[str] = (),
        scopes: Iterable[str] = (),
    ) -> FakeUser:
        """An account. Without an address it gets one that nobody has."""
        user_id = _id()
        user = FakeUser(
            user_id=user_id,
            email=email or f"user-{user_id}@example.org",
            display_name=display_name,
            password=password,
            roles=set(roles),
            scopes=set(scopes),
        )
        with self.lock:
            self.users[user_id] = user
        return user

    def sign_in(
        self,
        user: FakeUser,
        *,
        amr: Sequence[str] = ("pwd",),
        proof_age: float = 0,
        lifetime: float = _LIFETIME,
        certificate: str | None = None,
        **claims: Any,
    ) -> FakeSession:
        """A session with tokens.

        amr: how the user proved who they are (RFC 8176); with `mfa` the `acr` is `aal2`.
        proof_age: how long ago that was.
        lifetime: how long the access token lives; below 0 it has expired already.
        certificate: the thumbprint that the token is bound to (RFC 8705).
        claims: further ones, or others.
        """
        now = int(time.time())
        session_id = _id()
        payload = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": user.user_id,
            "sid": session_id,
            "jti": uuid.uuid4().hex,
            "iat": now + min(0, int(lifetime) - 1),
            "exp": now + int(lifetime),
            "auth_time": now - int(proof_age),
            "amr": list(amr),
            "acr": "aal2" if "mfa" in amr else "aal1",
            "scope": " ".join(sorted(user.scopes)),
            "client_id": "limen",
            **({"cnf": {"x5t#S256": certificate}} if certificate else {}),
            **claims,
        }
        session = FakeSession(
            session_id=session_id,
            user=user,
            access_token=self.key.sign(payload),
            refresh_token=f"refresh-{_id()}",
            expire_time=payload["exp"],
        )
        with self.lock:
            self.sessions[session_id] = session
        return session

    def api_key(self, user: FakeUser, *, scopes: Iterable[str] = ()) -> FakeApiKey:
        """An API key of a user."""
        made = FakeApiKey(
            api_key_id=_id(),
            user=user,
            scopes=frozenset(scopes),
            secret=f"lmk_{uuid.uuid4().hex}{uuid.uuid4().hex[:17]}",
        )
        with self.lock:
            self.api_keys[made.secret] = made
        return made

    def revoke(self, ended: FakeSession | FakeApiKey | FakeUser) -> None:
        """Ends a session, a key, or all sessions and keys of a user, whom it also disables."""
        with self.lock:
            if isinstance(ended, FakeUser):
                ended.disabled = True
                for session in [each for each in self.sessions.values() if each.user is ended]:
                    self.revoke(session)
                for key in [each for each in self.api_keys.values() if each.user is ended]:
                    self.revoke(key)
            elif isinstance(ended, FakeSession):
                self.sessions.pop(ended.session_id, None)
                self.feed.revoke(ended.session_id)
            else:
                self.api_keys.pop(ended.secret, None)
                self.feed.revoke(ended.api_key_id)

    def rotate_key(self, *, retire: bool = False) -> None:
        """Signs with a new key from now on. With `retire` the older ones verify nothing more."""
        with self.lock:
            self.key = new_key()
            self.published = [self.key] if retire else [*self.published, self.key]
            if retire:
                self._service = None
        self.feed.change_keys()

    def fall_silent(self) -> None:
        """Says nothing more on streams, as behind a dead network; other calls are answered."""
        self.feed.be_silent(True)

    def speak(self) -> None:
        """Goes on where it fell silent."""
        self.feed.be_silent(False)

    def forgeries(self, session: FakeSession) -> dict[str, str]:
        """Tokens that nobody may accept, by what is wrong with them. About a hundred."""
        forged = forgeries(session.access_token, self.key, now=int(time.time()))
        return {**forged, "a refresh token": session.refresh_token}

    @asynccontextmanager
    async def verifier(self, **settings: Any) -> AsyncIterator[Verifier]:
        """A verifier that trusts this limen, listening already. `settings` are those of `Verifier`.

        It belongs to the event loop that it is made in.
        """
        expected = {"issuer": self.issuer, "audience": self.audience}
        async with (
            connect(self.address, token=self.give_service_token) as client,
            Verifier(client, **expected | settings) as verifier,
        ):
            yield verifier

    async def told(self, verifier: Verifier) -> None:
        """Waits until a verifier has heard of everything that was revoked."""
        while verifier.cursor != self.feed.cursor:  # noqa: ASYNC110 - it hears in its own time
            await asyncio.sleep(_LOOK_AGAIN)


def _id() -> str:
    return str(uuid.uuid4())

"""The public keys of limen, by id, and when to read them anew."""

import asyncio
import base64
import logging
from collections.abc import Callable, Iterable, Mapping

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from limen.auth.v1.auth_pb2 import GetJwksRequest, Jwk
from limen.auth.v1.auth_pb2_grpc import AuthServiceStub
from limen.client.errors import LimenError
from limen.client.verifier.counters import Counters
from limen.client.verifier.errors import CredentialInvalid, StaleError

_PAUSE = 5.0
"""How long an unknown key id has no effect after one had, in seconds: anybody can make up ids."""

_DEADLINE = 2.0

_log = logging.getLogger("limen.verifier")

Changed = Callable[[Mapping[str, Ed25519PublicKey]], None]


class Keys:
    """The JWK Set (RFC 7517, section 5), asked of limen over the channel and from nowhere else.

    changed: is told of the keys whenever they were read.
    monotonic: the time in seconds, on a clock that nobody sets.
    """

    def __init__(
        self,
        auth: AuthServiceStub,
        *,
        changed: Changed,
        counters: Counters,
        monotonic: Callable[[], float],
    ) -> None:
        self._auth = auth
        self._changed = changed
        self._counters = counters
        self._monotonic = monotonic
        self._keys: Mapping[str, Ed25519PublicKey] | None = None
        self._reading = asyncio.Lock()
        self._looked_at = float("-inf")
        self._unanswered = False
        self.read_at = float("-inf")
        """When the keys were last read, on the monotonic clock."""

    async def find(self, key_id: str) -> Ed25519PublicKey:
        """The key with this id; they are read anew if it is not there, though not too often.

        Raises `CredentialInvalid` for an unknown key, and `StaleError` when limen cannot be asked.
        """
        keys = self._keys
        if keys is None or key_id not in keys:
            keys = await self._look_again(key_id)
        try:
            return keys[key_id]
        except KeyError:
            raise CredentialInvalid("unknown key") from None

    async def read(self) -> None:
        """Reads the keys. Raises LimenError."""
        async with self._reading:
            await self._read()

    async def _look_again(self, key_id: str) -> Mapping[str, Ed25519PublicKey]:
        async with self._reading:
            # Those who waited for the turn of another have what that one brought.
            found = self._keys is not None and key_id in self._keys
            if not found and self._monotonic() - self._looked_at >= _PAUSE:
                self._looked_at = self._monotonic()
                try:
                    await self._read()
                except LimenError as fault:
                    raise StaleError("the keys cannot be read") from fault
            if not found and self._unanswered:
                raise StaleError("it may be a key that is new")
        if self._keys is None:
            raise StaleError("the keys have not been read yet")
        return self._keys

    async def _read(self) -> None:
        begin = self._monotonic()
        self._counters.key_reads += 1
        self._unanswered = True
        answer = await self._auth.GetJwks(GetJwksRequest(), timeout=_DEADLINE)
        self._keys = keys = dict(_usable(answer.keys))
        self.read_at = begin
        self._unanswered = False
        self._changed(keys)


def _usable(keys: Iterable[Jwk]) -> Iterable[tuple[str, Ed25519PublicKey]]:
    """The keys for Ed25519 signatures (RFC 8037, section 2). Newer kinds are passed over."""
    for key in keys:
        if (key.kty, key.crv, key.alg, key.use) != ("OKP", "Ed25519", "EdDSA", "sig"):
            continue
        try:
            raw = base64.urlsafe_b64decode(key.x + "=" * (-len(key.x) % 4))
            yield key.kid, Ed25519PublicKey.from_public_bytes(raw)
        except ValueError:
            _log.warning("limen publishes a key that cannot be read: %s", key.kid)

"""The keys that sign access tokens, and those that still verify them, at hand.

Read from PostgreSQL at start, every minute after, and at once when somebody changes them.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from server import errors
from server.auth import rotation, signing_keys
from server.auth.key_rotation import KeyRotation
from server.auth.model import SigningKeyRow
from server.platform.clock import Clock
from server.platform.vault import Vault

_REFRESH_SECONDS = 60.0
_RETRY_SECONDS = 0.5
_RETRY_AFTER = 1.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """The public half of a key."""

    key_id: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class _View:
    """What the keys are for while none of them changes its state."""

    since: datetime
    until: datetime
    signing: tuple[str, Ed25519PrivateKey] | None
    verifying: Mapping[str, Ed25519PublicKey]
    published: Sequence[VerifyingKey]


class Keyring:
    """Signs with the newest active key; verifies with every key that is not retired."""

    def __init__(self, *, rotation: KeyRotation, vault: Vault, clock: Clock) -> None:
        self._rotation = rotation
        self._vault = vault
        self._clock = clock
        self._rows: Sequence[SigningKeyRow] = ()
        self._view: _View | None = None
        self._listeners: list[Callable[[], None]] = []
        self._loading = asyncio.Lock()
        self._is_stale = asyncio.Event()

    async def load(self) -> None:
        """Reads the keys, and has one made when it is time or there is none to sign with.

        Raises `errors.Unavailable`.
        """
        # One at a time: an older reading must not come after a newer one.
        async with self._loading:
            before = self._view
            self._rows = await self._rotation.keep_up()
            self._view = self._look()
        if before is not None and before.published != self._view.published:
            for listener in self._listeners:
                listener()

    async def run(self) -> None:
        """Keeps up with the keys until cancelled."""
        while True:
            self._is_stale.clear()
            try:
                await self.load()
            except errors.Unavailable:
                _log.warning("keyring.stale")
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._is_stale.wait(), _REFRESH_SECONDS)

    def read_again(self) -> None:
        """Has the keys read at once: they may have changed unheard."""
        self._is_stale.set()

    def changed(self, kind: str, _key: str) -> None:
        """Hears of changes, and has the keys read at once if they are what changed."""
        if kind == "signing_keys":
            self.read_again()

    def on_change(self, listener: Callable[[], None]) -> None:
        """Calls `listener` when other keys are published than before."""
        self._listeners.append(listener)

    def is_loaded(self) -> bool:
        """Whether the keys have been read. Until then nobody can say which tokens are good."""
        return self._view is not None

    def signing(self) -> tuple[str, Ed25519PrivateKey]:
        """The id and the key to sign with. Raises `errors.Unavailable` while there is none."""
        found = self._present().signing
        if found is None:
            raise errors.Unavailable(retry_after=_RETRY_AFTER)
        return found

    def verifying(self) -> Mapping[str, Ed25519PublicKey]:
        """The keys that tokens may be signed with, by id.

        Raises `errors.Unavailable` while they have never been read.
        """
        return self._present().verifying

    def published(self) -> Sequence[VerifyingKey]:
        """The public keys, for others to verify with.

        Raises `errors.Unavailable` while they have never been read.
        """
        return self._present().published

    def _present(self) -> _View:
        if self._view is None:
            raise errors.Unavailable(retry_after=_RETRY_AFTER)
        if not self._view.since <= self._clock.now() < self._view.until:
            self._view = self._look()
        return self._view

    def _look(self) -> _View:
        now = self._clock.now()
        live = rotation.live(self._rows, now)
        since, until = rotation.unchanged(self._rows, now)
        return _View(
            since=since,
            until=until,
            signing=self._signer(now),
            verifying={
                row.key_id: Ed25519PublicKey.from_public_bytes(row.public_key) for row in live
            },
            published=[VerifyingKey(row.key_id, row.public_key) for row in live],
        )

    def _signer(self, now: datetime) -> tuple[str, Ed25519PrivateKey] | None:
        for row in rotation.signers(self._rows, now):
            private = signing_keys.unseal(self._vault, row)
            if private is not None:
                return row.key_id, private
            _log.warning("keyring.sealed", key_id=row.key_id)
        return None

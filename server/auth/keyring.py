"""The keys that sign access tokens, and those that still verify them.

Kept in PostgreSQL with the private half sealed, read at start and every minute
after.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from server import errors
from server.auth.model import SigningKeyRow
from server.platform.clock import Clock
from server.platform.database import Database
from server.platform.vault import SealBrokenError, Vault, encode

_REFRESH_SECONDS = 60.0
_RETRY_SECONDS = 0.5
_RETRY_AFTER = 1.0
_LOCK = 0x6C696D656E6B6579

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """The public half of a key."""

    key_id: str
    raw: bytes


class Keyring:
    """Signs with the newest active key; verifies with every key that is not retired."""

    def __init__(self, *, database: Database, vault: Vault, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock
        self._signing: tuple[str, Ed25519PrivateKey] | None = None
        self._verifying: dict[str, Ed25519PublicKey] | None = None
        self._published: list[VerifyingKey] = []

    async def load(self) -> None:
        """Reads the keys, and makes one when there is none to sign with."""
        async with self._database.transaction() as tx:
            if not self._take((await tx.scalars(_ALL)).all()):
                await tx.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
                rows = (await tx.scalars(_ALL)).all()
                if not self._take(rows):
                    new = self._generate()
                    await tx.execute(insert(SigningKeyRow).values(new))
                    self._take([*rows, SigningKeyRow(**new)])

    async def run(self) -> None:
        """Reads the keys, and keeps up with those that others add or retire, until cancelled."""
        while True:
            try:
                await self.load()
                pause = _REFRESH_SECONDS
            except errors.Unavailable:
                _log.warning("keyring.stale")
                pause = _RETRY_SECONDS
            await asyncio.sleep(pause)

    def is_loaded(self) -> bool:
        """Whether the keys have been read. Until then nobody can say which tokens are good."""
        return self._verifying is not None

    def signing(self) -> tuple[str, Ed25519PrivateKey]:
        """The id and the key to sign with. Raises `errors.Unavailable` while there is none."""
        if self._signing is None:
            raise errors.Unavailable(retry_after=_RETRY_AFTER)
        return self._signing

    def verifying(self) -> Mapping[str, Ed25519PublicKey]:
        """The keys that tokens may be signed with, by id.

        Raises `errors.Unavailable` while they have never been read.
        """
        if self._verifying is None:
            raise errors.Unavailable(retry_after=_RETRY_AFTER)
        return self._verifying

    def published(self) -> list[VerifyingKey]:
        """The public keys, for others to verify with.

        Raises `errors.Unavailable` while they have never been read.
        """
        if self._verifying is None:
            raise errors.Unavailable(retry_after=_RETRY_AFTER)
        return self._published

    def _take(self, rows: Sequence[SigningKeyRow]) -> bool:
        """Remembers the keys. False when none of them can sign."""
        now = self._clock.now()
        live = [row for row in rows if row.retire_time is None or row.retire_time > now]
        self._verifying = {
            row.key_id: Ed25519PublicKey.from_public_bytes(row.public_key) for row in live
        }
        self._published = [VerifyingKey(row.key_id, row.public_key) for row in live]
        self._signing = next(
            (
                (row.key_id, key)
                for row in sorted(live, key=lambda row: row.activate_time, reverse=True)
                if row.activate_time <= now and (key := self._open(row)) is not None
            ),
            None,
        )
        return self._signing is not None

    def _open(self, row: SigningKeyRow) -> Ed25519PrivateKey | None:
        try:
            private = self._vault.open(_place(row.key_id), row.sealed)
        except SealBrokenError:
            # Sealed under a root secret that is gone: it verifies what it signed, nothing more.
            _log.warning("keyring.sealed", key_id=row.key_id)
            return None
        return Ed25519PrivateKey.from_private_bytes(private)

    def _generate(self) -> dict[str, object]:
        private = Ed25519PrivateKey.generate()
        public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        key_id = thumbprint(public)
        now = self._clock.now()
        return {
            "key_id": key_id,
            "public_key": public,
            "sealed": self._vault.seal(_place(key_id), private.private_bytes_raw()),
            "create_time": now,
            "activate_time": now,
        }


def thumbprint(public: bytes) -> str:
    """The id of a key: its JWK thumbprint (RFC 7638; RFC 8037, appendix A.3)."""
    canonical = f'{{"crv":"Ed25519","kty":"OKP","x":"{encode(public)}"}}'
    return encode(hashlib.sha256(canonical.encode()).digest())


def _place(key_id: str) -> str:
    return f"auth.signing_keys/sealed/{key_id}"


_ALL = select(SigningKeyRow)

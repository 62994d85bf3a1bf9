"""Making, replacing and retiring signing keys. Whoever does so does it alone, under a lock."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import structlog

from server.audit.actions import Action
from server.audit.recorder import Event, Recorder
from server.auth import rotation, signing_keys, stored_keys
from server.auth.model import SigningKeyRow
from server.auth.rotation import OUTLIVES, OVERLAP
from server.caller import SYSTEM
from server.platform.clock import Clock
from server.platform.database import Database, Transaction
from server.platform.vault import Vault

_log = structlog.get_logger(__name__)


class Manner(StrEnum):
    """How the new key takes over."""

    SCHEDULED = "scheduled"
    """The newest key is old enough. The new one signs once everybody can know it."""
    ANNOUNCED = "announced"
    """The same, because somebody wants it."""
    IMMEDIATE = "immediate"
    """The new key signs at once; what older ones signed stays good until it expires."""
    EMERGENCY = "emergency"
    """The new key signs at once, and every older one is gone: what it signed is refused."""
    REPLACEMENT = "replacement"
    """No key that is left can sign: their root secret is gone."""


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation came to."""

    key: SigningKeyRow
    """The key that signs next, or signs already."""
    is_new: bool
    """False when a key was waiting for its time already, and goes on waiting or now signs."""


class KeyRotation:
    """Keeps a key that can sign, and replaces it in time or when it is asked to."""

    def __init__(
        self,
        *,
        database: Database,
        recorder: Recorder,
        vault: Vault,
        clock: Clock,
        every: timedelta,
    ) -> None:
        self._database = database
        self._recorder = recorder
        self._vault = vault
        self._clock = clock
        self._every = every

    async def keys(self) -> list[SigningKeyRow]:
        """Every key there is. Raises `errors.Unavailable`."""
        async with self._database.transaction() as tx:
            return await stored_keys.all_keys(tx)

    async def keep_up(self) -> list[SigningKeyRow]:
        """Every key, after making the first one, or the next one if it is time for that.

        Any number of processes may do so at once: one of them makes the key. Raises
        `errors.Unavailable`.
        """
        rows = await self.keys()
        if not self._can_sign(rows):
            return await self._make_usable()
        if rotation.is_due(rows, self._clock.now(), self._every):
            rotated = await self.rotate(Manner.SCHEDULED)
            _log.info("keys.rotated", key_id=rotated.key.key_id)
            return await self.keys()
        return rows

    async def rotate(self, manner: Manner) -> Rotated:
        """Brings in a new key. Raises `errors.Unavailable`.

        One that waits for its time already is not joined by another: it goes on waiting, or signs
        at once if that is the manner. In an emergency it goes the way of the older ones.
        """
        async with self._database.transaction() as tx:
            await stored_keys.lock(tx)
            if manner is Manner.EMERGENCY:
                return await self._replace_all(tx)
            rows, now = await stored_keys.all_keys(tx), self._clock.now()
            waiting = rotation.pending(rows, now)
            if waiting is not None and manner is not Manner.IMMEDIATE:
                return Rotated(waiting, is_new=False)
            waits = manner is not Manner.IMMEDIATE and bool(rotation.live(rows, now))
            return await self._bring_in(tx, waiting, manner, OVERLAP if waits else timedelta())

    async def _make_usable(self) -> list[SigningKeyRow]:
        async with self._database.transaction() as tx:
            await stored_keys.lock(tx)
            rows = await stored_keys.all_keys(tx)
            if self._can_sign(rows):
                return rows
            new = await self._add(tx, later=timedelta())
            # The first key of an installation replaces nothing.
            if rows:
                await self._record(tx, Manner.REPLACEMENT, new)
                _log.warning("keys.replaced", key_id=new.key_id)
            return [*rows, new]

    async def _replace_all(self, tx: Transaction) -> Rotated:
        # Gone rather than retired, so that no clock that runs behind takes them for good.
        count = await stored_keys.delete_all(tx)
        new = await self._add(tx, later=timedelta())
        await self._record(tx, Manner.EMERGENCY, new, deleted=str(count))
        return Rotated(new, is_new=True)

    async def _bring_in(
        self, tx: Transaction, waiting: SigningKeyRow | None, manner: Manner, later: timedelta
    ) -> Rotated:
        if waiting is None:
            key = await self._add(tx, later=later)
        else:
            key = waiting
            await stored_keys.activate(tx, key, self._clock.now() + later)
        await stored_keys.retire_others(tx, key.key_id, key.activate_time + OUTLIVES)
        await self._record(tx, manner, key)
        return Rotated(key, is_new=waiting is None)

    async def _add(self, tx: Transaction, *, later: timedelta) -> SigningKeyRow:
        now = self._clock.now()
        key = signing_keys.make(self._vault, now=now, activate_time=now + later)
        await stored_keys.add(tx, key)
        return key

    async def _record(
        self, tx: Transaction, manner: Manner, key: SigningKeyRow, **details: str
    ) -> None:
        facts = {"manner": manner.value, "key_id": key.key_id, **details}
        await self._recorder.record(tx, SYSTEM, Event(Action.ROTATE_KEYS, details=facts))

    def _can_sign(self, rows: list[SigningKeyRow]) -> bool:
        signers = rotation.signers(rows, self._clock.now())
        return any(signing_keys.unseal(self._vault, row) is not None for row in signers)

"""What an import needs of this slice: hashes that other systems made, checked and stored."""

from collections.abc import Sequence
from uuid import UUID

from server import errors
from server.auth import repository
from server.auth.foreign_hashes.schemes import ForeignHashes, is_foreign, unwrapped
from server.auth.hash_faults import CostlyHashError, MalformedHashError
from server.auth.hashing import ensure_verifiable
from server.platform.clock import Clock
from server.platform.database import Transaction

_FIELD = "password_hash"


class ForeignPasswords:
    """Fulfils `server.users.importing.ForeignPasswords`."""

    def __init__(self, *, hashes: ForeignHashes, clock: Clock) -> None:
        self._hashes = hashes
        self._clock = clock

    def stored_form(self, encoded: str) -> str:
        """The form in which a hash is stored, which its owner's password will be compared with.

        Raises `errors.InvalidRequest` for one that cannot be verified, or not at a sane cost.
        """
        try:
            return self._stored_form(unwrapped(encoded))
        except CostlyHashError as error:
            raise _refusal("password_hash.costly") from error
        except MalformedHashError as error:
            raise _refusal("password_hash.unknown") from error

    async def store(self, tx: Transaction, passwords: Sequence[tuple[UUID, str]]) -> None:
        """Makes these the passwords of accounts that have none yet."""
        await repository.add_passwords(tx, passwords, self._clock.now())

    def _stored_form(self, encoded: str) -> str:
        if not (encoded.isascii() and encoded.isprintable()):
            raise MalformedHashError("the password hash has letters that are not ASCII")
        if is_foreign(encoded):
            return self._hashes.stored_form(encoded)
        ensure_verifiable(encoded)
        return encoded


def _refusal(rule: str) -> errors.InvalidRequest:
    return errors.InvalidRequest(faults=[errors.Fault(_FIELD, rule)])

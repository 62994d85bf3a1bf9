"""Recovery codes: for when everything else that someone has is lost.

80 bits each in Crockford's base 32, whose letters cannot be taken for digits. They are kept as
keyed hashes, so a stolen table is worth nothing without the root secret.
"""

from uuid import UUID

from server.factors import repository
from server.platform.clock import Clock, Entropy
from server.platform.database import Transaction
from server.platform.vault import Vault

COUNT = 10

_BYTES = 10
_GROUP = 4
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_BITS = 5
_READ_AS = str.maketrans("OIL", "011", "- ")
_PURPOSE = "recovery code"


def shown(chance: bytes) -> str:
    """The code for these bytes, in groups of four signs."""
    number, length = int.from_bytes(chance), len(chance) * 8 // _BITS
    signs = "".join(_ALPHABET[number >> _BITS * at & 31] for at in reversed(range(length)))
    return "-".join(signs[at : at + _GROUP] for at in range(0, length, _GROUP))


def normalized(code: str) -> str:
    """What two spellings of a code have in common: signs, but neither case, blanks nor hyphens."""
    return code.upper().translate(_READ_AS)


class RecoveryCodes:
    """Makes recovery codes and takes each of them once."""

    def __init__(self, *, vault: Vault, clock: Clock, entropy: Entropy) -> None:
        self._vault = vault
        self._clock = clock
        self._entropy = entropy

    async def renew(self, tx: Transaction, user_id: UUID) -> list[str]:
        """Makes new codes, which are the only ones that work from now on."""
        codes = [shown(self._entropy.token(_BYTES)) for _ in range(COUNT)]
        hashes = [self._vault.derive(_PURPOSE, _message(user_id, code)) for code in codes]
        await repository.replace_recovery_codes(tx, user_id, hashes, self._clock.now())
        return codes

    async def use(self, tx: Transaction, user_id: UUID, code: str) -> bool:
        """Uses a code of a user up. False when it is not theirs or was used; one caller wins."""
        message = _message(user_id, code)
        for kept in await repository.unused_recovery_codes(tx, user_id):
            if self._vault.verify(_PURPOSE, message, kept):
                return await repository.use_recovery_code(tx, user_id, kept, self._clock.now())
        return False


def _message(user_id: UUID, code: str) -> bytes:
    return user_id.bytes + normalized(code).encode()

"""The secrets of authenticator apps, sealed into their rows."""

from uuid import UUID

from server.factors.model import TotpRow
from server.factors.totp import SECRET_BYTES
from server.platform.clock import Entropy
from server.platform.vault import Vault


class TotpSecrets:
    """Makes secrets, seals and opens them."""

    def __init__(self, *, vault: Vault, entropy: Entropy) -> None:
        self._vault = vault
        self._entropy = entropy

    def make(self) -> bytes:
        """A fresh secret of 160 bits."""
        return self._entropy.token(SECRET_BYTES)

    def seal(self, factor_id: UUID, secret: bytes) -> bytes:
        """The form in which a secret is kept: it opens in the row of this factor only."""
        return self._vault.seal(_place(factor_id), secret)

    def open(self, row: TotpRow) -> bytes:
        """The secret of a row. Raises `vault.SealBrokenError`."""
        return self._vault.open(_place(row.factor_id), row.sealed)


def _place(factor_id: UUID) -> str:
    return f"factors.totps/sealed/{factor_id}"

"""E-mail addresses: kept as typed, compared by a key."""

from server.platform.vault import Vault

_PURPOSE = "account key"


def email_key(email: str) -> str:
    """What two spellings of one address have in common: everything but letter case.

    The contract admits ASCII addresses only, so lower case is all it takes.
    """
    return email.strip().lower()


def account_key(vault: Vault, email: str) -> bytes:
    """Stands for an address where the address itself must not be kept."""
    return vault.derive(_PURPOSE, email_key(email).encode())

"""What factors need of whoever keeps passwords and sessions."""

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias
from uuid import UUID

from server import errors
from server.audit.actions import Action
from server.caller import Caller, Delivery
from server.platform.database import Transaction

SignedIn: TypeAlias = Any
"""A session with its credentials: opaque here, and handed on to whoever makes messages of it."""


class Accounts(Protocol):
    """Knows how else a user signs in, and is told when factors come and go."""

    async def has_password(self, tx: Transaction, user_id: UUID) -> bool:
        """Whether a user could sign in with a password."""

    async def strengthen(self, tx: Transaction, caller: Caller, methods: Sequence[str]) -> None:
        """Notes that the caller has just shown a second factor within their session."""

    async def void_challenges(self, tx: Transaction, user_id: UUID) -> None:
        """Makes sure that no open challenge of a user can be answered any more."""


class SignIns(Protocol):
    """Opens sessions for those who have shown a factor."""

    async def owner(self, tx: Transaction, token_hash: bytes) -> UUID | None:
        """Whose challenge has the token with this digest; None unless it can still be answered."""

    async def complete(
        self,
        tx: Transaction,
        caller: Caller,
        action: Action,
        *,
        user_id: UUID,
        methods: Sequence[str],
        challenge: bytes | None,
        delivery: Delivery | None,
    ) -> SignedIn | errors.LimenError:
        """Opens a session for a user whose factor has just been verified in `tx`.

        Writes the event of `action` either way. A refusal is returned, for its caller to raise once
        that has been committed. `challenge` is the digest of the token that is answered, if any.
        The account is locked here, so `tx` locks nothing of the factors before the account.
        """


class Letters(Protocol):
    """Leaves mail for the worker to write and send."""

    async def tell(self, tx: Transaction, user_id: UUID, *, template: str) -> None:
        """Leaves a letter without a token."""

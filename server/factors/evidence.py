"""What the audit log says about factors."""

from uuid import UUID

from server import errors
from server.audit.actions import Action, Outcome
from server.audit.recorder import Event, Subject


def of_factor(action: Action, factor_id: UUID, refusal: errors.LimenError | None) -> Event:
    """The event of an action on a factor, which came about unless there is a refusal."""
    return Event(
        action,
        outcome=_outcome(refusal),
        subject=Subject("factor", str(factor_id)),
        details={"reason": refusal.reason} if refusal else {},
    )


def _outcome(refusal: errors.LimenError | None) -> Outcome:
    if refusal is None:
        return Outcome.SUCCESS
    return Outcome.DENIED if isinstance(refusal, errors.SignInLocked) else Outcome.FAILURE

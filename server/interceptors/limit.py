"""How often: by network before anybody is identified, by caller afterwards."""

from google.protobuf.message import Message

from server import errors
from server.interceptors.call import Call
from server.platform import networks
from server.platform.quotas import Quotas


class LimitNetwork:
    """Holds every network address to the budget of the RPC's class."""

    def __init__(self, *, quotas: Quotas) -> None:
        self._quotas = quotas

    async def admit(self, call: Call, _request: Message | None) -> None:
        """Raises `errors.RateLimited` when the address has spent its budget."""
        budget = call.rule.budget
        wait = await self._quotas.take(
            budget.name,
            f"network:{networks.aggregated(call.origin.network)}",
            per_minute=budget.network_per_minute,
            lease=budget.lease,
        )
        if wait is not None:
            raise errors.RateLimited(retry_after=wait)


class LimitCaller:
    """Holds every signed-in principal to the budget of the RPC's class."""

    def __init__(self, *, quotas: Quotas) -> None:
        self._quotas = quotas

    async def admit(self, call: Call, _request: Message | None) -> None:
        """Raises `errors.RateLimited` when the principal has spent its budget."""
        budget = call.rule.budget
        principal = call.caller.principal if call.caller else None
        if principal is None or not budget.caller_per_minute:
            return
        wait = await self._quotas.take(
            budget.name,
            f"user:{principal.user_id}",
            per_minute=budget.caller_per_minute,
            lease=budget.lease,
        )
        if wait is not None:
            raise errors.RateLimited(retry_after=wait)

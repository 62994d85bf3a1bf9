"""Who may call an RPC, and how often: `limen.options.v1.policy` for readers and for programs."""

from typing import Any

from edge.openapi.contract import Contract
from edge.openapi.routes import Route, resolve

POLICY_OPTION = "limen.options.v1.policy"
LIMIT_OPTION = "limen.options.v1.limit"

BEARER = "bearer"
SESSION = "session"
SECURITY_SCHEMES: dict[str, Any] = {
    BEARER: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT or API key",
        "description": (
            "An access token, as SignIn returns it, or an API key: "
            "`Authorization: Bearer <credential>` (RFC 6750, section 2.1)."
        ),
    },
    SESSION: {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-limen_session",
        "description": (
            "The session cookie of a browser. With it, every method but GET, HEAD and OPTIONS "
            "also needs the `X-CSRF-Token` header."
        ),
    },
}

_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


class Policy:
    """The policy of the RPC of a route; one that states none is taken to need a credential."""

    def __init__(self, contract: Contract, route: Route) -> None:
        self._contract = contract
        self._route = route
        self._stated = contract.option(route.rpc, POLICY_OPTION)

    @property
    def is_public(self) -> bool:
        """Whether anyone may call, without a credential."""
        return self._stated is not None and bool(self._stated.public)

    @property
    def permission(self) -> str:
        """The permission that callers need, or nothing."""
        return "" if self._stated is None else str(self._stated.permission)

    @property
    def needs_fresh_proof(self) -> bool:
        """Whether an old proof of identity is refused."""
        return self._stated is not None and self._stated.HasField("max_proof_age")

    def security(self) -> list[dict[str, list[str]]]:
        """Return the security requirements: one of them suffices, and none means public."""
        return [] if self.is_public else [{BEARER: []}, {SESSION: []}]

    def sentences(self) -> list[str]:
        """Return what a caller has to know, in Markdown."""
        found = []
        if self.permission:
            own = self._own_field()
            exempt = f"; callers who name themselves in `{own}` need none" if own else ""
            found.append(f"Requires permission `{self.permission}`{exempt}.")
        if self.needs_fresh_proof:
            age = _in_words(self._stated.max_proof_age.ToSeconds())
            found.append(f"The proof of identity may be at most {age} old.")
        return found

    def extension(self) -> dict[str, Any] | None:
        """Return the policy for programs, or None if the RPC states none."""
        if self._stated is None:
            return None
        found: dict[str, Any] = {"access": self._stated.WhichOneof("access")}
        if self.permission:
            found["permission"] = self.permission
        if own := self._own_field():
            found["ownField"] = own
        if self.needs_fresh_proof:
            found["maxProofAge"] = self._stated.max_proof_age.ToJsonString()
        if limit := self._rate_limit():
            found["rateLimit"] = limit
        if self._stated.audit_event:
            found["auditEvent"] = self._stated.audit_event
        return {**found, "idempotent": self._stated.idempotent}

    def _own_field(self) -> str:
        """Return how the field is called in which callers may name themselves, or nothing."""
        path = self._stated.own_field
        in_path = [each.name for each in self._route.variables if each.field_path == path]
        if in_path or not path:
            return "".join(in_path)
        return ".".join(field.json_name for field in resolve(self._route.rpc.input_type, path))

    def _rate_limit(self) -> dict[str, Any] | None:
        values = self._stated.DESCRIPTOR.fields_by_name["rate_limit"].enum_type.values_by_number
        value = values.get(self._stated.rate_limit)
        limit = self._contract.option(value, LIMIT_OPTION) if value else None
        if value is None or limit is None:
            return None
        return {
            "class": value.name.removeprefix("RATE_LIMIT_CLASS_"),
            "networkPerMinute": limit.network_per_minute,
            "callerPerMinute": limit.caller_per_minute,
        }


def _in_words(seconds: int) -> str:
    """Return a length of time in the largest unit that divides it."""
    size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0)
    number = seconds // size
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"

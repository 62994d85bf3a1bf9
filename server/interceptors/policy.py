"""The rules of every RPC, read once from the contract."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from limen.options.v1 import options_pb2


class PolicyMissingError(Exception):
    """An RPC does not say who may call it, or how often. The core does not start like this."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How often the RPCs of a class may be called in a minute."""

    name: str
    network_per_minute: int
    caller_per_minute: int
    lease: int
    """How many calls a process may take from the shared budget at once."""


UNCOUNTED = Budget(name="uncounted", network_per_minute=0, caller_per_minute=0, lease=1)
"""For RPCs that nobody counts: those of the edge, whose bundled calls are counted one by one."""


class Assurance(IntEnum):
    """How strongly a caller has to have proved who they are."""

    ANY = 0
    ENROLLED = 1
    """With a second factor, if they have one."""
    TWO_FACTORS = 2


@dataclass(frozen=True, slots=True)
class Rule:
    """What the contract declares for one RPC."""

    path: str
    """The gRPC path, `/limen.users.v1.UserService/GetUser`."""
    public: bool
    edge: bool
    """Whether the edge alone may call, with the secret that it shares with the core."""
    permission: str
    """Empty when being signed in is enough."""
    own_field: tuple[str, ...]
    """The path of the field in which callers may name themselves without the permission."""
    max_proof_age: float
    """Seconds; 0 when any proof will do."""
    assurance: Assurance
    open_to_api_keys: bool
    """Whether a key may call in the name of its owner, without a scope."""
    budget: Budget
    audit_event: str
    idempotent: bool
    client_streaming: bool
    server_streaming: bool


def read(services: Iterable[ServiceDescriptor]) -> dict[str, Rule]:
    """The rule of each RPC of the services, by gRPC path.

    Raises `PolicyMissingError` naming the first RPC whose policy is missing or incomplete.
    """
    budgets = _budgets()
    rules = (_rule(method, budgets) for service in services for method in service.methods)
    return {rule.path: rule for rule in rules}


def permissions(rules: Iterable[Rule]) -> frozenset[str]:
    """Every permission that some RPC asks for."""
    return frozenset(rule.permission for rule in rules if rule.permission)


def _rule(method: MethodDescriptor, budgets: dict[int, Budget]) -> Rule:
    policy = method.GetOptions().Extensions[options_pb2.policy]
    if policy.WhichOneof("access") is None:
        raise PolicyMissingError(f"{method.full_name} does not declare who may call it")
    if policy.rate_limit not in budgets and not policy.edge:
        raise PolicyMissingError(f"{method.full_name} does not declare a rate-limit class")
    return Rule(
        path=f"/{method.containing_service.full_name}/{method.name}",
        public=policy.public,
        edge=policy.edge,
        permission=policy.permission,
        own_field=tuple(policy.own_field.split(".")) if policy.own_field else (),
        max_proof_age=policy.max_proof_age.ToTimedelta().total_seconds(),
        assurance=Assurance(policy.assurance),
        open_to_api_keys=policy.api_keys == options_pb2.API_KEY_ACCESS_OWNER,
        budget=budgets.get(policy.rate_limit, UNCOUNTED),
        audit_event=policy.audit_event,
        idempotent=policy.idempotent,
        client_streaming=method.client_streaming,
        server_streaming=method.server_streaming,
    )


def _budgets() -> dict[int, Budget]:
    return {
        value.number: Budget(
            name=value.name.removeprefix("RATE_LIMIT_CLASS_").lower(),
            network_per_minute=limit.network_per_minute,
            caller_per_minute=limit.caller_per_minute,
            lease=limit.lease,
        )
        for value in options_pb2.RateLimitClass.DESCRIPTOR.values
        if value.number
        for limit in (value.GetOptions().Extensions[options_pb2.limit],)
    }

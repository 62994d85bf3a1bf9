"""Requests with one field that somebody got wrong, or tried to, made from the contract."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from buf.validate import validate_pb2
from google.protobuf import text_format
from google.protobuf.message import Message

from tests.flows.bad_input import plausible, values
from tests.flows.bad_input.rpcs import RPCS, Chain, Rpc

A_FEW = 9
"""One of so many values."""


@dataclass(frozen=True)
class Case:
    """A request with one field that somebody got wrong, or tried to."""

    rpc: Rpc
    chain: Chain
    request: Message
    broken: frozenset[str]
    """The fields that break a rule, as they are named over REST."""

    def __str__(self) -> str:
        return f"{self.rpc} {text_format.MessageToString(self.request, as_one_line=True)[:300]}"


def cases(rpc: Rpc, *, allowed: bool) -> Iterator[Case]:
    """Requests with one hostile value each; those that break no rule are the allowed ones.

    Of fields with the same rules the first gets every value, and each other one a few.
    """
    for chain in rpc.fields():
        every = values.hostile(chain[-1], _value_in(rpc, chain))
        is_first = FIRST_WITH_ITS_RULES[_rules_of(chain)] == (rpc, chain)
        for value in islice(every, 0, None, 1 if is_first else A_FEW):
            request = plausible.request_for(rpc, chain)
            plausible.put(request, chain, value)
            broken = frozenset(rpc.name_over_rest(path) for path, _ in plausible.broken(request))
            if bool(broken) is not allowed:
                yield Case(rpc, chain, request, broken)


def _rules_of(chain: Chain) -> tuple[int, bytes]:
    rules = chain[-1].GetOptions().Extensions[validate_pb2.field]
    return chain[-1].type, rules.SerializeToString(deterministic=True)


FIRST_WITH_ITS_RULES = {
    _rules_of(chain): (rpc, chain) for rpc in reversed(RPCS) for chain in reversed(rpc.fields())
}


def one_case_a_field(rpc: Rpc) -> Iterator[Case]:
    """For each field the first request that breaks a rule of it."""
    seen: set[Chain] = set()
    for case in cases(rpc, allowed=False):
        if case.chain not in seen:
            seen.add(case.chain)
            yield case


def _value_in(rpc: Rpc, chain: Chain) -> Any:
    found: Any = plausible.request_for(rpc, chain)
    for field in chain:
        found = getattr(found, field.name)
    return found

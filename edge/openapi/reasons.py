"""The reasons for which calls are refused, and the HTTP status that each becomes.

That is the status of the gRPC code, unless the comment of the reason states another, as `HTTP 405`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from google.protobuf.descriptor import EnumValueDescriptor, MethodDescriptor
from grpc import StatusCode

from edge.openapi.comments import flowed, paragraphs
from edge.openapi.contract import Contract, ContractError
from edge.transcoding.status import http_status

REASON_ENUM = "limen.errors.v1.ErrorReason"

_PREFIX = "ERROR_REASON_"
_CODE = re.compile(r"[A-Z_]+")
_STATUS = re.compile(r"\bHTTP (\d{3})\b")
_WORD = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*\b")


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason for which calls are refused."""

    name: str
    """The name without the prefix of its enum, for instance `NOT_FOUND`."""
    code: str
    """The gRPC code, for instance `NOT_FOUND`."""
    status: int
    """The HTTP status."""
    description: str
    example: str
    metadata: str


def read_reasons(contract: Contract) -> dict[str, Reason]:
    """Return all reasons of the contract by name. Empty: the contract declares none.

    Raises:
        ContractError: The comment of a reason names no gRPC code.
    """
    enum = contract.enum(REASON_ENUM)
    values = enum.values if enum else []
    found = [_reason(contract, value) for value in values if value.number != 0]
    return {reason.name: reason for reason in found}


def named_reasons(
    contract: Contract, rpc: MethodDescriptor, known: Mapping[str, Reason]
) -> list[str]:
    """Return the reasons that the `Errors:` paragraph of an RPC names, in its order.

    Raises:
        ContractError: The paragraph names a reason that the contract does not have.
    """
    lists = filter(is_error_list, paragraphs(contract.comment(rpc)))
    found = []
    for word in _WORD.findall("\n".join(lists)):
        if word in known:
            found.append(word)
        elif "_" in word:
            raise ContractError(f"{rpc.full_name}: {word} is no {REASON_ENUM}")
    return list(dict.fromkeys(found))


def is_error_list(paragraph: str) -> bool:
    """Tell whether a paragraph of a comment lists the reasons for which the RPC is refused."""
    return paragraph.startswith("Errors: ")


def quoted_reasons(text: str, known: Mapping[str, Reason]) -> str:
    """Mark the reasons in a text as code."""
    return _WORD.sub(lambda it: f"`{it[0]}`" if it[0] in known else it[0], text)


def _reason(contract: Contract, value: EnumValueDescriptor) -> Reason:
    comment = contract.comment(value)
    parts = paragraphs(comment)
    labelled = _labelled(parts[-1]) if parts else {}
    match = _CODE.match(labelled.get("Code", ""))
    code = StatusCode.__members__.get(match[0]) if match else None
    if code is None:
        raise ContractError(f"{value.name}: its comment names no gRPC code")
    stated = _STATUS.search(comment)
    return Reason(
        name=value.name.removeprefix(_PREFIX),
        code=code.name,
        status=int(stated[1]) if stated else http_status(code),
        description="\n\n".join(map(flowed, parts[:-1])),
        example=_capitalised(labelled.get("Example", "")),
        metadata=labelled.get("Metadata", ""),
    )


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def _labelled(paragraph: str) -> dict[str, str]:
    """Read lines such as `Example: ...` into a dictionary; other lines continue the one before."""
    found: dict[str, str] = {}
    label = ""
    for line in paragraph.splitlines():
        name, colon, rest = line.partition(": ")
        if colon and name.isalpha():
            label = name
            found[label] = rest
        elif label:
            found[label] += f" {line}"
    return found

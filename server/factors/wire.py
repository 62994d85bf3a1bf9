"""Factors as messages, and what browsers are asked and answer."""

from collections.abc import Mapping
from typing import Any

from google.protobuf.struct_pb2 import Struct, Value

from limen.auth.v1 import auth_pb2
from limen.factors.v1 import factors_pb2
from server.caller import Delivery
from server.factors.model import PasskeyRow, TotpRow
from server.wire import timestamp

_LARGEST_CREDENTIAL = 32 * 1024
"""Bytes; an answer of a browser has two thousand, and none needs more than a few times that."""

_DELIVERIES = {
    auth_pb2.CREDENTIAL_DELIVERY_TOKENS: Delivery.TOKENS,
    auth_pb2.CREDENTIAL_DELIVERY_COOKIE: Delivery.COOKIE,
}


def factor(row: TotpRow | PasskeyRow) -> factors_pb2.Factor:
    """The message for a factor."""
    is_passkey = isinstance(row, PasskeyRow)
    return factors_pb2.Factor(
        factor_id=str(row.factor_id),
        kind=factors_pb2.FACTOR_KIND_PASSKEY if is_passkey else factors_pb2.FACTOR_KIND_TOTP,
        display_name=row.display_name,
        create_time=timestamp(row.create_time),
        last_use_time=timestamp(row.last_use_time) if row.last_use_time else None,
        backed_up=row.backed_up if isinstance(row, PasskeyRow) else False,
    )


def options(tree: Mapping[str, Any]) -> Struct:
    """The message for what a browser is asked."""
    message = Struct()
    message.update(tree)
    return message


def credential(message: Struct) -> dict[str, Any]:
    """What a browser answers, as JSON has it. Nothing, when it is far too much."""
    if message.ByteSize() > _LARGEST_CREDENTIAL:
        return {}
    return {name: _plain(value) for name, value in message.fields.items()}


def delivery(wanted: auth_pb2.CredentialDelivery.ValueType) -> Delivery | None:
    """How credentials are wanted; None where that is left open."""
    return _DELIVERIES.get(wanted)


def _plain(value: Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind is None or kind == "null_value":
        return None
    if kind == "struct_value":
        return {name: _plain(inner) for name, inner in value.struct_value.fields.items()}
    if kind == "list_value":
        return [_plain(inner) for inner in value.list_value.values]
    return getattr(value, kind)

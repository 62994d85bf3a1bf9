"""Makes the content of an HTTP answer out of a response message."""

import json
from contextlib import suppress
from http import HTTPStatus
from typing import Any, NamedTuple

import grpc
from protobuf import DescField, Message, message_to_json_value

from edge.transcoding import kinds
from edge.transcoding.contract import Binding, ContractError, full_name
from edge.transcoding.conversion import FAILURES
from edge.transcoding.fault import Fault
from edge.transcoding.fields import message_in
from edge.transcoding.http_body import content_of, is_http_body
from edge.transcoding.lexicon import Lexicon

JSON = b"application/json"
_NULL = b"null"


class Content(NamedTuple):
    """The body of an answer."""

    media_type: bytes
    data: bytes


class ResponseReader:
    """Reads the responses of one binding.

    JSON has every field that is not optional, also where it is zero or empty: readers need no
    defaults of their own.

    Raises:
        ContractError: The binding names a field of the response that does not exist.
    """

    def __init__(self, binding: Binding, lexicon: Lexicon) -> None:
        self._type = binding.rpc.output.type
        self._registry = lexicon.registry
        self._field = _response_field(binding, lexicon)
        self._part = message_in(self._field) if self._field is not None else binding.rpc.output
        self.is_raw = is_http_body(self._part)
        """Whether answers are bytes of any media type, and not JSON."""

    def read(self, response: bytes) -> Content:
        """Return the content that a serialized response makes.

        Raises:
            Fault: It is no such response: the server has another contract.
        """
        try:
            message = self._type.from_binary(response)
            if self._field is None:
                return self._content(message)
            if self._part is None:
                return Content(JSON, self._value(message, self._field))
            part = message[self._field]
            if part is None and kinds.has_own_json(self._part):
                return Content(JSON, _NULL)
            return self._content(self._part.type() if part is None else part)
        except FAILURES as error:
            raise _unreadable() from error

    def warm(self) -> None:
        """Prepare what the first response would otherwise wait for."""
        with suppress(Fault):
            self.read(b"")

    def _content(self, message: Message[Any]) -> Content:
        if self.is_raw:
            return Content(*content_of(message))
        text = message.to_json(registry=self._registry, always_emit_implicit=True)
        return Content(JSON, text.encode())

    def _value(self, message: Message[Any], field: DescField) -> bytes:
        """Return the JSON of a field that is no single message."""
        tree: Any = message_to_json_value(
            message, registry=self._registry, always_emit_implicit=True
        )
        value = tree.get(field.json_name)
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _response_field(binding: Binding, lexicon: Lexicon) -> DescField | None:
    if not binding.response_body:
        return None
    field = lexicon.fields.by_name(binding.rpc.output).get(binding.response_body)
    if field is None or field.name != binding.response_body:
        raise ContractError(
            f"{full_name(binding.rpc)} has no field {binding.response_body!r} for its answer"
        )
    return field


def _unreadable() -> Fault:
    return Fault(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        grpc.StatusCode.INTERNAL,
        "INTERNAL",
        "the response of the server cannot be read",
    )

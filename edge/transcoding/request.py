"""Makes the request message of an RPC out of path, query and body."""

from collections.abc import Sequence
from contextlib import suppress
from itertools import chain
from typing import Any

from protobuf import DescField, Message

from edge.transcoding import kinds, strict_json
from edge.transcoding.contract import Binding, ContractError, full_name
from edge.transcoding.conversion import FAILURES
from edge.transcoding.diagnosis import unfit, wrong_type
from edge.transcoding.fault import Fault, invalid
from edge.transcoding.fields import message_in
from edge.transcoding.http_body import fill, is_http_body
from edge.transcoding.lexicon import Lexicon
from edge.transcoding.mask import update_mask
from edge.transcoding.places import ROOT
from edge.transcoding.query import ALL_OF_THE_BODY, Query
from edge.transcoding.strict_json import JsonValue
from edge.transcoding.variables import PathVariables


class RequestMaker:
    """Makes the requests of one binding.

    Everything becomes one tree of JSON, which is converted once: so path, query and body obey the
    same rules. With `validates` unset, the rules of the contract and the paths of an update mask
    are left for the server to check.

    Raises:
        ContractError: The binding names fields that do not exist or do not fit.
    """

    def __init__(self, binding: Binding, lexicon: Lexicon, *, validates: bool = True) -> None:
        self._validates = validates
        self._message = binding.rpc.input
        self._type = self._message.type
        self._lexicon = lexicon
        self._shape = lexicon.guard.shape(self._message)
        self._variables = PathVariables(binding, lexicon)
        self._query = Query(binding, self._variables.paths, lexicon)
        self._mask = update_mask(binding, self._variables.paths, lexicon, checks=validates)
        self._field = _body_field(binding, lexicon)
        self._has_own_json = kinds.has_own_json(self._message)
        self.takes_body = bool(binding.body)
        """Whether a body is read at all."""
        self._body_message = self._message if self._field is None else message_in(self._field)
        self.takes_raw_body = self.takes_body and is_http_body(self._body_message)
        """Whether the body is taken as it is, of any media type, and not as JSON."""
        # Whether nothing is added to a message after its conversion.
        self._is_final = self._mask is None and not self.takes_raw_body

    def make(self, segments: Sequence[str], query: bytes, body: bytes, media_type: bytes) -> bytes:
        """Return the request, serialized.

        `segments` are those of the path, percent-encoded; `media_type` counts for raw bodies only.

        Raises:
            Fault: It is not a valid request.
        """
        tree = {} if self.takes_raw_body else self._read(body)
        if self._variables.paths:
            self._variables.fill(tree, segments)
        if query:
            self._query.fill(tree, query)
        message, wire = self._convert(tree) if tree or body else (self._type(), b"")
        if self.takes_raw_body:
            fill(self._raw_part(message), body, media_type)
        if self._mask is not None:
            self._mask.complete(message, tree)
        if self._validates:
            self._lexicon.rules.check(message)
        return wire if self._is_final else message.to_binary()

    def warm(self) -> None:
        """Prepare what the first request would otherwise wait for.

        Raises:
            protovalidate.CompilationError: The contract has a rule that makes no sense.
        """
        with suppress(Fault):
            self._convert({})
        if self._validates:
            self._lexicon.rules.prepare(self._type())

    def _read(self, body: bytes) -> Any:
        """Return the tree that the body alone makes: an object, unless the type is none in JSON."""
        if not body:
            return {}
        if self._field is not None:
            place = ROOT.member(self._field.json_name)
            return {self._field.json_name: strict_json.read(body, place)}
        content = strict_json.read(body, ROOT)
        if type(content) is not dict and not self._has_own_json:
            raise invalid([wrong_type(ROOT, "an object")])
        return content

    def _convert(self, tree: JsonValue) -> tuple[Message[Any], bytes]:
        """Return the message that `tree` says, also serialized: only then it is sure to be one."""
        if self._shape.admits(tree, 0):
            try:
                message = self._lexicon.converter.message(self._message, tree)
                return message, message.to_binary()
            except FAILURES:
                # What exactly is wrong is found out below, more slowly.
                pass
        faults = self._lexicon.diagnosis.message(self._message, tree, ROOT)
        first = next(faults, unfit(self._message, ROOT))
        raise invalid(chain([first], faults))

    def _raw_part(self, message: Message[Any]) -> Any:
        if self._field is None or self._body_message is None:
            return message
        if message[self._field] is None:
            message[self._field] = self._body_message.type()
        return message[self._field]


def _body_field(binding: Binding, lexicon: Lexicon) -> DescField | None:
    if binding.body in ("", ALL_OF_THE_BODY):
        return None
    field = lexicon.fields.by_name(binding.rpc.input).get(binding.body)
    if field is None or field.name != binding.body:
        raise ContractError(f"{full_name(binding.rpc)} has no field {binding.body!r} for its body")
    return field

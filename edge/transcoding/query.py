"""Fills fields from the query of a URL."""

import re
from collections.abc import Collection, Iterator
from urllib.parse import unquote_plus

from protobuf import DescField

from edge.transcoding import kinds
from edge.transcoding.contract import Binding
from edge.transcoding.diagnosis import wrong_type
from edge.transcoding.fault import FieldFault, invalid
from edge.transcoding.fields import Chain, Fields, proto_path
from edge.transcoding.guard import DEEPEST
from edge.transcoding.lexicon import Lexicon
from edge.transcoding.parameters import is_textual
from edge.transcoding.places import ROOT, Place
from edge.transcoding.variables import Tree, holder, name_in, place_of

_BROKEN_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")

ALL_OF_THE_BODY = "*"


class Query:
    """The query parameters of one binding: all fields that neither path nor body fill.

    A parameter is named as its field, in either spelling, with dots into the messages it lies in.
    Lists are given by repeating the parameter.
    """

    def __init__(self, binding: Binding, bound: Collection[str], lexicon: Lexicon) -> None:
        self._message = binding.rpc.input
        self._bound = bound
        self._fields = lexicon.fields
        self._parameters = lexicon.parameters
        self._open = dict(_open_fields(binding, bound, lexicon.fields))

    def fill(self, tree: Tree, query: bytes) -> None:
        """Put the parameters into `tree`.

        Raises:
            Fault: A parameter is unknown, has a value its field cannot hold, or is given twice.
        """
        faults = list(self._faults(tree, query))
        if faults:
            raise invalid(faults)

    def _faults(self, tree: Tree, query: bytes) -> Iterator[FieldFault]:
        """Yield what is wrong while putting all that is right into `tree`."""
        try:
            pairs = query.decode().split("&")
        except UnicodeDecodeError:
            yield _unreadable(ROOT)
            return
        for pair in filter(None, pairs):
            encoded, _, value = pair.partition("=")
            try:
                name, text = _decode(encoded), _decode(value)
            except ValueError:
                yield _unreadable(_named(encoded))
                continue
            fault = self._put(tree, name, text)
            if fault is not None:
                yield fault

    def _put(self, tree: Tree, name: str, text: str) -> FieldFault | None:
        chain = self._chain(name)
        if chain is None:
            return _unknown(_named(name))
        leaf = chain[-1]
        if not is_textual(leaf):
            return FieldFault(str(place_of(chain)), "query.type", "cannot be given in the query")
        try:
            value = self._parameters.read(leaf, text)
        except ValueError:
            return wrong_type(place_of(chain), kinds.expected(kinds.kind_of(leaf)), "query.type")
        node = holder(tree, chain)
        key = name_in(node, leaf)
        if kinds.is_many(leaf):
            node.setdefault(key, []).append(value)
        elif key in node:
            return _repeated(place_of(chain))
        else:
            node[key] = value
        return None

    def _chain(self, name: str) -> Chain | None:
        """The fields that a parameter names; None if they are not for the query to fill."""
        names = name.split(".")
        if names[0] not in self._open or len(names) > DEEPEST:
            return None
        if len(names) == 1:
            return (self._open[name],)
        chain = self._fields.chain(self._message, names)
        return None if chain is None or proto_path(chain) in self._bound else chain


def _open_fields(
    binding: Binding, bound: Collection[str], fields: Fields
) -> Iterator[tuple[str, DescField]]:
    """Yield the fields at the top, by both names, that the query may fill or lead into."""
    if binding.body == ALL_OF_THE_BODY or kinds.has_own_json(binding.rpc.input):
        return
    for name, field in fields.by_name(binding.rpc.input).items():
        if field.name != binding.body and field.name not in bound:
            yield name, field


def _decode(text: str) -> str:
    if "%" not in text:
        return text.replace("+", " ")
    if _BROKEN_ESCAPE.search(text):
        raise ValueError(text)
    return unquote_plus(text, errors="strict")


def _named(name: str) -> Place:
    return ROOT.members(name.split(".", DEEPEST))


def _unknown(place: Place) -> FieldFault:
    return FieldFault(str(place), "query.unknown", "is not a query parameter")


def _repeated(place: Place) -> FieldFault:
    return FieldFault(str(place), "query.repeated", "is given more than once")


def _unreadable(place: Place) -> FieldFault:
    return FieldFault(str(place), "query.type", "is not percent-encoded UTF-8")

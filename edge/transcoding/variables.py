"""Fills fields from the variables of a path template."""

import re
from collections.abc import Sequence
from urllib.parse import unquote

from protobuf import DescField

from edge.transcoding import kinds
from edge.transcoding.contract import Binding, ContractError, full_name
from edge.transcoding.conversion import FAILURES
from edge.transcoding.diagnosis import wrong_type
from edge.transcoding.fault import FieldFault, invalid
from edge.transcoding.fields import Chain, Fields, proto_path
from edge.transcoding.lexicon import Lexicon
from edge.transcoding.parameters import is_textual
from edge.transcoding.places import ROOT, Place
from edge.transcoding.strict_json import JsonValue
from edge.transcoding.template import Variable

_ENCODED_SLASH = re.compile("%2f", re.IGNORECASE)
_BROKEN_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")

Tree = dict[str, JsonValue]


class PathVariables:
    """The variables of one binding.

    Raises:
        ContractError: A variable names no field, or one that text in a path cannot fill.
    """

    def __init__(self, binding: Binding, lexicon: Lexicon) -> None:
        self._parameters = lexicon.parameters
        self._converter = lexicon.converter
        self._variables = [
            (variable, _chain(binding, variable, lexicon.fields))
            for variable in binding.template.variables
        ]
        self.paths = frozenset(proto_path(chain) for _, chain in self._variables)
        """The field paths that the path fills, in proto names."""

    def fill(self, tree: Tree, segments: Sequence[str]) -> None:
        """Put the values from the percent-encoded `segments` of a path into `tree`.

        Raises:
            Fault: A value is not what its field holds, or `tree` already says something else.
        """
        for variable, chain in self._variables:
            self._fill(tree, chain, self._read(variable, chain, segments))

    def _read(self, variable: Variable, chain: Chain, segments: Sequence[str]) -> JsonValue:
        encoded = segments[variable.start : variable.stop]
        try:
            if variable.is_multi:
                text = "/".join(map(_decode_but_slashes, encoded))
            else:
                text = _decode(encoded[0])
            return self._parameters.read(chain[-1], text)
        except ValueError:
            expected = kinds.expected(kinds.kind_of(chain[-1]))
            raise invalid([wrong_type(place_of(chain), expected, "path.type")]) from None

    def _fill(self, tree: Tree, chain: Chain, value: JsonValue) -> None:
        node = holder(tree, chain)
        leaf = chain[-1]
        name = name_in(node, leaf)
        given = node.get(name)
        if given is None:
            node[name] = value
            return
        try:
            said = self._converter.message(leaf.parent, {name: given})
        except FAILURES:
            # The whole will not convert either, and then everything wrong with it is listed.
            return
        if leaf not in said:
            node[name] = value
        elif said != self._converter.message(leaf.parent, {name: value}):
            raise invalid([_conflict(place_of(chain))])


def holder(tree: Tree, chain: Chain) -> Tree:
    """Return the object in `tree` that has the last field of `chain`, made where it is absent.

    Raises:
        Fault: What should be an object is something else.
    """
    node = tree
    for depth, field in enumerate(chain[:-1], 1):
        name = name_in(node, field)
        child = node.get(name)
        if child is None:
            child = node[name] = {}
        if not isinstance(child, dict):
            raise invalid([wrong_type(place_of(chain[:depth]), "an object")])
        node = child
    return node


def name_in(node: Tree, field: DescField) -> str:
    """Return the name under which an object has a field, or under which it should get it."""
    return field.name if field.name in node else field.json_name


def place_of(chain: Chain) -> Place:
    """Return the place that the fields lead to."""
    return ROOT.members(field.json_name for field in chain)


def _chain(binding: Binding, variable: Variable, fields: Fields) -> Chain:
    chain = fields.chain(binding.rpc.input, variable.path.split("."))
    if chain is None or kinds.is_many(chain[-1]) or not is_textual(chain[-1]):
        raise ContractError(
            f"{full_name(binding.rpc)}: {binding.template.text!r} names {variable.path!r},"
            " which is no single field that text can fill"
        )
    return chain


def _decode(segment: str) -> str:
    if "%" not in segment:
        return segment
    if _BROKEN_ESCAPE.search(segment):
        raise ValueError(segment)
    return unquote(segment, errors="strict")


def _decode_but_slashes(segment: str) -> str:
    """Decode all but `%2F`, which would look like a border between segments."""
    parts = _ENCODED_SLASH.split(segment)
    slashes = _ENCODED_SLASH.findall(segment)
    decoded = [_decode(part) for part in parts]
    return "".join(part + slash for part, slash in zip(decoded, [*slashes, ""], strict=True))


def _conflict(place: Place) -> FieldFault:
    return FieldFault(str(place), "path.conflict", "is one thing in the path, another in the body")

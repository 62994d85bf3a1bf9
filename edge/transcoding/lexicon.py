"""Everything about the types of a contract that more than one binding needs."""

from protobuf import Registry

from edge.transcoding.conversion import Converter
from edge.transcoding.diagnosis import Diagnosis
from edge.transcoding.fields import Fields
from edge.transcoding.guard import Guard
from edge.transcoding.parameters import Parameters
from edge.transcoding.rules import Rules


class Lexicon:
    """The types of a contract, and what is worked out about them once."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.fields = Fields()
        self.guard = Guard(registry)
        self.converter = Converter(registry)
        self.diagnosis = Diagnosis(self.converter, self.guard, self.fields)
        self.parameters = Parameters(self.converter)
        self.rules = Rules(registry, self.fields)

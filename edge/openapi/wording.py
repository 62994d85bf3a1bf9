"""What the contract says about its parts, in the words of someone who reads JSON.

Comments in the contract name fields as Protobuf does. Where a name surely means a field that the
reader will meet in JSON, it is replaced; elsewhere, as for the fields of a filter expression, it
stays.
"""

from collections.abc import Mapping

from google.protobuf.descriptor import (
    Descriptor,
    EnumDescriptor,
    EnumValueDescriptor,
    FieldDescriptor,
    MethodDescriptor,
    ServiceDescriptor,
)

from edge.openapi.comments import prose, with_json_names, with_json_words, without_subject
from edge.openapi.contract import Contract
from edge.openapi.rules.limits import Limits


class Wording:
    """The texts of one contract."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._answers = {rpc.input_type.full_name: rpc.output_type for rpc in contract.methods()}

    def service(self, service: ServiceDescriptor) -> str:
        """Return what a service is for."""
        text = prose(self._contract.comment(service)) or f"{service.name}."
        return without_subject(text, service.name)

    def rpc(self, rpc: MethodDescriptor) -> str:
        """Return what an RPC does."""
        return with_json_names(prose(self._contract.comment(rpc)), self._names(rpc.input_type))

    def message(self, message: Descriptor) -> str:
        """Return what a message is."""
        text = prose(self._contract.comment(message)) or f"{message.name}."
        return without_subject(with_json_names(text, self._names(message)), message.name)

    def field(self, field: FieldDescriptor) -> str:
        """Return what a field holds; failing a comment, its name in words."""
        text = prose(self._contract.comment(field)) or f"{_in_words(field.name)}."
        return with_json_names(text, self._names(field.containing_type))

    def limits(self, limits: Limits, message: Descriptor | None) -> str:
        """Return as sentences what the keywords of some limits do not say.

        Args:
            limits: The limits.
            message: The message whose fields the sentences may name.
        """
        names = self._names(message)
        return " ".join(_sentence(text, names) for text in limits.sentences)

    def enum(self, enum: EnumDescriptor) -> str:
        """Return what an enum tells apart."""
        text = prose(self._contract.comment(enum)) or f"{enum.name}."
        return without_subject(text, enum.name)

    def value(self, value: EnumValueDescriptor) -> str:
        """Return what a value of an enum means."""
        return prose(self._contract.comment(value))

    def _names(self, message: Descriptor | None) -> dict[str, str]:
        """Return the JSON names of the fields that a text about a message may mean.

        Those are the fields of the message, of the messages in it, and, as for `next_page_token`,
        those at the top of the answer.
        """
        if message is None:
            return {}
        answer = self._answers.get(message.full_name)
        found = {field.name: field.json_name for field in answer.fields} if answer else {}
        pending, seen = [message], {message.full_name}
        while pending:
            for field in pending.pop().fields:
                found[field.name] = field.json_name
                inner = field.message_type
                if inner and inner.full_name not in seen:
                    seen.add(inner.full_name)
                    pending.append(inner)
        return found


def _in_words(name: str) -> str:
    return name.replace("_", " ").strip().capitalize()


def _sentence(text: str, names: Mapping[str, str]) -> str:
    """Return the message of a rule as a sentence. A field name at its head stays as it is."""
    head = text.partition(" ")[0]
    said = with_json_words(text, names).removesuffix(".")
    return f"{said if head in names else said[:1].upper() + said[1:]}."

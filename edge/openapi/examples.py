"""Examples in a document: a value for every parameter and body, and a call with curl."""

from collections.abc import Iterator
from typing import Any

from edge.openapi import curl
from edge.openapi.samples import Sampler
from edge.openapi.types import Schema

_JSON_LIKE = ("application/json", "application/x-ndjson", "text/event-stream")


class Examples:
    """Adds examples to a finished document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._sampler = Sampler(document["components"]["schemas"])

    def add(self) -> None:
        """Add an example wherever the schemas allow one to be made."""
        for path, method, operation in self._operations():
            parameters = [each for each in operation.get("parameters", ()) if "name" in each]
            for parameter in parameters:
                parameter["example"] = self._of_parameter(parameter)
            in_path = {each["name"].rpartition(".")[2] for each in parameters if _is_in_path(each)}
            for content in operation.get("requestBody", {}).get("content", {}).values():
                self._add(content, in_path, writing=True)
            for media_type, content in operation["responses"]["200"]["content"].items():
                if media_type in _JSON_LIKE:
                    self._add(content, set(), writing=False)
            url = self._document["servers"][0]["url"]
            source = curl.command(url, path, method, operation)
            operation["x-codeSamples"] = [{"lang": "Shell", "label": "curl", "source": source}]

    def _operations(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        for path, item in self._document["paths"].items():
            for method, operation in item.items():
                yield path, method, operation

    def _of_parameter(self, parameter: Schema) -> Any:
        schema = {"description": parameter["description"], **parameter["schema"]}
        name = parameter["name"].rpartition(".")[2]
        return self._sampler.value(schema, name=name, writing=True)

    def _add(self, content: dict[str, Any], in_path: set[str], *, writing: bool) -> None:
        if not content["schema"]:
            return
        value = self._sampler.value(content["schema"], writing=writing)
        if isinstance(value, dict):
            value = {name: inner for name, inner in value.items() if name not in in_path}
        content["example"] = value


def _is_in_path(parameter: Schema) -> bool:
    return bool(parameter["in"] == "path")

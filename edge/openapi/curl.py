"""A call of an operation, as a command for a POSIX shell."""

import json
import shlex
from typing import Any
from urllib.parse import quote, urlencode

_JSON = "application/json"
_CREDENTIAL = '--header "Authorization: Bearer $LIMEN_TOKEN"'


def command(url: str, path: str, method: str, operation: dict[str, Any]) -> str:
    """Return the command, with the required parameters and the body of the examples.

    Args:
        url: Where clients reach the API.
        path: The path template of the operation.
        method: Its HTTP method, in lower case.
        operation: The operation, with examples.
    """
    target = shlex.quote(url + _target(path, operation))
    arguments = [f"curl {target}"] if method == "get" else [_with_method(method), target]
    if operation["security"]:
        arguments.append(_CREDENTIAL)
    if "text/event-stream" in operation["responses"]["200"]["content"]:
        arguments.append("--no-buffer --header 'Accept: text/event-stream'")
    arguments += _body(operation)
    return " \\\n  ".join(arguments)


def _with_method(method: str) -> str:
    return "curl --head" if method == "head" else f"curl --request {method.upper()}"


def _target(path: str, operation: dict[str, Any]) -> str:
    """Return the path and query with the examples of the required parameters."""
    query = []
    for parameter in operation.get("parameters", ()):
        if parameter.get("in") == "path":
            kept = "/" if parameter.get("x-limen-multi-segment") else ""
            value = quote(str(parameter["example"]), safe=kept)
            path = path.replace(f"{{{parameter['name']}}}", value)
        elif parameter.get("in") == "query" and parameter["required"]:
            query.append((parameter["name"], parameter["example"]))
    return path + (f"?{urlencode(query, doseq=True)}" if query else "")


def _body(operation: dict[str, Any]) -> list[str]:
    content = operation.get("requestBody", {}).get("content", {})
    if _JSON in content:
        body = json.dumps(content[_JSON].get("example", {}), indent=2, ensure_ascii=False)
        return [f"--header 'Content-Type: {_JSON}'", f"--data {shlex.quote(body)}"]
    return ["--data-binary @file"] if content else []

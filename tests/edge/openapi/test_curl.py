"""Sample calls: what a shell makes of them."""

import json
import shlex
from typing import Any

from tests.edge.openapi.conftest import Describe


def words(operation: dict[str, Any]) -> list[str]:
    """The command as a POSIX shell splits it; a line that ends in a backslash goes on."""
    return shlex.split(operation["x-codeSamples"][0]["source"].replace("\\\n", " "))


def test_every_sample_is_one_command_with_a_body_of_json(limen_document: dict[str, Any]) -> None:
    for item in limen_document["paths"].values():
        for method, operation in item.items():
            found = words(operation)
            assert found[0] == "curl"
            target = next(word for word in found if word.startswith("https://"))
            assert "{" not in target
            assert ("--request" in found) == (method != "get")
            assert ("Authorization: Bearer $LIMEN_TOKEN" in found) == bool(operation["security"])
            if "--data" in found:
                json.loads(found[found.index("--data") + 1])


def test_values_are_quoted_for_the_shell_and_for_the_url(describe: Describe) -> None:
    document = describe(
        """
        message M {
          // Example: `it's / {b}`.
          string a = 1 [(google.api.field_behavior) = REQUIRED];
          // Example: `x&y=z`.
          repeated string b = 2 [(google.api.field_behavior) = REQUIRED];
          // Example: `$(reboot)'`.
          string c = 3;
          // Example: `p/q`.
          string d = 4;
        }
        service Probe {
          rpc Get(M) returns (M) { option (google.api.http) = {get: "/x/{a}/{d=**}"}; }
          rpc Post(M) returns (M) { option (google.api.http) = {post: "/x" body: "*"}; }
        }
        """
    )
    get = words(document["paths"]["/x/{a}/{d}"]["get"])
    assert get[1] == "https://probe.example/x/it%27s%20%2F%20%7Bb%7D/p/q?b=x%26y%3Dz"
    post = words(document["paths"]["/x"]["post"])
    body = json.loads(post[post.index("--data") + 1])
    assert body["c"] == "$(reboot)'"
    assert body["a"] == "it's / {b}"

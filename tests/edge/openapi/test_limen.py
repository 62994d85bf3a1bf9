"""The document of limen's own contract: complete, consistent, and true to the contract."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import protovalidate
import pytest
from google.protobuf import json_format
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from edge.openapi.contract import Contract
from edge.openapi.document import build
from edge.openapi.routes import routes
from tests.edge.openapi.json_schema import JsonSchema

Document = dict[str, Any]

VARIABLE = re.compile(r"\{([^}]+)\}")
COMPONENT_NAME = re.compile(r"[A-Za-z0-9._-]+")
STANDARD = {"429", "500", "503", "504"}


def operations(document: Document) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def walk(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object in a document."""
    if isinstance(value, dict):
        yield value
    members = value.values() if isinstance(value, dict) else value
    if isinstance(value, (dict, list)):
        for member in members:
            yield from walk(member)


def target(document: Document, reference: str) -> Any:
    found: Any = document
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def parameters(document: Document, operation: dict[str, Any]) -> list[dict[str, Any]]:
    listed = operation.get("parameters", [])
    return [target(document, each["$ref"]) if "$ref" in each else each for each in listed]


def test_is_json_and_says_which_openapi_it_is(limen_document: Document) -> None:
    assert json.loads(json.dumps(limen_document)) == limen_document
    assert limen_document["openapi"].startswith("3.1.")
    assert limen_document["info"] == {
        "title": "limen",
        "version": "1.2.3",
        "description": "An identity core.",
    }
    assert limen_document["servers"] == [{"url": "https://id.example.com"}]


def test_every_reference_leads_somewhere(limen_document: Document) -> None:
    references = [each["$ref"] for each in walk(limen_document) if "$ref" in each]
    assert references
    for reference in references:
        assert reference.startswith("#/components/")
        assert target(limen_document, reference)


def test_every_component_is_well_named_and_referred_to(limen_document: Document) -> None:
    referred = Counter(each["$ref"] for each in walk(limen_document) if "$ref" in each)
    for kind in ("schemas", "responses", "parameters", "headers"):
        for name in limen_document["components"][kind]:
            assert COMPONENT_NAME.fullmatch(name)
            assert referred[f"#/components/{kind}/{name}"], f"nothing refers to {name}"


def test_every_binding_of_the_contract_is_described(
    limen_document: Document, limen_contract: bytes
) -> None:
    contract = Contract(limen_contract)
    bound = {
        f"{rpc.containing_service.full_name}/{rpc.name}": len(routes(contract, rpc))
        for rpc in contract.methods()
        if routes(contract, rpc)
    }
    described = Counter(op["x-limen-rpc"] for _, _, op in operations(limen_document))
    assert described == bound


def test_no_two_paths_are_the_same_but_for_their_variables(limen_document: Document) -> None:
    shapes = Counter(VARIABLE.sub("{}", path) for path in limen_document["paths"])
    assert max(shapes.values()) == 1


def test_every_operation_is_complete(limen_document: Document) -> None:
    tags = {tag["name"] for tag in limen_document["tags"]}
    ids = Counter(operation["operationId"] for _, _, operation in operations(limen_document))
    assert max(ids.values()) == 1
    for path, method, operation in operations(limen_document):
        where = f"{method} {path}"
        assert set(operation["tags"]) <= tags, where
        assert operation["summary"], where
        assert not operation["summary"].endswith("."), where
        assert operation["security"] in ([], [{"bearer": []}, {"session": []}]), where
        assert set(operation["responses"]) >= {"200", "400"} | STANDARD, where
        assert operation["x-limen-policy"]["access"], where
        assert operation["x-limen-policy"]["rateLimit"]["networkPerMinute"] > 0, where


def test_path_parameters_are_declared_exactly(limen_document: Document) -> None:
    for path, _, operation in operations(limen_document):
        declared = parameters(limen_document, operation)
        in_path = [each["name"] for each in declared if each["in"] == "path"]
        assert sorted(in_path) == sorted(VARIABLE.findall(path))
        assert all(each["required"] for each in declared if each["in"] == "path")
        assert (
            max(Counter((each["in"], each["name"]) for each in declared).values(), default=1) == 1
        )
        for parameter in declared:
            assert parameter["description"]
            assert parameter["schema"]


def test_every_property_is_described(limen_document: Document) -> None:
    for name, schema in limen_document["components"]["schemas"].items():
        assert schema["description"], name
        for member, property_schema in schema.get("properties", {}).items():
            assert property_schema["description"], f"{name}.{member}"


def test_every_refusal_is_a_problem_with_known_reasons(limen_document: Document) -> None:
    reasons = set(limen_document["x-limen-errors"])
    for path, method, operation in operations(limen_document):
        for status, listed in operation["responses"].items():
            response = target(limen_document, listed["$ref"]) if "$ref" in listed else listed
            assert "X-Request-Id" in response["headers"]
            if status == "200":
                continue
            assert ("Retry-After" in response["headers"]) == (status in ("429", "503"))
            content = response["content"]["application/problem+json"]
            assert content["schema"]["$ref"] == "#/components/schemas/Problem"
            narrowed = content["schema"].get("properties", {}).get("reason", {}).get("enum", [])
            assert set(narrowed) <= reasons, f"{method} {path} {status}"


def test_what_takes_a_body_may_refuse_it(limen_document: Document) -> None:
    for path, method, operation in operations(limen_document):
        takes_body = "requestBody" in operation
        assert ({"408", "413", "415"} <= operation["responses"].keys()) == takes_body, (
            f"{method} {path}"
        )


def test_reasons_stand_under_the_status_of_their_code(limen_document: Document) -> None:
    errors = limen_document["x-limen-errors"]
    assert errors["NOT_FOUND"]["status"] == 404
    assert errors["ETAG_MISMATCH"]["status"] == 409
    assert errors["EMAIL_NOT_VERIFIED"]["status"] == 400
    assert (
        errors["REQUEST_TOO_LARGE"] | {"status": 413, "code": "RESOURCE_EXHAUSTED"}
        == (errors["REQUEST_TOO_LARGE"])
    )
    for name, error in errors.items():
        assert error["description"], name
        assert not error["description"].startswith("Code:"), name


def test_closed_requests_and_open_answers(limen_document: Document) -> None:
    bodies, answers = set(), set()
    for _, _, operation in operations(limen_document):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            bodies |= reachable(limen_document, content["schema"])
        for content in operation["responses"]["200"]["content"].values():
            answers |= reachable(limen_document, content["schema"])
    schemas = limen_document["components"]["schemas"]
    objects = {name for name, schema in schemas.items() if schema["type"] == "object"}
    assert bodies & objects
    assert not bodies & answers & objects
    assert all(schemas[name]["additionalProperties"] is False for name in bodies & objects)
    assert all("additionalProperties" not in schemas[name] for name in answers & objects)


def reachable(document: Document, schema: dict[str, Any]) -> set[str]:
    pending, found = [schema], set()
    while pending:
        for each in walk(pending.pop()):
            name = each.get("$ref", "").rpartition("/")[2]
            if name and name not in found:
                found.add(name)
                pending.append(document["components"]["schemas"][name])
    return found


def test_secrets_in_requests_are_never_shown_back(limen_document: Document) -> None:
    schemas = limen_document["components"]["schemas"]
    password = schemas["SignInRequest"]["properties"]["password"]
    assert password["writeOnly"]
    assert password["format"] == "password"
    assert "writeOnly" not in schemas["Tokens"]["properties"]["accessToken"]
    assert schemas["Tokens"]["properties"]["accessToken"]["format"] == "password"


def test_what_the_server_sets_is_read_only_and_never_demanded(limen_document: Document) -> None:
    patch = limen_document["components"]["schemas"]["UserPatch"]
    assert patch["properties"]["state"]["readOnly"]
    assert "required" not in patch


def test_the_policy_is_told(limen_document: Document) -> None:
    get_user = limen_document["paths"]["/v1/users/{userId}"]["get"]
    assert get_user["x-limen-policy"] == {
        "access": "permission",
        "permission": "users.read",
        "ownField": "userId",
        "rateLimit": {"class": "READ", "networkPerMinute": 60000, "callerPerMinute": 30000},
        "idempotent": True,
    }
    assert (
        "Requires permission `users.read`; callers who name themselves in `userId` need none."
        in get_user["description"]
    )
    sign_in = limen_document["paths"]["/v1/auth/sign-in"]["post"]
    assert sign_in["security"] == []
    assert {"401", "403", "429"} <= sign_in["responses"].keys()
    assert "404" not in sign_in["responses"]


def test_cookie_callers_are_told_of_the_csrf_token(limen_document: Document) -> None:
    for path, method, operation in operations(limen_document):
        names = [each["name"] for each in parameters(limen_document, operation)]
        expected = method != "get" and bool(operation["security"])
        assert ("X-CSRF-Token" in names) == expected, f"{method} {path}"


def test_names_are_told_as_json_spells_them(limen_document: Document) -> None:
    list_users = limen_document["paths"]["/v1/users"]["get"]
    by_name = {each["name"]: each for each in list_users["parameters"]}
    assert "`nextPageToken`" in by_name["pageToken"]["description"]
    # The fields of a filter are no members of JSON; they keep their names.
    assert "`email_verified`" in by_name["filter"]["description"]
    update = limen_document["paths"]["/v1/users/{userId}"]["patch"]
    assert update["summary"] == "Changes the fields named in `updateMask`"


def test_examples_of_bodies_are_valid(limen_document: Document) -> None:
    judge, seen = JsonSchema(limen_document), 0
    for path, method, operation in operations(limen_document):
        bodies = [operation.get("requestBody", {"content": {}}), operation["responses"]["200"]]
        for body in bodies:
            for content in body["content"].values():
                if "example" in content:
                    seen += 1
                    wrong = list(judge.faults(content["schema"], content["example"]))
                    assert not wrong, f"{method} {path}"
    assert seen > 30
    for name, example in limen_document["components"]["examples"].items():
        problem = {"$ref": "#/components/schemas/Problem"}
        assert not list(judge.faults(problem, example["value"])), name


def test_examples_of_parameters_are_valid(limen_document: Document) -> None:
    judge = JsonSchema(limen_document)
    for path, method, operation in operations(limen_document):
        for parameter in parameters(limen_document, operation):
            if "example" in parameter:
                wrong = list(judge.faults(parameter["schema"], parameter["example"]))
                assert not wrong, f"{method} {path} {parameter['name']}"


@pytest.fixture(scope="module")
def pool(limen_contract: bytes) -> DescriptorPool:
    found = DescriptorPool()
    for file in FileDescriptorSet.FromString(limen_contract).file:
        found.AddSerializedFile(file.SerializeToString())
    return found


def test_the_core_would_accept_the_examples(
    limen_document: Document, limen_contract: bytes, pool: DescriptorPool
) -> None:
    """Put path, query and body of the examples together, and hold them to the contract's rules."""
    contract = Contract(limen_contract)
    rpcs = {f"{rpc.containing_service.full_name}/{rpc.name}": rpc for rpc in contract.methods()}
    for path, method, operation in operations(limen_document):
        rpc = rpcs[operation["x-limen-rpc"]]
        tree: dict[str, Any] = {}
        for route in routes(contract, rpc):
            if route.method == method and VARIABLE.sub("{}", path) == route.shape:
                body = operation.get("requestBody", {}).get("content", {})
                example = body.get("application/json", {}).get("example")
                if example is not None:
                    tree |= deepcopy(example if route.body == "*" else {route.body: example})
                by_name = {
                    each["name"]: each for each in operation.get("parameters", ()) if "name" in each
                }
                for variable, name in zip(route.variables, VARIABLE.findall(path), strict=True):
                    put(tree, variable.name, by_name.pop(name)["example"])
                for name, parameter in by_name.items():
                    put(tree, name, parameter["example"])
        message = GetMessageClass(pool.FindMessageTypeByName(rpc.input_type.full_name))()
        json_format.ParseDict(tree, message, descriptor_pool=pool)
        violations = protovalidate.Validator().collect_violations(message)
        assert not violations, f"{method} {path}: give the field an `example` in its rules"


def put(tree: dict[str, Any], path: str, value: Any) -> None:
    *outer, last = path.split(".")
    for name in outer:
        tree = tree.setdefault(name, {})
    tree[last] = value


def test_a_document_is_the_same_every_time(limen_document: Document, limen_contract: bytes) -> None:
    again = build(
        limen_contract,
        [tag["x-limen-service"] for tag in limen_document["tags"]],
        title="limen",
        version="1.2.3",
        description="An identity core.",
        public_url="https://id.example.com",
    )
    assert json.dumps(again) == json.dumps(limen_document)

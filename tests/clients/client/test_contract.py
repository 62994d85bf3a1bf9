"""The client against the whole contract, so that neither forgets the other."""

import json
from pathlib import Path

import pytest
from google.protobuf import descriptor_pool
from google.protobuf.descriptor_pb2 import FileDescriptorSet

import limen
from limen.client.contract import FILES, idempotent_methods, public_paths
from limen.client.facade import Services
from limen.client.service_config import service_config
from limen.options.v1 import options_pb2

CONTRACT = FileDescriptorSet.FromString(
    (Path(next(iter(limen.__path__))) / "contract.binpb").read_bytes()
)


def is_for_the_edge(service):
    """Whether nobody but the edge may call it, so that a client of others has no use for it."""
    return all(
        method.options.Extensions[options_pb2.policy].WhichOneof("access") == "edge"
        for method in service.method
    )


def test_offers_every_service_of_the_contract():
    declared = {
        f"{file.package}.{service.name}"
        for file in CONTRACT.file
        for service in file.service
        if not is_for_the_edge(service)
    }
    offered = {service.full_name for file in FILES for service in file.services_by_name.values()}
    assert offered == declared


def test_every_offered_service_has_its_stub_on_the_facade():
    class NoChannel:
        def __getattr__(self, kind):
            return lambda method, **_: method

    services = Services(NoChannel())
    offered = {
        path.split("/")[1] for stub in vars(services).values() for path in vars(stub).values()
    }
    assert offered == {
        service.full_name for file in FILES for service in file.services_by_name.values()
    }


def test_no_rpc_is_of_a_kind_without_interceptors():
    # The channel types errors and presents credentials for calls with one request or one answer.
    assert not [
        f"{service.name}.{method.name}"
        for file in CONTRACT.file
        for service in file.service
        for method in service.method
        if method.client_streaming and method.server_streaming and not is_for_the_edge(service)
    ]


def test_retries_exactly_what_the_contract_calls_idempotent():
    config = json.loads(service_config(idempotent_methods(), wait_for_ready=False))
    retried = {
        (name["service"], name["method"])
        for entry in config["methodConfig"]
        if "retryPolicy" in entry
        for name in entry["name"]
    }
    users, auth = "limen.users.v1.UserService", "limen.auth.v1.AuthService"
    assert {(users, "GetUser"), (users, "UpdateUser"), (auth, "IntrospectToken")} <= retried
    assert not {(users, "CreateUser"), (auth, "SignIn"), (auth, "RefreshTokens")} & retried
    policies = [entry["retryPolicy"] for entry in config["methodConfig"] if "retryPolicy" in entry]
    assert [policy["retryableStatusCodes"] for policy in policies] == [["UNAVAILABLE"]]


@pytest.mark.parametrize("wait", [True, False])
def test_waiting_for_a_server_goes_for_every_rpc(wait):
    config = json.loads(service_config(idempotent_methods(), wait_for_ready=wait))
    assert {entry["waitForReady"] for entry in config["methodConfig"]} == {wait}
    assert [{}] in [entry["name"] for entry in config["methodConfig"]]


def test_public_rpcs_are_those_that_need_no_credential():
    assert "/limen.auth.v1.AuthService/SignIn" in public_paths()
    assert "/limen.auth.v1.AuthService/RefreshTokens" in public_paths()
    assert "/limen.users.v1.UserService/GetUser" not in public_paths()
    pool = descriptor_pool.Default()
    for path in public_paths():
        service, method = path[1:].split("/")
        assert pool.FindServiceByName(service).methods_by_name[method]

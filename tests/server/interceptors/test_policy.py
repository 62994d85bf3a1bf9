"""The core starts only when the contract says of every RPC who may call it, and how often."""

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_health.v1 import health_pb2

from limen.options.v1 import options_pb2
from server import app
from server.interceptors import policy
from server.interceptors.policy import PolicyMissingError
from tests.server.running_core import core_settings


def service(**declared: object):
    """A service with one RPC, `test.Service.Call`, and the policy that it declares."""
    file = descriptor_pb2.FileDescriptorProto(name="test.proto", package="test", syntax="proto3")
    file.dependency.append("limen/options/v1/options.proto")
    file.message_type.add(name="Message")
    method = file.service.add(name="Service").method.add(
        name="Call", input_type=".test.Message", output_type=".test.Message"
    )
    if declared:
        method.options.Extensions[options_pb2.policy].CopyFrom(options_pb2.Policy(**declared))
    pool = descriptor_pool.DescriptorPool()
    for known in (descriptor_pb2.DESCRIPTOR, *_dependencies(options_pb2.DESCRIPTOR)):
        pool.AddSerializedFile(known.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    return pool.FindServiceByName("test.Service")


def _dependencies(file):
    for each in file.dependencies:
        if each.name != descriptor_pb2.DESCRIPTOR.name:
            yield each
    yield file


@pytest.mark.parametrize(
    ("declared", "missing"),
    [
        ({}, "who may call it"),
        ({"rate_limit": options_pb2.RATE_LIMIT_CLASS_READ}, "who may call it"),
        ({"public": True}, "a rate-limit class"),
        ({"public": True, "rate_limit": 99}, "a rate-limit class"),
    ],
)
def test_an_rpc_that_does_not_say_is_named(declared, missing):
    with pytest.raises(PolicyMissingError, match=rf"test\.Service\.Call .* {missing}"):
        policy.read([service(**declared)])


def test_a_complete_policy_is_read():
    (rule,) = policy.read(
        [service(permission="x.read", rate_limit=options_pb2.RATE_LIMIT_CLASS_READ)]
    ).values()

    assert (rule.path, rule.permission, rule.public) == ("/test.Service/Call", "x.read", False)
    assert rule.budget.name == "read"


def test_the_core_does_not_start_with_an_rpc_that_has_no_policy(monkeypatch):
    health = health_pb2.DESCRIPTOR.services_by_name["Health"]
    monkeypatch.setattr(app, "SERVICES", (*app.SERVICES, health))

    with pytest.raises(PolicyMissingError, match=r"grpc\.health\.v1\.Health\.Check"):
        app.build(core_settings("postgresql+asyncpg://limen@/limen", "redis://127.0.0.1:1"))


def test_every_rpc_of_limen_has_a_rule_under_its_path():
    rules = policy.read(app.SERVICES)

    assert set(rules) == {
        f"/{service.full_name}/{method.name}"
        for service in app.SERVICES
        for method in service.methods
    }
    assert all(rule.budget.network_per_minute > 0 for rule in rules.values())

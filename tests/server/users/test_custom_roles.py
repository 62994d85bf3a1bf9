"""Custom roles: making, changing, deleting, and what their holders may do meanwhile."""

import asyncio

import grpc
import pytest
import pytest_asyncio
from google.protobuf.field_mask_pb2 import FieldMask

from limen.users.v1 import users_pb2
from tests.server.running_core import bearer, refused

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def admin(core):
    return await core.bearer("admin")


async def create(core, metadata, name, *permissions):
    role = users_pb2.Role(name=name, description="Made here.", permissions=permissions)
    return await core.users.CreateRole(users_pb2.CreateRoleRequest(role=role), metadata=metadata)


async def update(core, metadata, name, *permissions):
    request = users_pb2.UpdateRoleRequest(
        role=users_pb2.Role(name=name, permissions=permissions),
        update_mask=FieldMask(paths=["permissions"]),
    )
    return await core.users.UpdateRole(request, metadata=metadata)


async def delete(core, metadata, name):
    return await core.users.DeleteRole(users_pb2.DeleteRoleRequest(name=name), metadata=metadata)


async def holder(core, admin, role):
    """The metadata of somebody who holds this role alone, and who it is."""
    account = await core.user()
    here = bearer(await core.sign_in(account.user.email))
    await grant(core, admin, account.user.user_id, role)
    return here, account.user.user_id


async def grant(core, metadata, user_id, role):
    request = users_pb2.GrantRoleRequest(user_id=str(user_id), role=role)
    return await core.users.GrantRole(request, metadata=metadata)


def list_users(core, metadata):
    return core.users.ListUsers(users_pb2.ListUsersRequest(), metadata=metadata)


async def test_a_role_gives_what_it_holds_and_nothing_else(core, admin):
    made = (await create(core, admin, "reader", "users.read")).role
    here, user_id = await holder(core, admin, "reader")

    await list_users(core, here)
    request = users_pb2.DisableUserRequest(user_id=str(user_id))
    answer = await refused(core.users.DisableUser(request, metadata=here))

    assert (made.name, list(made.permissions), made.built_in) == ("reader", ["users.read"], False)
    assert answer.metadata == {"permission": "users.disable"}


async def test_a_change_counts_in_the_next_call_of_those_who_hold_it(core, admin):
    await create(core, admin, "changing")
    here, _ = await holder(core, admin, "changing")
    assert (await refused(list_users(core, here))).reason == "PERMISSION_DENIED"

    await update(core, admin, "changing", "users.read")
    await list_users(core, here)
    await update(core, admin, "changing")

    assert (await refused(list_users(core, here))).reason == "PERMISSION_DENIED"


async def test_a_deleted_role_is_taken_from_those_who_hold_it(core, admin):
    await create(core, admin, "short-lived", "users.read")
    here, user_id = await holder(core, admin, "short-lived")

    await delete(core, admin, "short-lived")

    assert (await refused(list_users(core, here))).reason == "PERMISSION_DENIED"
    request = users_pb2.GetUserRequest(user_id=str(user_id))
    assert not (await core.users.GetUser(request, metadata=admin)).user.roles
    assert (await refused(delete(core, admin, "short-lived"))).metadata == {"resource": "role"}


async def test_a_new_role_of_an_old_name_gives_nothing_to_former_holders(core, admin):
    await create(core, admin, "phoenix", "users.read")
    here, _ = await holder(core, admin, "phoenix")
    await delete(core, admin, "phoenix")

    await create(core, admin, "phoenix", "users.read")

    assert (await refused(list_users(core, here))).reason == "PERMISSION_DENIED"


async def test_nobody_makes_a_role_of_what_they_do_not_hold(core, admin):
    await create(core, admin, "role-maker", "roles.manage", "roles.grant", "users.read")
    here, _ = await holder(core, admin, "role-maker")
    await create(core, here, "harmless", "users.read")

    for attempt in (
        create(core, here, "crown", "users.disable"),
        update(core, here, "harmless", "users.read", "users.disable"),
    ):
        answer = await refused(attempt)
        assert answer.reason == "PERMISSION_DENIED"
        assert answer.metadata == {"permission": "users.disable"}


async def test_built_in_roles_stay_as_they_are(core, admin):
    assert (await refused(update(core, admin, "auditor", "users.read"))).reason == "BUILT_IN_ROLE"
    assert (await refused(delete(core, admin, "admin"))).reason == "BUILT_IN_ROLE"
    assert (await refused(create(core, admin, "admin"))).reason == "ALREADY_EXISTS"


async def test_an_unknown_permission_is_named(core, admin):
    answer = await refused(create(core, admin, "typo", "users.raed"))

    assert answer.code is grpc.StatusCode.INVALID_ARGUMENT
    assert answer.faults == {"role.permissions": "role.permission.unknown"}
    assert "users.raed" in answer.messages["role.permissions"]


async def test_one_of_fifty_who_make_the_same_role_succeeds(core, admin):
    results = await asyncio.gather(
        *(create(core, admin, "wanted", "users.read") for _ in range(50)), return_exceptions=True
    )

    assert sum(isinstance(result, users_pb2.CreateRoleResponse) for result in results) == 1


async def test_every_change_leaves_one_event(core, admin):
    for action, change in (
        ("roles.create", lambda: create(core, admin, "logged", "users.read")),
        ("roles.update", lambda: update(core, admin, "logged")),
        ("roles.delete", lambda: delete(core, admin, "logged")),
    ):
        before = await core.event_count()
        await change()
        assert await core.event_count() == before + 1
        newest = (await core.events(subject_id="logged"))[-1]
        assert (newest.action, newest.outcome) == (action, "success")


async def test_a_description_can_be_changed_alone(core, admin):
    await create(core, admin, "described", "users.read")
    request = users_pb2.UpdateRoleRequest(
        role=users_pb2.Role(name="described", description="Reads.")
    )

    changed = (await core.users.UpdateRole(request, metadata=admin)).role

    assert (changed.description, list(changed.permissions)) == ("Reads.", ["users.read"])
    listed = (await core.users.ListRoles(users_pb2.ListRolesRequest(), metadata=admin)).roles
    assert changed in listed

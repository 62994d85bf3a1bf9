"""UserService of the contract: message in, service, message out."""

from collections.abc import AsyncIterator
from uuid import UUID
from weakref import WeakKeyDictionary

from google.protobuf.field_mask_pb2 import FieldMask

from limen.users.v1 import users_pb2, users_pb2_grpc
from server import errors
from server.caller import current
from server.interceptors.call import Context
from server.users import wire
from server.users.custom_roles import CustomRoles
from server.users.importing import Importing
from server.users.repository import Account
from server.users.service import NewUser, UserService

_ME = "me"
_IDENTIFYING = frozenset({"user_id", "etag", "name"})


class UserServicer(users_pb2_grpc.UserServiceServicer):
    """Answers the RPCs of accounts."""

    def __init__(self, *, users: UserService, roles: CustomRoles, importing: Importing) -> None:
        self._users = users
        self._roles = roles
        self._importing = importing
        # Most calls ask for accounts that are remembered; their messages are as well.
        self._answers: WeakKeyDictionary[Account, users_pb2.GetUserResponse] = WeakKeyDictionary()

    async def GetUser(
        self, request: users_pb2.GetUserRequest, context: Context
    ) -> users_pb2.GetUserResponse:
        account = await self._users.get(_named(request.user_id))
        answer = self._answers.get(account)
        if answer is None:
            answer = users_pb2.GetUserResponse(user=wire.user(account))
            self._answers[account] = answer
        return answer

    async def ListUsers(
        self, request: users_pb2.ListUsersRequest, context: Context
    ) -> users_pb2.ListUsersResponse:
        accounts, token = await self._users.page(
            filter_text=request.filter, page_size=request.page_size, token=request.page_token
        )
        return users_pb2.ListUsersResponse(
            users=[wire.user(account) for account in accounts], next_page_token=token
        )

    async def CreateUser(
        self, request: users_pb2.CreateUserRequest, context: Context
    ) -> users_pb2.CreateUserResponse:
        new = NewUser(
            email=request.email,
            password=request.password,
            display_name=request.display_name,
            locale=request.locale,
            email_verified=request.email_verified,
        )
        return users_pb2.CreateUserResponse(
            user=wire.user(await self._users.create(current(), new))
        )

    async def UpdateUser(
        self, request: users_pb2.UpdateUserRequest, context: Context
    ) -> users_pb2.UpdateUserResponse:
        account = await self._users.update(
            current(),
            _named(request.user.user_id),
            _changes(request.user, request.update_mask),
            request.user.etag,
        )
        return users_pb2.UpdateUserResponse(user=wire.user(account))

    async def DisableUser(
        self, request: users_pb2.DisableUserRequest, context: Context
    ) -> users_pb2.DisableUserResponse:
        account = await self._users.disable(current(), UUID(request.user_id))
        return users_pb2.DisableUserResponse(user=wire.user(account))

    async def EnableUser(
        self, request: users_pb2.EnableUserRequest, context: Context
    ) -> users_pb2.EnableUserResponse:
        account = await self._users.enable(current(), UUID(request.user_id))
        return users_pb2.EnableUserResponse(user=wire.user(account))

    async def UnlockUser(
        self, request: users_pb2.UnlockUserRequest, context: Context
    ) -> users_pb2.UnlockUserResponse:
        account = await self._users.unlock(current(), UUID(request.user_id))
        return users_pb2.UnlockUserResponse(user=wire.user(account))

    async def ImportUsers(
        self, request_iterator: AsyncIterator[users_pb2.ImportUsersRequest], context: Context
    ) -> users_pb2.ImportUsersResponse:
        caller = current()
        rows = (wire.imported(request) async for request in request_iterator)
        report = await self._importing.take_all(caller, rows)
        return wire.import_report(report, caller.origin.language)

    async def ListRoles(
        self, request: users_pb2.ListRolesRequest, context: Context
    ) -> users_pb2.ListRolesResponse:
        return users_pb2.ListRolesResponse(
            roles=[wire.role(role) for role in await self._roles.listed()]
        )

    async def CreateRole(
        self, request: users_pb2.CreateRoleRequest, context: Context
    ) -> users_pb2.CreateRoleResponse:
        role = await self._roles.create(current(), wire.new_role(request.role))
        return users_pb2.CreateRoleResponse(role=wire.role(role))

    async def UpdateRole(
        self, request: users_pb2.UpdateRoleRequest, context: Context
    ) -> users_pb2.UpdateRoleResponse:
        role = await self._roles.update(
            current(), request.role.name, _changes(request.role, request.update_mask)
        )
        return users_pb2.UpdateRoleResponse(role=wire.role(role))

    async def DeleteRole(
        self, request: users_pb2.DeleteRoleRequest, context: Context
    ) -> users_pb2.DeleteRoleResponse:
        await self._roles.delete(current(), request.name)
        return users_pb2.DeleteRoleResponse()

    async def GrantRole(
        self, request: users_pb2.GrantRoleRequest, context: Context
    ) -> users_pb2.GrantRoleResponse:
        account = await self._users.grant_role(current(), UUID(request.user_id), request.role)
        return users_pb2.GrantRoleResponse(user=wire.user(account))

    async def RevokeRole(
        self, request: users_pb2.RevokeRoleRequest, context: Context
    ) -> users_pb2.RevokeRoleResponse:
        account = await self._users.revoke_role(current(), UUID(request.user_id), request.role)
        return users_pb2.RevokeRoleResponse(user=wire.user(account))


def _named(user_id: str) -> UUID:
    """The id that a field names, in which `me` is the caller."""
    return current().signed_in().user_id if user_id == _ME else UUID(user_id)


def _changes(message: users_pb2.User | users_pb2.Role, mask: FieldMask) -> dict[str, object]:
    """The fields to set. Without a mask these are the ones that hold anything (AIP-134)."""
    named = list(mask.paths) or [field.name for field, _ in message.ListFields()]
    names = [name for name in named if name not in _IDENTIFYING]
    unknown = [name for name in names if name not in message.DESCRIPTOR.fields_by_name]
    if unknown:
        raise errors.InvalidRequest(
            faults=[errors.Fault("update_mask", "mask.unknown", {"name": name}) for name in unknown]
        )
    return {name: getattr(message, name) for name in names}

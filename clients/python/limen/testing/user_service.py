"""What services call of `limen.users.v1.UserService`."""

# ruff: noqa: N802 - the names of the RPCs.

from typing import TYPE_CHECKING

import grpc

from limen.testing.access import caller, refuse
from limen.users.v1 import users_pb2

if TYPE_CHECKING:
    from limen.testing.fake import FakeLimen

_READ = "users.read"
_PAGE = 50
_ME = "me"


class UserService:
    """Answers from what the test has set up."""

    def __init__(self, limen: "FakeLimen") -> None:
        self._limen = limen

    def GetUser(
        self, request: users_pb2.GetUserRequest, context: grpc.ServicerContext
    ) -> users_pb2.GetUserResponse:
        """One user: the caller themselves (`me`), or another with `users.read`."""
        self._limen.calls["GetUser"] += 1
        asking = caller(self._limen, context).user
        if request.user_id in {_ME, asking.user_id}:
            return users_pb2.GetUserResponse(user=asking.message())
        caller(self._limen, context, _READ)
        user = self._limen.users.get(request.user_id)
        if user is None:
            refuse(context, grpc.StatusCode.NOT_FOUND, "NOT_FOUND")
        return users_pb2.GetUserResponse(user=user.message())

    def ListUsers(
        self, request: users_pb2.ListUsersRequest, context: grpc.ServicerContext
    ) -> users_pb2.ListUsersResponse:
        """The users in the order they were made, without filters."""
        self._limen.calls["ListUsers"] += 1
        caller(self._limen, context, _READ)
        begin, size = int(request.page_token or 0), request.page_size or _PAGE
        users = list(self._limen.users.values())
        end = begin + size
        return users_pb2.ListUsersResponse(
            users=[user.message() for user in users[begin:end]],
            next_page_token=f"{end}" if end < len(users) else "",
        )

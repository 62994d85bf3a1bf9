"""Accounts as messages."""

from limen.users.v1 import users_pb2
from server.users.model import ACTIVE
from server.users.repository import Account
from server.users.roles import Role
from server.users.service import etag_of
from server.wire import timestamp


def user(account: Account) -> users_pb2.User:
    """The message for an account."""
    row = account.user
    state = users_pb2.USER_STATE_ACTIVE if row.state == ACTIVE else users_pb2.USER_STATE_DISABLED
    return users_pb2.User(
        user_id=str(row.user_id),
        email=row.email,
        email_verified=row.email_verified,
        display_name=row.display_name,
        locale=row.locale,
        state=state,
        roles=account.roles,
        create_time=timestamp(row.create_time),
        update_time=timestamp(row.update_time),
        etag=etag_of(row),
    )


def role(known: Role) -> users_pb2.Role:
    """The message for a role."""
    return users_pb2.Role(
        name=known.name, description=known.description, permissions=sorted(known.permissions)
    )

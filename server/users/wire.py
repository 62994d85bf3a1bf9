"""Accounts as messages."""

from limen.messages import violation
from limen.users.v1 import users_pb2
from server.users.importing import ImportedUser, Report
from server.users.model import ACTIVE, PERSON
from server.users.repository import Account
from server.users.roles import Role
from server.users.service import etag_of
from server.wire import timestamp


def user(account: Account) -> users_pb2.User:
    """The message for an account."""
    row = account.user
    state = users_pb2.USER_STATE_ACTIVE if row.state == ACTIVE else users_pb2.USER_STATE_DISABLED
    kind = users_pb2.USER_KIND_PERSON if row.kind == PERSON else users_pb2.USER_KIND_SERVICE
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
        kind=kind,
    )


def role(known: Role) -> users_pb2.Role:
    """The message for a role."""
    return users_pb2.Role(
        name=known.name,
        description=known.description,
        permissions=sorted(known.permissions),
        built_in=known.is_built_in,
    )


def new_role(described: users_pb2.Role) -> Role:
    """The role that a message describes."""
    return Role(
        described.name,
        described.description,
        frozenset(described.permissions),
        is_built_in=False,
    )


def imported(request: users_pb2.ImportUsersRequest) -> list[ImportedUser]:
    """The rows of a message."""
    return [
        ImportedUser(
            line=row.line,
            email=row.email,
            email_verified=row.email_verified,
            display_name=row.display_name,
            locale=row.locale,
            password_hash=row.password_hash,
        )
        for row in request.users
    ]


def import_report(report: Report, language: str) -> users_pb2.ImportUsersResponse:
    """The message for what became of imported rows."""
    failures = [
        users_pb2.ImportFailure(
            line=failure.line,
            field=failure.fault.field,
            message=violation(failure.fault.rule, failure.fault.params, language)
            or failure.fault.text,
        )
        for failure in report.failures
    ]
    return users_pb2.ImportUsersResponse(
        created_count=report.created,
        existing_count=report.existing,
        failed_count=report.failed,
        failures=failures,
    )

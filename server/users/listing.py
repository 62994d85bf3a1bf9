"""What the filter of ListUsers may ask for."""

from sqlalchemy import exists, false, literal_column, not_, true

from server.platform.filters import Condition, Field, ValueUnreadableError, compare, moment
from server.users.addresses import email_key
from server.users.model import ACTIVE, DISABLED, PERSON, SERVICE, RoleGrantRow, UserRow

_STATES = {
    "USER_STATE_ACTIVE": ACTIVE,
    "ACTIVE": ACTIVE,
    "USER_STATE_DISABLED": DISABLED,
    "DISABLED": DISABLED,
}
_OTHER_STATE = {ACTIVE: DISABLED, DISABLED: ACTIVE}
_KINDS = {
    "USER_KIND_PERSON": PERSON,
    "PERSON": PERSON,
    "USER_KIND_SERVICE": SERVICE,
    "SERVICE": SERVICE,
}
_OTHER_KIND = {PERSON: SERVICE, SERVICE: PERSON}
_TRUTH = {"true": True, "false": False}


def _email(op: str, value: str) -> Condition:
    key = email_key(value)
    if not key.endswith("*"):
        return compare(UserRow.email_key, op, key)
    matches = UserRow.email_key.startswith(key[:-1], autoescape=True)
    return matches if op == "=" else not_(matches)


def _state(op: str, value: str) -> Condition:
    if value not in _STATES:
        raise ValueUnreadableError
    state = _STATES[value]
    # Of two values, "not the one" is "the other", for which there is an index.
    return UserRow.state == (state if op == "=" else _OTHER_STATE[state])


def _kind(op: str, value: str) -> Condition:
    if value not in _KINDS:
        raise ValueUnreadableError
    kind = _KINDS[value]
    # Written out, so that the index of service accounts fits whatever plan PostgreSQL keeps.
    return UserRow.kind == literal_column(f"'{kind if op == '=' else _OTHER_KIND[kind]}'")


def _role(op: str, value: str) -> Condition:
    held = exists().where(RoleGrantRow.user_id == UserRow.user_id, RoleGrantRow.role == value)
    return held if op == "=" else not_(held)


def _email_verified(op: str, value: str) -> Condition:
    if value not in _TRUTH:
        raise ValueUnreadableError
    is_wanted = _TRUTH[value] is (op == "=")
    return UserRow.email_verified == (true() if is_wanted else false())


def _create_time(op: str, value: str) -> Condition:
    return compare(UserRow.create_time, op, moment(value))


FIELDS = {
    "email": Field(_email),
    "kind": Field(_kind),
    "state": Field(_state),
    "role": Field(_role),
    "email_verified": Field(_email_verified),
    "emailVerified": Field(_email_verified),
    "create_time": Field(_create_time, ordered=True),
    "createTime": Field(_create_time, ordered=True),
}

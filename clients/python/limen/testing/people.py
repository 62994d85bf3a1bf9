"""Users that exist for a test, and what they show."""

from dataclasses import dataclass, field

from limen.users.v1 import users_pb2

PASSWORD = "three boats at dawn"
"""The password of users who are given none."""


@dataclass(eq=False, slots=True, kw_only=True)
class FakeUser:
    """An account. Change it at will: tokens that were issued before stay as they are."""

    user_id: str
    email: str
    display_name: str
    password: str = field(repr=False)
    roles: set[str]
    scopes: set[str]
    """The permissions that a new token gets."""
    disabled: bool = False

    def message(self) -> users_pb2.User:
        """The user as limen describes one."""
        state = users_pb2.USER_STATE_DISABLED if self.disabled else users_pb2.USER_STATE_ACTIVE
        return users_pb2.User(
            user_id=self.user_id,
            email=self.email,
            email_verified=True,
            display_name=self.display_name,
            roles=sorted(self.roles),
            state=state,
        )


@dataclass(eq=False, slots=True, kw_only=True)
class FakeSession:
    """A session, with the tokens that were issued last."""

    session_id: str
    user: FakeUser
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expire_time: int
    """When the access token expires, in seconds since 1970 (UTC)."""


@dataclass(eq=False, slots=True, kw_only=True)
class FakeApiKey:
    """An API key."""

    api_key_id: str
    user: FakeUser
    scopes: frozenset[str]
    secret: str = field(repr=False)

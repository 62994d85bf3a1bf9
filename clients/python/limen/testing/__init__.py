"""A limen for the tests of services that use limen: in the process of the tests, without limen.

As a plugin of pytest, which comes with `limen-client[testing]`:

    async def test_an_editor_may_publish(limen):
        ada = limen.user("ada@example.org", scopes={"articles.publish"})
        session = limen.sign_in(ada)
        async with limen.verifier() as verifier:
            claims = await verifier.verify(session.access_token)

`FakeLimen` serves what services call of `AuthService` and `UserService` on a port of this machine
(`limen.address`), issues tokens that are real but for the key, and does to them what happens in
life: they expire, are revoked, forged, and signed with keys that are retired; limen falls silent.

It remembers users in memory and decides by the scopes they are given. What it does not serve
answers UNIMPLEMENTED; it counts no attempts, limits no rates, checks no field. Do not let it near
anything real.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from limen.testing.fake import FakeLimen
    from limen.testing.people import FakeApiKey, FakeSession, FakeUser

__all__ = ["FakeApiKey", "FakeLimen", "FakeSession", "FakeUser"]

_HOMES = {
    "FakeApiKey": "people",
    "FakeLimen": "fake",
    "FakeSession": "people",
    "FakeUser": "people",
}


def __getattr__(name: str) -> object:
    # Late, because pytest imports this package for the plugin whether or not a test needs it.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

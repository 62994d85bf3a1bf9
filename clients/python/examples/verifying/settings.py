"""Where limen is, and the verifier that trusts it."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Self

from limen.client import connect
from limen.client.verifier import Verifier


@dataclass(frozen=True, slots=True)
class Settings:
    """limen, as this service knows it."""

    limen: str
    """The address of the core."""
    token: str = field(repr=False)
    """A token of the service; it needs the permission `tokens.introspect`."""
    issuer: str
    audience: str

    @classmethod
    def of(cls, variables: Mapping[str, str] = os.environ) -> Self:
        """The settings in environment variables."""
        return cls(
            limen=variables["LIMEN"],
            token=variables["LIMEN_TOKEN"],
            issuer=variables["LIMEN_ISSUER"],
            audience=variables.get("LIMEN_AUDIENCE", "limen"),
        )


@asynccontextmanager
async def verifying(settings: Settings) -> AsyncIterator[Verifier]:
    """A verifier for as long as the service runs."""
    async with (
        connect(settings.limen, token=settings.token, user_agent="verifying/1") as limen,
        Verifier(limen, issuer=settings.issuer, audience=settings.audience) as verifier,
    ):
        yield verifier

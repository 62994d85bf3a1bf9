"""Sends each request to the part of the edge that serves it."""

from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send


class Dispatch:
    """Chooses an app by the path alone.

    The API goes straight to the transcoder: to route it through FastAPI first would cost more than
    the rest of the call. `exact` names single paths; all else goes to `pages`.
    """

    def __init__(self, *, api: ASGIApp, exact: Mapping[str, ASGIApp], pages: ASGIApp) -> None:
        self._api = api
        self._exact = exact
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on to the app that serves its path."""
        await self._choose(scope)(scope, receive, send)

    def _choose(self, scope: Scope) -> ASGIApp:
        if scope["type"] != "http":
            return self._pages
        path: str = scope["path"]
        if path.startswith("/v1/"):
            return self._api
        return self._exact.get(path, self._pages)

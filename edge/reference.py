"""The API documentation: `/openapi.json` for programs, `/docs` for people."""

from collections.abc import Awaitable, Callable, Collection
from importlib.metadata import version
from typing import Annotated

import orjson
from fastapi import APIRouter, Header
from starlette.responses import RedirectResponse, Response

from edge.caching import entity_tag, matches
from edge.openapi import document, reference

Endpoint = Callable[..., Awaitable[Response]]

_TITLE = "limen"
_DESCRIPTION = (
    "Users, authentication and a provable audit log. Every route is an RPC of the Protobuf"
    " contract, in JSON."
)
# Asked for again each time, so that nobody reads of an API that is gone.
_CACHING = "no-cache"
_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",  # RFC 9239
    ".svg": "image/svg+xml",
}


def reference_router(contract: bytes, services: Collection[str], *, public_url: str) -> APIRouter:
    """The routes of the documentation, with everything on them made once, now.

    Raises:
        edge.openapi.contract.ContractError: The contract cannot be described.
    """
    described = document.build(
        contract,
        services,
        title=_TITLE,
        version=version(_TITLE),
        description=_DESCRIPTION,
        public_url=public_url,
    )
    page = reference.page(described).encode()
    router = APIRouter(include_in_schema=False)
    endpoints = {
        "/openapi.json": _fixed(orjson.dumps(described), "application/json"),
        "/docs": _fixed(page, "text/html; charset=utf-8"),
        "/docs/errors": _show_reasons,
        **_asset_endpoints(),
    }
    for path, endpoint in endpoints.items():
        router.add_api_route(path, endpoint, methods=["GET", "HEAD"])
    return router


def _asset_endpoints() -> dict[str, Endpoint]:
    return {
        f"{reference.ASSETS_PATH}{file.name}": _fixed(file.read_bytes(), _MEDIA_TYPES[file.suffix])
        for file in sorted(reference.assets.iterdir())
        if file.suffix in _MEDIA_TYPES
    }


async def _show_reasons() -> Response:
    """Where the `type` of a problem points. Its fragment, which browsers keep, names the reason."""
    return RedirectResponse("/docs")


def _fixed(body: bytes, media_type: str) -> Endpoint:
    tag = entity_tag(body)[1]
    headers = {"cache-control": _CACHING, "etag": tag.decode("ascii")}

    async def endpoint(if_none_match: Annotated[str, Header()] = "") -> Response:
        if matches(if_none_match.encode("latin-1"), tag):
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers, media_type=media_type)

    return endpoint

"""The addresses of the pages and of what they refer to."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Header, HTTPException
from starlette.responses import Response

from edge.pages.assets import load_assets
from edge.pages.headers import SECURITY_HEADERS
from edge.pages.languages import LANGUAGES, negotiate_language
from edge.pages.rendering import make_environment
from edge.pages.representation import Representation, respond
from edge.pages.translations import load_translations

PAGES = {
    "/": "home.html",
    "/sign-in": "sign-in.html",
    "/sign-up": "sign-up.html",
    "/verify-email": "verify-email.html",
    "/forgot-password": "forgot-password.html",
    "/reset-password": "reset-password.html",
    "/account": "account.html",
}

_METHODS = ["GET", "HEAD"]


def build_router() -> APIRouter:
    """Return the routes of the hosted pages, with every page rendered and every asset read.

    Raises:
        jinja2.TemplateError, OSError: A template, catalogue or asset is missing or broken.
    """
    router = APIRouter(include_in_schema=False)
    for path, versions in _render_pages().items():
        router.add_api_route(path, _page_endpoint(versions), methods=_METHODS, name=path)
    router.add_api_route("/assets/{name}", _asset_endpoint(load_assets()), methods=_METHODS)
    return router


def _render_pages() -> dict[str, dict[str, bytes]]:
    """Return the finished pages by path and language."""
    pages: dict[str, dict[str, bytes]] = {path: {} for path in PAGES}
    for language in LANGUAGES:
        environment = make_environment(load_translations(language), language)
        for path, template in PAGES.items():
            pages[path][language] = environment.get_template(template).render().encode()
    return pages


def _page_endpoint(versions: dict[str, bytes]) -> Callable[..., Awaitable[Response]]:
    async def page(accept_language: Annotated[str | None, Header()] = None) -> Response:
        language = negotiate_language(accept_language)
        headers = {
            **SECURITY_HEADERS,
            # The address may hold a mailed token, and the page comes to show an account.
            "cache-control": "no-store",
            "content-language": language,
            "vary": "accept-language",
        }
        return Response(versions[language], headers=headers, media_type="text/html")

    return page


def _asset_endpoint(assets: dict[str, Representation]) -> Callable[..., Awaitable[Response]]:
    async def asset(name: str, if_none_match: Annotated[str | None, Header()] = None) -> Response:
        if name not in assets:
            raise HTTPException(404)
        # Asked for again each time, so that the files of two releases never meet in one page.
        return respond(assets[name], if_none_match, {"cache-control": "public, no-cache"})

    return asset

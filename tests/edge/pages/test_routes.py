import subprocess
import sys

import httpx
import pytest
from fastapi import FastAPI

from edge.pages.headers import CONTENT_SECURITY_POLICY
from edge.pages.languages import LANGUAGES
from edge.pages.routes import PAGES


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_page_comes_in_the_language_asked_for(
    browser: httpx.AsyncClient, path: str, language: str
) -> None:
    response = await browser.get(path, headers={"accept-language": f"{language}, *;q=0.1"})

    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["content-language"] == language
    assert response.headers["vary"] == "accept-language"
    assert f'<html lang="{language}">' in response.text


@pytest.mark.parametrize("path", PAGES)
async def test_page_is_safe_and_kept_nowhere(browser: httpx.AsyncClient, path: str) -> None:
    headers = (await browser.get(path)).headers

    assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


def test_policy_admits_nothing_inline_and_nothing_foreign() -> None:
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    sources = {
        source for part in CONTENT_SECURITY_POLICY.split("; ") for source in part.split()[1:]
    }
    assert sources == {"'none'", "'self'", "data:"}


@pytest.mark.parametrize("path", ["/verify-email", "/reset-password"])
async def test_a_mailed_token_is_neither_used_nor_shown(
    browser: httpx.AsyncClient, path: str
) -> None:
    plain = await browser.get(path)
    for token in ["abc", '"><script>alert(1)</script>', "x" * 5000, "\u202e", ""]:
        linked = await browser.get(path, params={"token": token})
        assert linked.status_code == 200
        assert linked.content == plain.content


async def test_head_is_answered_like_get(browser: httpx.AsyncClient) -> None:
    for path in ["/sign-in", "/assets/limen.js"]:
        head, get = await browser.head(path), await browser.get(path)
        assert head.status_code == 200
        assert head.content == b""
        assert head.headers == get.headers


@pytest.mark.parametrize("path", PAGES)
async def test_a_form_sent_without_script_changes_nothing(
    browser: httpx.AsyncClient, path: str
) -> None:
    response = await browser.post(path, data={"password": "secret"})

    assert response.status_code == 405
    assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD"}


async def test_asset_is_asked_for_again_and_not_sent_again(browser: httpx.AsyncClient) -> None:
    first = await browser.get("/assets/theme.css")
    again = await browser.get("/assets/theme.css", headers={"if-none-match": first.headers["etag"]})

    assert first.status_code == 200
    assert first.headers["cache-control"] == "public, no-cache"
    assert again.status_code == 304
    assert again.content == b""


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("theme.css", "text/css; charset=utf-8"),
        ("limen.js", "text/javascript; charset=utf-8"),
        ("logo.svg", "image/svg+xml"),
    ],
)
async def test_asset_tells_its_type(browser: httpx.AsyncClient, name: str, media_type: str) -> None:
    headers = (await browser.get(f"/assets/{name}")).headers

    assert headers["content-type"] == media_type
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY


@pytest.mark.parametrize(
    "path",
    [
        "/assets/",
        "/assets/none.js",
        "/assets/../routes.py",
        "/assets/..%2Froutes.py",
        "/assets/%2e%2e/routes.py",
        "/assets/logo.svg%00",
        "/assets/LOGO.svg",
        "/assets/%FF",
    ],
)
async def test_nothing_but_assets_can_be_fetched(browser: httpx.AsyncClient, path: str) -> None:
    assert (await browser.get(path)).status_code == 404


def test_pages_are_not_part_of_the_described_api(app: FastAPI) -> None:
    assert app.openapi()["paths"] == {}


def test_importing_the_routes_reads_no_template() -> None:
    script = (
        "import pathlib, edge.pages.routes as routes\n"
        "assert not hasattr(routes, 'router')\n"
        "pathlib.Path.open = pathlib.Path.read_bytes = None\n"
        "import importlib; importlib.reload(routes)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)  # noqa: S603  own fixed script

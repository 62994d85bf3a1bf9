"""limen in a real browser: hosted pages, cookies, and what other sites can make a browser do."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.flows.browser import ARGUMENTS, Visit, visit
from tests.flows.people import Person, administrator, answered
from tests.system import System

SESSION, CSRF = "__Host-limen_session", "__Host-limen_csrf"
# Posts without the header, as a page of this site would if it had been tampered with.
FETCH = """
async ([path, headers]) => {
  const answer = await fetch(path, { method: "POST", headers, body: "{}" });
  return [answer.status, (await answer.json()).reason];
}
"""
EVIL_PAGE = """
<!doctype html>
<form id="form" method="post" enctype="{enctype}" action="{limen}/v1/auth/sign-out">
  <input name='{{"a":"' value='"}}'>
</form>
"""
EVIL_FETCH = """
async (url) => {
  const all = await Promise.allSettled(["text/plain", "application/json"].flatMap((type) =>
    ["no-cors", "cors"].map((mode) => fetch(url, {
      method: "POST", mode, credentials: "include", headers: { "content-type": type }, body: "{}",
    }).then((answer) => answer.type))));
  return all.map(({ value }) => value ?? "refused");
}
"""


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def another_site(limen: System) -> Iterator[str]:
    """Another port of this machine: the same site to browsers, yet another origin."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            enctype = self.path.removeprefix("/")
            self.wfile.write(EVIL_PAGE.format(enctype=enctype, limen=limen.rest_url).encode())

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            serving.join()


def sign_in(page: Page, person: Person) -> None:
    page.goto("/sign-in")
    page.fill("#email", person.email)
    page.fill("#password", person.password)
    page.click("#sign-in [type=submit]")
    page.wait_for_url("**/account")
    page.locator("#address", has_text=person.email).wait_for()


@pytest.fixture
def ada(limen: System) -> Person:
    """Somebody with a confirmed account."""
    person = Person(limen)
    with httpx.Client(base_url=limen.rest_url, timeout=30) as rest:
        person.join(rest)
    return person


def test_from_sign_up_to_sign_out(browser: Browser, limen: System, tmp_path: Path) -> None:
    ada = Person(limen)
    with visit(browser, limen.rest_url, tmp_path) as visitor:
        page = visitor.page
        page.goto("/")
        page.click("a[href='/sign-up']")
        page.fill("#display-name", "Ada <b>Lovelace</b>")
        page.fill("#email", ada.email)
        page.fill("#password", ada.password)
        page.click("#sign-up [type=submit]")
        page.locator("#sent-text", has_text=ada.email).wait_for()

        page.goto(ada.mailed_link())
        assert page.url.endswith("/verify-email")
        page.click("#confirm [type=submit]")
        page.locator("[data-panel=done] a").click()
        sign_in(page, ada)
        page.locator("[data-current]:visible").wait_for()
        assert page.input_value("#display-name") == "Ada <b>Lovelace</b>"
        assert visitor.complaints == []

        _the_log_knows(limen, ada)
        credential = _session_cookie(visitor)
        page.click("#sign-out")
        page.wait_for_url("**/sign-in")
        assert visitor.context.cookies() == []
        page.goto("/account")
        page.wait_for_url("**/sign-in")

    replayed = httpx.get(
        f"{limen.rest_url}/v1/users/me", headers={"cookie": f"{SESSION}={credential}"}
    )
    assert replayed.status_code == 401


def _the_log_knows(limen: System, person: Person) -> None:
    with httpx.Client(base_url=limen.rest_url, timeout=30) as rest:
        admin = administrator(limen).sign_in(rest)
        found = rest.get(
            "/v1/users", params={"filter": f'email = "{person.email}"'}, headers=admin.headers
        )
        user_id = answered(found)["users"][0]["userId"]
        events = rest.get(
            "/v1/audit/events", params={"filter": f'actor.id = "{user_id}"'}, headers=admin.headers
        )
        actions = [event["action"] for event in answered(events)["events"]]
    assert actions == ["auth.sign_in", "auth.verify_email"]


def _session_cookie(visitor: Visit) -> str:
    """The credential, as the browser keeps it out of reach of every script."""
    cookies = {cookie["name"]: cookie for cookie in visitor.context.cookies()}
    assert set(cookies) == {SESSION, CSRF}
    session = cookies[SESSION]
    assert (session["httpOnly"], session["secure"], session["sameSite"]) == (True, True, "Lax")
    assert session["path"] == "/"
    assert (cookies[CSRF]["httpOnly"], cookies[CSRF]["sameSite"]) == (False, "Strict")
    readable = visitor.page.evaluate("document.cookie")
    assert SESSION not in readable
    assert session["value"] not in visitor.page.content()
    assert CSRF in readable
    return session["value"]


def test_a_script_of_this_site_needs_the_token(
    browser: Browser, limen: System, tmp_path: Path, ada: Person
) -> None:
    with visit(browser, limen.rest_url, tmp_path) as visitor:
        page = visitor.page
        sign_in(page, ada)
        cookies = {cookie["name"]: cookie["value"] for cookie in visitor.context.cookies()}
        json, path = {"content-type": "application/json"}, "/v1/auth/sessions:revokeOthers"

        for token in ({}, {"x-csrf-token": ""}, {"x-csrf-token": "made-up"}):
            assert page.evaluate(FETCH, [path, json | token]) == [403, "CSRF_REJECTED"]
        good = json | {"x-csrf-token": cookies[CSRF]}
        assert page.evaluate(FETCH, [path, good])[0] == 200


def test_another_site_can_make_it_do_nothing(
    browser: Browser, limen: System, tmp_path: Path, ada: Person
) -> None:
    with visit(browser, limen.rest_url, tmp_path) as visitor, another_site(limen) as origin:
        page = visitor.page
        sign_in(page, ada)
        for enctype in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
            page.goto(f"{origin}/{enctype}")
            with page.expect_navigation() as navigation:
                page.evaluate("document.querySelector('#form').submit()")
            assert navigation.value is not None
            assert navigation.value.status == 403
            assert navigation.value.json()["reason"] == "CSRF_REJECTED"

        page.goto(f"{origin}/text/plain")
        outcomes = page.evaluate(EVIL_FETCH, f"{limen.rest_url}/v1/auth/sign-out")
        assert set(outcomes) <= {"opaque", "refused"}
        readable = page.evaluate(
            "url => fetch(url, { credentials: 'include' }).then(() => true, () => false)",
            f"{limen.rest_url}/v1/users/me",
        )
        assert not readable

        page.goto("/account")
        page.locator("#address", has_text=ada.email).wait_for()


def test_another_site_cannot_frame_a_page(
    browser: Browser, limen: System, tmp_path: Path, ada: Person
) -> None:
    with visit(browser, limen.rest_url, tmp_path) as visitor, another_site(limen) as origin:
        page = visitor.page
        sign_in(page, ada)
        page.goto(f"{origin}/text/plain")
        page.evaluate(
            """url => new Promise((done) => {
              const frame = document.createElement("iframe");
              frame.src = url;
              frame.addEventListener("load", done);
              document.body.append(frame);
            }).then(() => true)""",
            f"{limen.rest_url}/account",
        )

        assert ada.email not in "".join(frame.content() for frame in page.frames)
        assert any("frame-ancestors" in complaint for complaint in visitor.complaints)


def test_pages_speak_the_language_of_the_browser(
    browser: Browser, limen: System, tmp_path: Path
) -> None:
    ada = Person(limen)
    with visit(browser, limen.rest_url, tmp_path, locale="de-DE") as visitor:
        page = visitor.page
        page.goto("/sign-up")
        assert page.get_attribute("html", "lang") == "de"
        page.fill("#email", ada.email)
        page.fill("#password", "password")
        page.click("#sign-up [type=submit]")
        page.locator("#password-error:visible, #sign-up-alert:visible").first.wait_for()
        assert "Passwort" in page.inner_text("#sign-up")
        page.fill("#password", ada.password)
        page.click("#sign-up [type=submit]")
        page.locator("#sent-text", has_text=ada.email).wait_for()

        page.goto(ada.mailed_link())
        page.click("#confirm [type=submit]")
        page.locator("[data-panel=done] a").wait_for()

    assert "Bestätige" in limen.mail(ada.email)[0]["subject"]


def test_a_forgotten_password_is_set_anew(
    browser: Browser, limen: System, tmp_path: Path, ada: Person
) -> None:
    before = len(limen.mail(ada.email))
    with visit(browser, limen.rest_url, tmp_path) as visitor:
        page = visitor.page
        page.goto("/sign-in")
        page.click("a[href='/forgot-password']")
        page.fill("[name=email]", ada.email)
        page.click("form:visible [type=submit]")
        page.goto(ada.mailed_link(after=before))
        ada.password = "a green door in winter"
        page.fill("[name=newPassword]", ada.password)
        page.click("form:visible [type=submit]")
        page.locator("a[href='/sign-in']:visible").wait_for()
        sign_in(page, ada)

        assert visitor.complaints == []

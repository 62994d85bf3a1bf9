"""Passkeys in a real browser, whose authenticator is Chromium's own virtual one.

limen runs here as it does on the desk of a developer, where its public URL has an IP address and
passkeys work on `localhost`.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from tests.flows.browser import ARGUMENTS, Visit, visit
from tests.flows.people import Person, answered
from tests.system import System

OPTIONS = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with System(tmp_path_factory.mktemp("desk"), LIMEN_PROFILE="development") as system:
        yield system
    shutil.rmtree(system.data_dir)


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def ada(desk: System) -> Person:
    """Somebody with a confirmed account."""
    person = Person(desk)
    with httpx.Client(base_url=desk.rest_url, timeout=30) as rest:
        person.join(rest)
    return person


@dataclass
class Keys:
    """The virtual authenticator of a page."""

    session: CDPSession
    id: str

    @property
    def credentials(self) -> list[dict[str, object]]:
        """The passkeys it holds."""
        found = self.session.send("WebAuthn.getCredentials", {"authenticatorId": self.id})
        return list(found["credentials"])

    def verify(self, *, user: bool) -> None:
        """Whether it recognises its user from now on."""
        self.session.send(
            "WebAuthn.setUserVerified", {"authenticatorId": self.id, "isUserVerified": user}
        )


@contextmanager
def visit_with_keys(
    browser: Browser, desk: System, folder: Path, *, locale: str = "en-GB"
) -> Iterator[tuple[Visit, Keys]]:
    port = desk.rest_url.rpartition(":")[2]
    with visit(browser, f"http://localhost:{port}", folder, locale=locale) as visitor:
        session = visitor.context.new_cdp_session(visitor.page)
        session.send("WebAuthn.enable")
        added = session.send("WebAuthn.addVirtualAuthenticator", {"options": OPTIONS})
        yield visitor, Keys(session, added["authenticatorId"])


def fill_in(page: Page, person: Person) -> None:
    page.goto("/sign-in")
    page.fill("#email", person.email)
    page.fill("#password", person.password)
    page.click("#sign-in [type=submit]")


def arrive(page: Page, person: Person) -> None:
    page.wait_for_url("**/account")
    page.locator("#address", has_text=person.email).wait_for()


def add_passkey(page: Page) -> None:
    """Adds a first passkey, and keeps the recovery codes."""
    page.click("#add-passkey")
    page.locator("#code-list li").nth(9).wait_for()
    page.click("[data-stage=codes] [data-back]")
    page.locator("#factor-list li").first.wait_for()


def sign_out(page: Page) -> None:
    page.click("#sign-out")
    page.wait_for_url("**/sign-in")


def current_amr(page: Page) -> list[str]:
    """How this session says that its user proved who they are."""
    found: list[str] = page.evaluate(
        """async () => {
          const { sessions } = await (await fetch("/v1/auth/sessions")).json();
          return sessions.find(({ current }) => current).amr;
        }"""
    )
    return found


def test_a_passkey_from_beginning_to_end(
    browser: Browser, desk: System, tmp_path: Path, ada: Person
) -> None:
    with visit_with_keys(browser, desk, tmp_path) as (visitor, keys):
        page = visitor.page
        fill_in(page, ada)
        arrive(page, ada)
        add_passkey(page)
        assert current_amr(page) == ["pwd", "hwk", "user", "mfa"]
        [held] = keys.credentials
        assert (held["rpId"], held["isResidentCredential"]) == ("localhost", True)
        sign_out(page)

        page.click("#passkey")
        arrive(page, ada)
        assert current_amr(page) == ["hwk", "user", "mfa"]
        sign_out(page)

        fill_in(page, ada)
        page.click("#use-passkey")
        arrive(page, ada)
        assert current_amr(page) == ["pwd", "hwk", "user", "mfa"]
        page.locator("#factor-list [data-used]", has_text="Last used").wait_for()

        page.click("#factor-list [data-remove]")
        page.locator("#factors [data-status]:visible", has_text="removed").wait_for()
        sign_out(page)
        fill_in(page, ada)
        arrive(page, ada)
        assert visitor.complaints == []


def test_a_passkey_that_fails_is_told_and_opens_nothing(
    browser: Browser, desk: System, tmp_path: Path, ada: Person
) -> None:
    with visit_with_keys(browser, desk, tmp_path) as (visitor, keys):
        page = visitor.page
        fill_in(page, ada)
        arrive(page, ada)
        add_passkey(page)
        page.click("#add-passkey")
        page.locator("#factors-alert", has_text="already").wait_for()
        sign_out(page)

        keys.verify(user=False)
        page.click("#passkey")
        page.locator("#sign-in-alert", has_text="No passkey was used").wait_for()
        fill_in(page, ada)
        page.click("#use-passkey")
        page.locator("#second-factor-alert", has_text="No passkey was used").wait_for()
        page.goto("/account")
        page.wait_for_url("**/sign-in")
        keys.verify(user=True)


def test_a_recovery_code_replaces_a_lost_passkey(
    browser: Browser, desk: System, tmp_path: Path, ada: Person
) -> None:
    with visit_with_keys(browser, desk, tmp_path, locale="de-DE") as (visitor, _):
        page = visitor.page
        fill_in(page, ada)
        arrive(page, ada)
        page.click("#add-passkey")
        code = page.locator("#code-list li").first.inner_text()
        sign_out(page)

        fill_in(page, ada)
        page.locator("[data-panel=second-factor] summary").click()
        page.fill("#recovery-code", "ABCD")
        page.click("#recovery [type=submit]")
        page.locator("#recovery-alert:visible").wait_for()
        page.fill("#recovery-code", code.lower().replace("-", " "))
        page.click("#recovery [type=submit]")
        arrive(page, ada)
        page.locator("#codes-left", has_text="9").wait_for()


def test_a_session_that_knows_no_factor_has_to_step_up(
    browser: Browser, desk: System, tmp_path: Path, ada: Person
) -> None:
    with (
        visit_with_keys(browser, desk, tmp_path) as (here, _),
        visit_with_keys(browser, desk, tmp_path) as (elsewhere, _),
    ):
        for page in (here.page, elsewhere.page):
            fill_in(page, ada)
            arrive(page, ada)
        elsewhere.page.click("#add-passkey")
        code = elsewhere.page.locator("#code-list li").last.inner_text()

        page = here.page
        page.click("#add-app")
        page.fill("#step-up-password", "not the password")
        page.click("#step-up [type=submit]")
        page.locator("#step-up-alert:visible").wait_for()
        page.fill("#step-up-password", ada.password)
        page.click("#step-up [type=submit]")
        page.locator("#factors summary").click()
        page.fill("#recovery-code", code)
        page.click("#recovery [type=submit]")
        page.locator("#app-secret:visible").wait_for()
        assert current_amr(page) == ["pwd", "otp", "mfa"]

        page.fill("#app-code", "000000")
        page.click("#confirm-app [type=submit]")
        page.locator("#confirm-app-alert:visible").wait_for()


def test_a_page_at_a_number_offers_no_passkey(
    browser: Browser, desk: System, tmp_path: Path, ada: Person
) -> None:
    with visit(browser, desk.rest_url, tmp_path) as visitor:
        page = visitor.page
        fill_in(page, ada)
        arrive(page, ada)
        page.locator("#name-needed:visible").wait_for()
        assert not page.is_visible("#add-passkey")


def test_the_options_suit_every_browser(desk: System) -> None:
    with httpx.Client(base_url=desk.rest_url, timeout=30) as rest:
        begun = answered(rest.post("/v1/auth/passkey:begin", json={}))

    assert begun["options"]["rpId"] == "localhost"
    assert begun["options"]["userVerification"] == "required"
    assert begun["options"]["allowCredentials"] == []
    assert begun["options"]["timeout"] == 300_000

"""The way of a person in a browser: the hosted pages, cookies, and other people's pages."""

import re
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from playwright.async_api import Page, async_playwright, expect

PASSWORD = "three boats at dawn"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

FETCH = """
async ([path, headers]) => (await fetch(path, {
    method: 'POST', headers: {'content-type': 'application/json', ...headers}, body: '{}',
})).status
"""


@pytest.fixture
async def browser(chromium):
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        await browser.close()


@asynccontextmanager
async def opened(browser, limen, **options):
    """A page, and what its console complained about."""
    context = await browser.new_context(base_url=limen.rest_url, **options)
    page = await context.new_page()
    complaints = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: (
            complaints.append(message.text) if "Content Security Policy" in message.text else None
        ),
    )
    yield page
    await context.close()
    assert complaints == []


async def sign_up(page: Page, limen) -> str:
    email = f"ada-{uuid4().hex}@example.org"
    await page.goto("/sign-up")
    await page.fill("input[name=displayName]", "Ada")
    await page.fill("#sign-up input[name=email]", email)
    await page.fill("#sign-up input[name=password]", PASSWORD)
    await page.click("#sign-up button[type=submit]")
    await expect(page.locator("#sent-text")).to_contain_text(email)
    link = re.search(r"http\S+[?]token=[\w-]+", limen.wait_for_mail(email)["text"])[0]
    await page.goto(link)
    assert "token" not in page.url, "the token stays out of the history"
    await page.click("#confirm button[type=submit]")
    await expect(page.locator("#confirm")).to_be_hidden()
    return email


async def sign_in(page: Page, email: str) -> None:
    await page.goto("/sign-in")
    await page.fill("#sign-in input[name=email]", email)
    await page.fill("#sign-in input[name=password]", PASSWORD)
    await page.click("#sign-in button[type=submit]")
    await page.wait_for_url("**/account")
    await expect(page.locator("#address")).to_have_text(email)


async def test_a_person_comes_and_goes(browser, limen):
    async with opened(browser, limen) as page:
        email = await sign_up(page, limen)
        await sign_in(page, email)
        await expect(page.locator("#session-list > li")).to_have_count(1)

        await page.click("#sign-out")
        await page.wait_for_url("**/sign-in*")
        await page.goto("/account")
        await page.wait_for_url("**/sign-in*")


async def test_the_session_is_out_of_reach_of_scripts(browser, limen):
    async with opened(browser, limen) as page:
        await sign_in(page, await sign_up(page, limen))

        readable = await page.evaluate("document.cookie")
        cookies = {each["name"]: each for each in await page.context.cookies()}

    assert "__Host-limen_csrf" in readable
    assert "__Host-limen_session" not in readable
    session = cookies["__Host-limen_session"]
    assert session["httpOnly"]
    assert session["secure"]
    assert session["sameSite"] == "Lax"


async def test_a_request_without_the_token_of_the_page_is_refused(browser, limen):
    path = "/v1/auth/sessions:revokeOthers"
    async with opened(browser, limen) as page:
        await sign_in(page, await sign_up(page, limen))
        cookies = {each["name"]: each["value"] for each in await page.context.cookies()}

        without = await page.evaluate(FETCH, [path, {}])
        wrong = await page.evaluate(FETCH, [path, {"X-CSRF-Token": "wrong"}])
        right = await page.evaluate(FETCH, [path, {"X-CSRF-Token": cookies["__Host-limen_csrf"]}])

    assert (without, wrong, right) == (403, 403, 200)


async def test_another_site_cannot_act_for_the_person(browser, limen):
    async with opened(browser, limen) as page:
        email = await sign_up(page, limen)
        await sign_in(page, email)
        other = await page.context.new_page()
        await other.route(
            "http://evil.localhost/**",
            lambda route: route.fulfill(
                content_type="text/html",
                body=f"<form method=post action='{limen.rest_url}/v1/auth/sign-out'></form>",
            ),
        )
        await other.goto("http://evil.localhost/")

        async with other.expect_response(f"{limen.rest_url}/**") as posted:
            await other.evaluate("document.forms[0].submit()")
        status = (await posted.value).status
        await page.reload()

        assert status in {403, 415}
        await expect(page.locator("#address")).to_have_text(email)


async def test_pages_speak_the_language_of_the_browser(browser, limen):
    async with opened(browser, limen, locale="de-DE") as page:
        await page.goto("/sign-in")

        assert await page.locator("html").get_attribute("lang") == "de"
        await page.fill("#sign-in input[name=email]", "niemand@example.org")
        await page.fill("#sign-in input[name=password]", "falsch")
        await page.click("#sign-in button[type=submit]")
        await expect(page.locator("#sign-in [role=alert]")).to_contain_text("Passwort")

"""A browser for tests: what it is started with, and pages that tell what they complain of."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 20_000
REPORT_VIOLATIONS = """
addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
  console.error(`policy violated: ${violatedDirective} ${blockedURI}`));
"""


class Visit:
    """A page of somebody's browser, and all that its console complains of."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.complaints: list[str] = []
        self.page: Page = context.new_page()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("requestfailed", self._miss)

    def _miss(self, request: Request) -> None:
        # Whoever goes on to another page gives up what the last one still wanted.
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"{request.url} {request.failure}")

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)


@contextmanager
def visit(
    browser: Browser, base_url: str, folder: Path, *, locale: str = "en-GB"
) -> Iterator[Visit]:
    """A fresh browser profile; when the block fails, a picture of the page is kept."""
    context = browser.new_context(base_url=base_url, locale=locale)
    context.set_default_timeout(PATIENCE_MS)
    context.add_init_script(REPORT_VIOLATIONS)
    visit = Visit(context)
    try:
        yield visit
    except BaseException:
        visit.page.screenshot(path=folder / "failed.png", full_page=True)
        raise
    finally:
        context.close()

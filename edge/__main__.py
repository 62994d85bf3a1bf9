"""`python -m edge`: settings, app, serve, signals."""

import asyncio
import sys

import uvloop
from pydantic import ValidationError

from edge.app import build
from edge.lifecycle import Lifecycle
from edge.logs import adopt_standard_logging, make_log
from edge.problems import Problems
from edge.serving import make_server
from edge.settings import Settings

_MISCONFIGURED = 3
"""The exit code of every part of limen for a wrong setting, uvicorn's for a busy address too."""


def main() -> int:
    """Runs the edge until it is told to stop. Returns the exit code."""
    try:
        settings = Settings()
    except ValidationError as error:
        sys.stderr.write(f"The edge cannot start:\n{_explain(error)}\n")
        return _MISCONFIGURED
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings))
    return 0


async def _serve(settings: Settings) -> None:
    log = make_log(sys.stdout.buffer, settings.log_level)
    adopt_standard_logging(log, settings.log_level)
    lifecycle = Lifecycle()
    app = build(settings, log=log, lifecycle=lifecycle)
    problems = Problems(public_url=settings.public_url)
    await make_server(app, settings, lifecycle=lifecycle, problems=problems).serve()


def _explain(error: ValidationError) -> str:
    """One line for each fault. Names the variables, never their values."""
    return "\n".join(f"- {_variable(each['loc'])}{each['msg']}" for each in error.errors())


def _variable(location: tuple[int | str, ...]) -> str:
    return f"LIMEN_{str(location[0]).upper()}: " if location else ""


if __name__ == "__main__":
    sys.exit(main())

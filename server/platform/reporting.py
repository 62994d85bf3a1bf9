"""Where unexpected errors are reported, besides the log."""

from typing import Protocol

import sentry_sdk


class Reporter(Protocol):
    """Takes note of errors that nobody foresaw."""

    def report(self, error: BaseException, *, request_id: str, where: str) -> None:
        """Reports `error`, raised in the RPC or task `where`."""


class SilentReporter:
    """Reports nothing: the log has the trace already."""

    def report(self, error: BaseException, *, request_id: str, where: str) -> None:
        """Does nothing."""


class SentryReporter:
    """Reports to Sentry, without request bodies, local variables or personal data."""

    def __init__(self, *, dsn: str, environment: str, release: str) -> None:
        self._client = sentry_sdk.Client(
            dsn=dsn,
            environment=environment,
            release=release,
            send_default_pii=False,
            include_local_variables=False,
            default_integrations=False,
            max_breadcrumbs=0,
        )

    def report(self, error: BaseException, *, request_id: str, where: str) -> None:
        """Sends the error with its request id and place as tags."""
        scope = sentry_sdk.Scope(client=self._client)
        scope.set_tag("request_id", request_id)
        scope.set_tag("where", where)
        scope.capture_exception(error)

    def close(self) -> None:
        """Sends what is still waiting, for at most two seconds."""
        self._client.close(timeout=2)

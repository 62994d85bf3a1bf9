"""Where unexpected errors are reported, besides the log."""

from importlib.metadata import version
from typing import Any, Protocol

from pydantic import SecretStr


class Reporter(Protocol):
    """Takes note of errors that nobody foresaw."""

    def report(self, error: BaseException, *, request_id: str, where: str) -> None:
        """Reports `error`, raised in the RPC or task `where`."""

    def close(self) -> None:
        """Ends the reporting. Blocks while something is on its way, for two seconds at most."""


class SilentReporter:
    """Reports nothing: the log has the trace already."""

    def report(self, error: BaseException, *, request_id: str, where: str) -> None:
        """Does nothing."""

    def close(self) -> None:
        """Does nothing."""


class SentryReporter:
    """Reports to Sentry: the class and place of an error and the id of its request.

    Request bodies, local variables and the text of the error stay here, as they may hold secrets or
    personal data; the request id leads to the text in the log.
    """

    def __init__(self, *, dsn: str, environment: str, release: str) -> None:
        # Imported here: it costs every start a sixth of a second, and few have a DSN.
        import sentry_sdk

        self._sdk = sentry_sdk
        self._client = sentry_sdk.Client(
            dsn=dsn,
            environment=environment,
            release=release,
            include_local_variables=False,
            default_integrations=False,
            max_breadcrumbs=0,
            before_send=_without_texts,
        )

    def report(self, error: BaseException, *, request_id: str, where: str) -> None:
        """Sends the error with its request id and place as tags."""
        scope = self._sdk.Scope(client=self._client)
        scope.set_tag("request_id", request_id)
        scope.set_tag("where", where)
        # Only the scope in use decides which client sends, whoever is asked to.
        with self._sdk.scope.use_scope(scope):
            scope.capture_exception(error)

    def close(self) -> None:
        """Sends what is still waiting, for at most two seconds."""
        self._client.close(timeout=2)


def _without_texts(event: Any, _hint: object) -> Any:
    for error in event["exception"]["values"]:
        error["value"] = ""
    return event


def make_reporter(*, dsn: SecretStr | None, environment: str) -> SentryReporter | SilentReporter:
    """Sentry when a DSN is given, otherwise the log alone."""
    if dsn is None:
        return SilentReporter()
    release = version("limen")
    return SentryReporter(dsn=dsn.get_secret_value(), environment=environment, release=release)

"""Reporting to Sentry: where and what kind, never whose data."""

import pytest

from server.platform.reporting import SentryReporter
from tests.eventually import eventually
from tests.server.sentry import sentry

SECRET = "correct horse battery staple"


def fail(password: str) -> None:
    """Fails with a secret among its local variables and in its words."""
    copy = {"password": password}
    raise ValueError(f"cannot store {copy}")


@pytest.fixture
def caught():
    try:
        try:
            fail(SECRET)
        except ValueError as cause:
            raise RuntimeError(f"failed for {SECRET}") from cause
    except RuntimeError as error:
        return error


@pytest.fixture
def reported(caught):
    with sentry() as server:
        reporter = SentryReporter(dsn=server.dsn, environment="production", release="1")
        reporter.report(caught, request_id="r-1", where="/a.Service/Call")
        eventually(lambda: server.events)
        reporter.close()
    return server


def test_an_error_arrives_with_its_kind_place_and_request(reported):
    (event,) = reported.events
    chain = event["exception"]["values"]

    assert [each["type"] for each in chain] == ["ValueError", "RuntimeError"]
    assert chain[0]["stacktrace"]["frames"][-1]["function"] == "fail"
    assert event["tags"] == {"request_id": "r-1", "where": "/a.Service/Call"}
    assert (event["environment"], event["release"]) == ("production", "1")


def test_neither_its_words_nor_its_variables_arrive(reported):
    assert SECRET not in reported.raw
    assert '"vars"' not in reported.raw


def test_nothing_tells_of_the_machine_or_its_user(reported):
    (event,) = reported.events

    assert not {"user", "request", "extra", "modules"} & event.keys()
    assert event["breadcrumbs"] == {"values": []}


def test_a_sentry_that_is_away_delays_nothing_and_breaks_nothing(caught):
    reporter = SentryReporter(dsn="http://key@127.0.0.1:1/1", environment="production", release="1")

    reporter.report(caught, request_id="r-1", where="/a.Service/Call")
    reporter.close()

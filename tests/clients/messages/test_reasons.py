import pytest
from hypothesis import given
from hypothesis import strategies as st

from limen.errors.v1.errors_pb2 import ErrorReason
from limen.messages import LANGUAGES, reason, title

PREFIX = "ERROR_REASON_"
FROM_CONTRACT = [name.removeprefix(PREFIX) for name, number in ErrorReason.items() if number]
FROM_EDGE = [
    "ROUTE_NOT_FOUND",
    "METHOD_NOT_ALLOWED",
    "UNSUPPORTED_MEDIA_TYPE",
    "NOT_ACCEPTABLE",
    "REQUEST_TIMEOUT",
]
REASONS = FROM_CONTRACT + FROM_EDGE
WITH_RETRY = ["RATE_LIMITED", "SIGN_IN_LOCKED", "OVERLOADED", "UNAVAILABLE"]


@pytest.mark.parametrize("name", REASONS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_has_its_own_title_and_sentence(name, language):
    assert title(name, language) != title("UNHEARD_OF", language)
    assert reason(name, language) != reason("UNHEARD_OF", language)
    assert len(title(name, language)) <= 60
    assert "%" not in reason(name, language)


@pytest.mark.parametrize("name", REASONS)
@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_every_reason_is_translated(name, language):
    assert title(name, language) != title(name, "en")
    assert reason(name, language) != reason(name, "en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_unknown_reason_is_still_explained(language):
    assert title("OF_A_NEWER_CORE", language)
    assert reason("OF_A_NEWER_CORE", language, detail="x")


@pytest.mark.parametrize("language", ["", "nl", "de-AT", "../de", "\x00"])
def test_a_language_limen_does_not_speak_is_answered_in_english(language):
    assert reason("NOT_FOUND", language) == reason("NOT_FOUND", "en")
    assert reason("RATE_LIMITED", language, retry_seconds="30").endswith("in 30 seconds.")
    assert title("NOT_FOUND", language) == "Not found"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_missing_permission_is_named(language):
    assert "users.read" in reason("PERMISSION_DENIED", language, permission="users.read")


@pytest.mark.parametrize("resource", ["user", "session", "role", "event"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_missing_resource_is_named(language, resource):
    general = reason("NOT_FOUND", language)
    assert reason("NOT_FOUND", language, resource=resource) != general
    assert reason("NOT_FOUND", language, resource="comet") == general


@pytest.mark.parametrize("name", WITH_RETRY)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_known_wait_is_told(name, language):
    assert "30" in reason(name, language, retry_seconds="30")
    assert "30" not in reason(name, language)


@pytest.mark.parametrize(
    ("seconds", "when"),
    [
        ("-5", "in 1 second."),
        ("0", "in 1 second."),
        ("1", "in 1 second."),
        ("60", "in 1 minute."),
        ("61", "in 2 minutes."),
        ("3600", "in 1 hour."),
        ("3601", "in 2 hours."),
        ("86401", "in 2 days."),
        ("604801", "in 2 weeks."),
        ("9" * 100, "in 4 weeks."),
    ],
)
def test_a_wait_is_rounded_up(seconds, when):
    assert reason("RATE_LIMITED", "en", retry_seconds=seconds).endswith(when)


@pytest.mark.parametrize(
    ("language", "when"),
    [
        ("de", "in 2 Minuten"),
        ("fr", "dans 2 minutes"),
        ("es", "dentro de 2 minutos"),
        ("pt-BR", "em 2 minutos"),
        ("ja", "2 分後に"),
    ],
)
def test_a_wait_is_told_in_every_language(language, when):
    assert when in reason("SIGN_IN_LOCKED", language, retry_seconds="120")


@given(st.sampled_from([*REASONS, "?"]), st.sampled_from(LANGUAGES), st.text(), st.text())
def test_hostile_parameters_never_raise(name, language, value, seconds):
    assert reason(name, language, retry_seconds=seconds, permission=value, resource=value)


def test_percent_signs_in_a_value_stay_as_they_are():
    assert "%(secret)s %d" in reason("PERMISSION_DENIED", "en", permission="%(secret)s %d")

import base64
import hashlib
import hmac

import pytest

from edge import cookies


def test_the_session_is_found_among_other_cookies():
    header = b"theme=dark; __Host-limen_csrf=x;  __Host-limen_session=abc-_.~123 ; last=1"
    assert cookies.session_credential(header) == "abc-_.~123"


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b";;;=;",
        b"limen_session=abc",
        b"x__Host-limen_session=abc",
        b"__Host-limen_session=",
        b"__Host-limen_session=a b",
        b'__Host-limen_session="abc"',
        b"__Host-limen_session=\xff\xfe",
        b"__Host-limen_session=a\x00b",
        b"__Host-limen_session=" + b"a" * 1025,
        b"__HOST-LIMEN_SESSION=abc",
    ],
)
def test_what_cannot_be_a_session_is_none(header):
    assert cookies.session_credential(header) == ""


def test_the_first_of_two_sessions_counts():
    header = b"__Host-limen_session=first; __Host-limen_session=second"
    assert cookies.session_credential(header) == "first"


def test_the_csrf_token_is_a_mac_under_the_credential():
    mac = hmac.new(b"credential", b"limen csrf v1", hashlib.sha256).digest()
    expected = base64.urlsafe_b64encode(mac).rstrip(b"=").decode()
    assert cookies.csrf_token("credential") == expected
    assert cookies.csrf_token("other") != expected


def test_a_session_begins_with_two_cookies():
    session, csrf = cookies.begin("credential", 3600)
    assert session == (
        "__Host-limen_session=credential; Max-Age=3600; Path=/; Secure; HttpOnly; SameSite=Lax"
    )
    assert csrf == (
        f"__Host-limen_csrf={cookies.csrf_token('credential')}; Max-Age=3600;"
        " Path=/; Secure; SameSite=Strict"
    )


def test_a_session_that_is_over_begins_with_no_age():
    assert all("Max-Age=0;" in value for value in cookies.begin("credential", -5))


def test_both_cookies_end_together():
    values = list(cookies.end())
    assert [value.partition("=")[0] for value in values] == [cookies.SESSION, cookies.CSRF]
    assert all("=; Max-Age=0; Path=/; Secure" in value for value in values)

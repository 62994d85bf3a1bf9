"""The arithmetic of codes: the vectors of RFC 6238, the skew, and the link for the QR code."""

import base64
import hmac
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.factors import totp

SECRET = b"12345678901234567890"

# RFC 6238, appendix B, the rows of SHA-1.
VECTORS = {
    59: "94287082",
    1111111109: "07081804",
    1111111111: "14050471",
    1234567890: "89005924",
    2000000000: "69279037",
    20000000000: "65353130",
}


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.mark.parametrize(("seconds", "code"), VECTORS.items())
def test_the_vectors_of_the_rfc(seconds, code):
    step = totp.step_at(moment(seconds))

    assert totp.code_at(SECRET, step, digits=8) == code
    assert totp.code_at(SECRET, step) == code[-6:]
    assert totp.matching_step(SECRET, code[-6:], moment(seconds), after=None) == step


@given(st.binary(min_size=20, max_size=20), st.integers(0, 2**40))
def test_codes_are_those_of_the_definition(secret, step):
    """RFC 4226, section 5.3, written down once more."""
    mac = hmac.digest(secret, step.to_bytes(8), "sha1")
    offset = mac[-1] & 15
    number = int.from_bytes(mac[offset : offset + 4]) & 0x7FFF_FFFF

    assert totp.code_at(secret, step) == f"{number % 1_000_000:06}"


@given(st.integers(10, 2**32), st.floats(0, 29.9), st.integers(-4, 4))
def test_one_step_of_skew_on_each_side(step, within, off):
    code = totp.code_at(SECRET, step + off)
    now = moment(step * 30) + timedelta(seconds=within)

    found = totp.matching_step(SECRET, code, now, after=None)

    if abs(off) <= 1:
        assert found is not None
        assert totp.code_at(SECRET, found) == code
    else:
        # Codes of distant steps are equal by chance once in a million.
        assert found is None or totp.code_at(SECRET, found) == code


def test_a_step_that_is_used_up_takes_those_before_with_it():
    now = moment(600)

    for off in (-1, 0, 1):
        code = totp.code_at(SECRET, 20 + off)
        assert totp.matching_step(SECRET, code, now, after=20 + off) is None
        assert totp.matching_step(SECRET, code, now, after=20 + off - 1) == 20 + off
        assert totp.matching_step(SECRET, code, now, after=25) is None


@pytest.mark.parametrize("code", ["", "12345", "1234567", "aaaaaa", "\uff11" * 6])
def test_what_is_no_code_matches_nothing(code):
    assert totp.matching_step(SECRET, code, moment(600), after=None) is None


def test_the_secret_for_typing_is_base32_without_padding():
    assert totp.readable(SECRET) == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    assert "=" not in totp.readable(b"x" * 16)


@pytest.mark.parametrize(
    ("issuer", "account"),
    [
        ("limen.example", "ada@example.com"),
        ("id.example", "a+b&secret=AAAA@example.com"),
        ("Café & Söhne", "o'hara%20#?/x@example.com"),
    ],
)
def test_the_link_says_what_it_was_given(issuer, account):
    link = urlsplit(totp.uri(SECRET, issuer=issuer, account=account))
    query = parse_qs(link.query, strict_parsing=True)

    assert (link.scheme, link.netloc, link.fragment) == ("otpauth", "totp", "")
    assert [unquote(part) for part in link.path[1:].split(":")] == [issuer, account]
    assert "+" not in link.query  # apps take it for a plus sign
    assert query == {
        "secret": [base64.b32encode(SECRET).decode()],
        "issuer": [issuer],
        "algorithm": ["SHA1"],
        "digits": ["6"],
        "period": ["30"],
    }


def test_colons_can_only_separate_issuer_and_account():
    link = totp.uri(SECRET, issuer="::1", account='"a:b"@example.com')

    assert unquote(urlsplit(link).path).count(":") == 1

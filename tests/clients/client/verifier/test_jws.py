"""The reader of tokens by itself: whatever comes, it answers with claims or one kind of error."""

import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from limen.client.verifier import CredentialInvalid
from limen.client.verifier.jws import Expected, parse, verify
from limen.testing.issuing import encode, new_key, part

KEY = new_key()
EXPECTED = Expected("https://limen.test", "limen", 5.0)
NOW = 1_800_000_000
USER, SESSION = "0198c0de-0000-7000-8000-000000000001", "0198c0de-0000-7000-8000-000000000002"
PAYLOAD = {
    "iss": EXPECTED.issuer,
    "aud": EXPECTED.audience,
    "sub": USER,
    "sid": SESSION,
    "jti": "j",
    "iat": NOW,
    "exp": NOW + 600,
    "auth_time": NOW,
}
GOOD = KEY.sign(PAYLOAD)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def read(token, now=NOW):
    parts = parse(token)
    assert parts.key_id
    return verify(parts, KEY.private.public_key(), EXPECTED, now)


def outcome(token):
    try:
        return read(token).user_id
    except CredentialInvalid:
        return None


def test_what_is_optional_may_be_missing():
    claims = read(GOOD)
    assert (claims.user_id, claims.session_id, claims.client_id) == (USER, SESSION, "")
    assert (claims.scopes, claims.amr, claims.acr, claims.certificate) == (
        frozenset(),
        (),
        "",
        None,
    )


@settings(deadline=None)
@given(st.text())
def test_any_text_is_refused(text):
    assert outcome(text) is None


@settings(deadline=None)
@given(st.integers(0, len(GOOD)), st.integers(0, 20), st.text(max_size=8))
def test_a_token_that_was_changed_is_refused(at, count, other):
    changed = GOOD[:at] + other + GOOD[at + count :]
    assert outcome(changed) == (USER if changed == GOOD else None)


@settings(deadline=None)
@given(st.sampled_from(sorted({*PAYLOAD, "amr", "acr", "scope", "cnf", "nbf"})), json_values)
def test_whatever_a_claim_holds_the_answer_is_one_of_two(name, value):
    assert outcome(KEY.sign({**PAYLOAD, name: value})) in {None, USER}


@settings(deadline=None)
@given(st.sampled_from(["alg", "typ", "kid", "crit", "jwk", "b64", "x"]), json_values)
def test_a_header_with_anything_else_is_refused(name, value):
    good = KEY.header()
    if good.get(name) != value and not (name == "kid" and isinstance(value, str) and value):
        assert outcome(KEY.sign(PAYLOAD, {**good, name: value})) is None


@settings(deadline=None)
@given(st.binary(max_size=60), st.binary(max_size=60))
def test_whatever_is_encoded_the_answer_is_a_refusal(header, payload):
    good = part(KEY.header())
    assert outcome(KEY.sign_text(encode(header), part(PAYLOAD))) is None
    assert outcome(KEY.sign_text(good, encode(payload))) is None


def test_times_are_inclusive_where_the_standard_says_so():
    end = PAYLOAD["exp"]
    assert read(GOOD, now=end + 4.999)
    with pytest.raises(CredentialInvalid):
        read(GOOD, now=end + 5)
    assert read(GOOD, now=NOW - 5)
    with pytest.raises(CredentialInvalid):
        read(GOOD, now=NOW - 5.001)


def test_reads_what_a_general_library_writes():
    private = Ed25519PrivateKey.generate()
    payload = {**PAYLOAD, "exp": int(time.time()) + 60, "iat": int(time.time()), "amr": ["pwd"]}
    token = jwt.encode(payload, private, "EdDSA", headers={"typ": "at+jwt", "kid": "k"})
    claims = verify(parse(token), private.public_key(), EXPECTED, time.time())
    assert claims.amr == ("pwd",)


def test_a_payload_is_not_read_before_its_signature_is_found_good(monkeypatch):
    read_parts = []
    monkeypatch.setattr("limen.client.verifier.jws._object", read_parts.append)
    parts = parse(GOOD)  # its header was read before, and is remembered
    forged = Ed25519PrivateKey.generate().public_key()
    with pytest.raises(CredentialInvalid, match="signature"):
        verify(parts, forged, EXPECTED, NOW)
    assert not read_parts

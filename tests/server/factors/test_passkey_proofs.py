"""What a browser answers with: the right thing is read, and nothing else gets through."""

import os
import tracemalloc
from contextlib import suppress
from uuid import UUID

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.factors import passkey_options, passkey_proofs
from server.factors.model import PasskeyRow
from server.factors.passkey_proofs import Cause, RejectedError
from server.factors.relying_party import RelyingParty
from server.platform.vault import encode
from server.users.model import UserRow
from tests.server.factors.authenticator import (
    BACKED_UP,
    BACKUP_ELIGIBLE,
    EDDSA,
    ES256,
    GOOD,
    HAS_CREDENTIAL,
    HAS_EXTENSIONS,
    RS256,
    USER_PRESENT,
    USER_VERIFIED,
    Authenticator,
    _rsa,
)

PARTY = RelyingParty("localhost", ("http://localhost:8080",))
CHALLENGE = b"c" * 32
USER = UserRow(user_id=UUID(int=7), email="ada@example.org", display_name="Ada")
CREATION = passkey_options.creation(PARTY, USER, CHALLENGE, ())
REQUEST = passkey_options.request(PARTY, CHALLENGE, ())


def made(authenticator: Authenticator, **faults):
    return passkey_proofs.made(PARTY, CHALLENGE, authenticator.make(CREATION, **faults))


def shown(authenticator: Authenticator, **faults):
    public_key = cbor2.dumps(authenticator.cose)
    answer = authenticator.show(REQUEST, **faults)
    return passkey_proofs.shown(PARTY, CHALLENGE, answer, public_key)


def cause(call, *arguments, **faults) -> Cause:
    with pytest.raises(RejectedError) as rejected:
        call(*arguments, **faults)
    return rejected.value.cause


def test_a_browser_is_asked_for_a_passkey_that_verifies_its_user():
    own = PasskeyRow(credential_id=b"own", transports=["internal"])

    options = passkey_options.creation(PARTY, USER, CHALLENGE, [own])

    assert options["rp"] == {"id": "localhost", "name": "localhost"}
    assert options["user"] == {
        "id": encode(USER.user_id.bytes),
        "name": "ada@example.org",
        "displayName": "Ada",
    }
    assert options["challenge"] == encode(CHALLENGE)
    assert [each["alg"] for each in options["pubKeyCredParams"]] == [EDDSA, ES256, RS256]
    assert options["authenticatorSelection"] == {
        "residentKey": "required",
        "requireResidentKey": True,
        "userVerification": "required",
    }
    assert options["attestation"] == "none"
    assert options["timeout"] == 300_000
    assert options["excludeCredentials"] == [
        {"id": encode(b"own"), "type": "public-key", "transports": ["internal"]}
    ]


@pytest.mark.parametrize("algorithm", [EDDSA, ES256, RS256])
def test_a_passkey_of_every_algorithm_is_read_and_verified(algorithm):
    authenticator = Authenticator(algorithm, aaguid=bytes(range(16)), counter=3)

    passkey = made(authenticator)
    proof = shown(authenticator)

    assert passkey.credential_id == authenticator.credential_id
    assert cbor2.loads(passkey.public_key) == authenticator.cose
    assert passkey.aaguid == UUID(bytes=bytes(range(16)))
    assert passkey.transports == ("internal", "hybrid")
    assert (passkey.sign_count, proof.sign_count) == (3, 4)
    assert passkey.device_bound
    assert not passkey.backed_up


def test_a_passkey_says_whether_it_can_leave_its_device():
    synced = Authenticator(flags=GOOD | BACKUP_ELIGIBLE | BACKED_UP)

    assert made(synced).backed_up
    assert not made(synced).device_bound
    assert not shown(synced).device_bound
    assert cause(made, Authenticator(flags=GOOD | BACKED_UP)) is Cause.UNVERIFIED


FAULTS = {
    "another origin": {"origin": "https://evil.example"},
    "an origin that begins alike": {"origin": "http://localhost:8080.evil.example"},
    "another domain": {"domain": "evil.example"},
    "another challenge": {"challenge": encode(b"d" * 32)},
    "no challenge": {"challenge": ""},
    "no user present": {"flags": USER_VERIFIED},
    "no user verified": {"flags": USER_PRESENT},
    "a frame of another site": {"cross_origin": True},
    "a payment": {"type": "payment.get"},
    "an origin that is no text": {"origin": ["http://localhost:8080"]},
    "a challenge that is no text": {"challenge": {"a": 1}},
}


@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS)
def test_every_check_of_the_standard_is_made(faults):
    authenticator = Authenticator()

    assert cause(made, authenticator, **faults) in {Cause.UNVERIFIED, Cause.FRAMED}
    assert cause(shown, authenticator, **faults) in {Cause.UNVERIFIED, Cause.FRAMED}


def test_what_was_made_for_one_ceremony_is_no_answer_to_the_other():
    authenticator = Authenticator()

    assert cause(made, authenticator, type="webauthn.get") is Cause.UNVERIFIED
    assert cause(shown, authenticator, type="webauthn.create") is Cause.UNVERIFIED


def test_a_signature_counts_for_its_own_key_alone():
    authenticator, other = Authenticator(), Authenticator()
    answer = authenticator.show(REQUEST)

    for key in (other.cose, Authenticator(ES256).cose, {1: 9}, {}, 7):
        with pytest.raises(RejectedError):
            passkey_proofs.shown(PARTY, CHALLENGE, answer, cbor2.dumps(key))
    assert cause(shown, authenticator, signature=b"") is Cause.UNVERIFIED


def test_keys_that_are_no_good_are_not_taken():
    weak = Authenticator()
    weak.cose = _rsa(1024)[0]
    off_the_curve = Authenticator(ES256)
    off_the_curve.cose[-2] = bytes(32)
    secp384 = Authenticator(ES256)
    secp384.cose[-1] = 2
    other_algorithm = Authenticator()
    other_algorithm.cose[3] = -47

    assert cause(made, weak) is Cause.KEY
    assert cause(made, off_the_curve) is Cause.KEY
    assert cause(made, secp384) is Cause.KEY
    assert cause(made, other_algorithm) is Cause.UNVERIFIED


def test_a_statement_about_the_maker_is_not_even_read():
    authenticator = Authenticator()
    data = authenticator._data("localhost", authenticator._attested(), HAS_CREDENTIAL, {})

    for statement in ({"x5c": 1 << 40}, {"sig": b"", "x5c": [b"no certificate"]}, "none"):
        raw = cbor2.dumps({"fmt": "packed", "attStmt": statement, "authData": data})
        assert made(authenticator, attestation=raw).credential_id == authenticator.credential_id


def test_an_id_that_is_not_the_one_in_the_statement_is_refused():
    answer = Authenticator().make(CREATION)
    other = encode(os.urandom(32))

    with pytest.raises(RejectedError):
        passkey_proofs.made(PARTY, CHALLENGE, answer | {"id": other, "rawId": other})
    with pytest.raises(RejectedError):
        passkey_proofs.made(PARTY, CHALLENGE, answer | {"id": other})


def test_an_id_may_be_as_long_as_the_standard_says():
    assert made(Authenticator(credential_id=os.urandom(1023)))
    assert cause(made, Authenticator(credential_id=os.urandom(1024))) is Cause.MALFORMED


def unfolding(levels: int) -> bytes:
    """A few bytes of CBOR that hold each other twice: 2 to the `levels` items once written out."""
    items = [b"\xd8\x1c\x81\x00"]
    for level in range(levels - 1):
        reference = b"\xd8\x1d" + cbor2.dumps(level)
        items.append(b"\xd8\x1c\x82" + reference * 2)
    return b"\x98" + bytes([levels]) + b"".join(items)


def test_small_answers_cannot_grow():
    authenticator = Authenticator()
    head = authenticator._data("localhost", b"", HAS_CREDENTIAL, {})
    key = head + bytes(16) + len(b"id").to_bytes(2) + b"id" + unfolding(40)
    extension = authenticator._data("localhost", unfolding(40), HAS_EXTENSIONS, {})
    as_number = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": 1 << 33})

    tracemalloc.start()
    assert cause(made, authenticator, auth_data=key) is Cause.UNVERIFIED
    assert cause(made, authenticator, attestation=as_number) is Cause.UNVERIFIED
    assert cause(made, authenticator, attestation=unfolding(40)) is Cause.UNVERIFIED
    assert cause(shown, authenticator, auth_data=extension) is Cause.MALFORMED
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert most < 1_000_000


def test_an_extension_in_its_place_does_no_harm():
    authenticator = Authenticator()
    extension = cbor2.dumps({"uvm": [[2, 4, 2]]})
    data = authenticator._data("localhost", extension, HAS_EXTENSIONS, {})

    assert shown(authenticator, auth_data=data).sign_count == 0


REGISTRATION, ASSERTION = Authenticator().make(CREATION), Authenticator().show(REQUEST)
MEMBERS = ("id", "rawId", "type", "response", "authenticatorAttachment")
INNER = (*REGISTRATION["response"], *ASSERTION["response"])
ODD = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=50) | st.just("A" * 9000),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(MEMBERS + INNER), ODD, st.booleans())
@settings(max_examples=300, deadline=None)
def test_no_member_of_an_answer_can_break_the_reader(name, value, absent):
    key = cbor2.dumps(Authenticator().cose)
    for good in (REGISTRATION, ASSERTION):
        answer = good | {"response": dict(good["response"])}
        place = answer if name in MEMBERS else answer["response"]
        place[name] = value
        if absent:
            del place[name]
        with suppress(RejectedError):
            passkey_proofs.made(PARTY, CHALLENGE, answer)
        with suppress(RejectedError):
            passkey_proofs.claim(answer)
        with suppress(RejectedError):
            passkey_proofs.shown(PARTY, CHALLENGE, answer, key)


@given(st.binary(max_size=200), st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_no_bytes_can_break_the_reader(attestation, tail):
    authenticator = Authenticator(credential_id=b"i")
    head = authenticator._data("localhost", b"", HAS_CREDENTIAL | HAS_EXTENSIONS, {})
    for faults in ({"attestation": attestation or b"\x00"}, {"auth_data": head + tail}):
        with pytest.raises(RejectedError):
            made(authenticator, **faults)
    for data in (attestation or b"\x00", head + tail):
        with pytest.raises(RejectedError):
            shown(authenticator, auth_data=data)


@pytest.mark.parametrize(
    ("before", "now", "refused"),
    [(0, 0, False), (0, 1, False), (1, 2, False), (2, 2, True), (3, 2, True), (1, 0, True)],
)
def test_a_counter_may_only_grow_unless_there_is_none(before, now, refused):
    assert passkey_proofs.went_back(before, now) is refused


@pytest.mark.parametrize(
    ("public_url", "domain", "origins"),
    [
        ("https://id.example.org", "id.example.org", ["https://id.example.org"]),
        ("https://id.example.org:443/", "id.example.org", ["https://id.example.org"]),
        ("https://id.example.org:8443", "id.example.org", ["https://id.example.org:8443"]),
        (
            "http://127.0.0.1:8080",
            "localhost",
            ["http://127.0.0.1:8080", "http://localhost:8080"],
        ),
        ("http://[::1]:8080", "localhost", ["http://[::1]:8080", "http://localhost:8080"]),
        ("http://localhost:8080", "localhost", ["http://localhost:8080"]),
    ],
)
def test_the_party_follows_from_the_public_url(public_url, domain, origins):
    party = RelyingParty.at(public_url, others=["android:apk-key-hash:abc"])

    assert party.id == domain
    assert list(party.origins) == [*origins, "android:apk-key-hash:abc"]

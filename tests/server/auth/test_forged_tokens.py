"""Tokens that nobody here signed, or signed for something else (RFC 8725).

`test_sessions.py` has the plain forgeries. Those here are the ones that real libraries have fallen
for; every one stays refused, and none makes the core turn to a place that it names.
"""

import base64
import hashlib
import hmac
import json
import re
import socket
from datetime import timedelta
from uuid import uuid4

import jwt
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as new_ec_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as new_rsa_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from limen.auth.v1 import auth_pb2
from limen.users.v1 import users_pb2
from server.auth import tokens
from server.auth.tokens import TokenRefusedError
from tests.server.running_core import PASSWORD, refused

pytestmark = pytest.mark.asyncio(loop_scope="module")

ME = users_pb2.GetUserRequest(user_id="me")
ELSEWHERE = "http://attacker.example/keys"


def plain(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def encode(part) -> str:
    return plain(part if isinstance(part, bytes) else json.dumps(part).encode())


class Forge:
    """A real token, and the means to make others like it, even with the real key."""

    def __init__(self, core, token: str) -> None:
        self.core = core
        self.token = token
        self.header = jwt.get_unverified_header(token)
        self.claims = jwt.decode(token, options={"verify_signature": False})
        self.key = core.domain.keyring.signing()[1]

    def signed(self, header=None, claims=None, key: Ed25519PrivateKey | None = None) -> str:
        """A token with a signature that is right for what it says."""
        content = f"{encode(header or self.header)}.{encode(claims or self.claims)}"
        return f"{content}.{plain((key or self.key).sign(content.encode()))}"

    def keyed(self, algorithm: str, secret: bytes) -> str:
        """A token whose signature is a keyed hash."""
        content = f"{encode(self.header | {'alg': algorithm})}.{encode(self.claims)}"
        kind = f"sha{algorithm[2:]}"
        return f"{content}.{plain(hmac.new(secret, content.encode(), kind).digest())}"

    async def is_refused(self, token: str | bytes) -> None:
        """Neither a call nor introspection takes it."""
        value = token if isinstance(token, str) else token.decode("latin-1")
        answer = await refused(
            self.core.users.GetUser(ME, metadata=(("authorization", f"Bearer {value}"),))
        )
        assert (answer.reason, answer.metadata) == ("CREDENTIAL_INVALID", {})
        if not value:
            return
        request = auth_pb2.IntrospectTokenRequest(token=value)
        here = (("authorization", f"Bearer {self.token}"),)
        assert not (await self.core.auth.IntrospectToken(request, metadata=here)).active


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def forge(shared_core):
    account = await shared_core.user("admin", "service")
    return Forge(shared_core, (await shared_core.sign_in(account.user.email)).tokens.access_token)


@pytest.fixture(autouse=True)
def nobody_is_asked(monkeypatch):
    """No forgery makes the process look up a name, or connect anywhere but to its own parts."""
    asked: list[object] = []
    resolve = socket.getaddrinfo

    def look_up(host, *arguments, **options):
        if host not in {None, "localhost", "127.0.0.1", "::1", b"127.0.0.1"}:
            asked.append(host)
            raise OSError("nothing outside is to be asked")
        return resolve(host, *arguments, **options)

    def connect(_socket, address):
        asked.append(address)
        raise OSError("nothing outside is to be asked")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(socket.socket, "connect", connect)
    yield
    assert asked == []


async def test_the_forge_makes_good_tokens(core, forge):
    """Shows that what follows is refused for its own reason."""
    for token in (forge.token, forge.signed()):
        assert await core.users.GetUser(ME, metadata=(("authorization", f"Bearer {token}"),))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", " none", "none\x00"])
@pytest.mark.parametrize("ending", ["", ".", ".signature", ".e30"])
async def test_no_algorithm_is_none(forge, algorithm, ending):
    token = f"{encode(forge.header | {'alg': algorithm})}.{encode(forge.claims)}"
    signature = forge.token.rpartition(".")[2]

    await forge.is_refused(token + ending.replace("signature", signature))


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
async def test_a_public_key_is_no_shared_secret(core, forge, algorithm):
    (jwk, *_) = (await core.auth.GetJwks(auth_pb2.GetJwksRequest())).keys
    public = forge.key.public_key()
    forms = [
        base64.urlsafe_b64decode(jwk.x + "="),
        jwk.x.encode(),
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
        b"",
    ]
    for secret in forms:
        await forge.is_refused(forge.keyed(algorithm, secret))


@pytest.mark.parametrize("algorithm", ["Ed25519", "Ed448", "eddsa", "EDDSA", "EdDSA ", "HS256"])
async def test_the_algorithm_is_the_one_that_is_used(forge, algorithm):
    await forge.is_refused(forge.signed(forge.header | {"alg": algorithm}))


async def test_keys_of_other_kinds_sign_nothing(forge):
    header = {name: value for name, value in forge.header.items() if name != "alg"}
    for algorithm, key in (
        ("RS256", new_rsa_key(65537, 2048)),
        ("PS256", new_rsa_key(65537, 2048)),
        ("ES256", new_ec_key(SECP256R1())),
    ):
        await forge.is_refused(jwt.encode(forge.claims, key, algorithm, headers=header))


# Always the same, for workers that run tests in parallel have to agree on their names.
STRANGER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
STRANGERS_JWK = {
    "kty": "OKP",
    "crv": "Ed25519",
    "x": plain(STRANGER.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)),
}


@pytest.mark.parametrize(
    "more",
    [
        {"jwk": STRANGERS_JWK},
        {"jku": ELSEWHERE},
        {"x5u": ELSEWHERE},
        {"x5c": ["MIIB"]},
        {"x5t": "A", "x5t#S256": "A"},
        {"kid": ELSEWHERE},
        {"kid": "file:///dev/null"},
        {"kid": "../../../../dev/null"},
        {"kid": "/dev/null"},
        {"kid": "' UNION SELECT 'x"},
        {"kid": "$(curl attacker.example)"},
        {"kid": "\x00"},
        {"kid": "\u202e\ufdfa\U0001f511"},
        {"kid": ""},
        {"kid": None},
        {"kid": 0},
        {"kid": []},
        {"kid": {}},
        {"kid": True},
        {"kid": "k" * 2000},
        {"iss": "limen"},
    ],
    ids=lambda more: re.sub(r"\W+", "-", ascii(more))[:40],
)
async def test_no_header_leads_to_the_key_of_a_stranger(forge, more):
    await forge.is_refused(forge.signed(forge.header | more, key=STRANGER))


@pytest.mark.parametrize(
    "more",
    [
        {"jwk": STRANGERS_JWK},
        {"jku": ELSEWHERE},
        {"x5u": ELSEWHERE},
        {"x5c": ["MIIB"]},
        {"crit": ["exp"]},
        {"crit": ["http://attacker.example/unknown"], "http://attacker.example/unknown": True},
        {"crit": []},
        {"crit": "exp"},
        {"b64": False, "crit": ["b64"]},
        {"b64": False},
        {"b64": True},
        {"zip": "DEF"},
        {"enc": "A256GCM"},
        {"cty": "JWT"},
        {"typ": "JWT"},
        {"typ": "at+JWT "},
        {"typ": "refresh+jwt"},
        {"typ": "application/at+jwt"},
        {"typ": ["at+jwt"]},
        {"typ": ""},
        {"nonce": "x"},
    ],
    ids=ascii,
)
async def test_a_real_signature_does_not_excuse_a_header(forge, more):
    await forge.is_refused(forge.signed(forge.header | more))


@pytest.mark.parametrize("missing", ["alg", "typ", "kid"])
async def test_a_header_says_all_it_has_to(forge, missing):
    rest = {name: value for name, value in forge.header.items() if name != missing}

    await forge.is_refused(forge.signed(rest))


@pytest.mark.parametrize(
    "more",
    [
        {"iss": "http://127.0.0.1:8080/"},
        {"iss": "https://attacker.example"},
        {"iss": ""},
        {"iss": ["http://127.0.0.1:8080"]},
        {"aud": "limen "},
        {"aud": "LIMEN"},
        {"aud": ["limen"]},
        {"aud": []},
        {"aud": ""},
        {"sub": ""},
        {"sub": None},
        {"sid": "0197a3c2-8f4e-7b6a-9c1d-2e3f4a5b6c7d"},
        {"exp": 0},
        {"exp": -1},
        {"exp": 1e300},
        {"exp": "9999999999"},
        {"exp": 9999999999.5},
        {"exp": None},
        {"exp": True},
        {"exp": 10**30},
        {"exp": {"$gt": 0}},
        {"iat": 9999999990, "exp": 9999999999},
        {"iat": "now"},
        {"auth_time": "now"},
        {"auth_time": 10**30},
    ],
    ids=ascii,
)
async def test_a_real_signature_does_not_excuse_a_claim(forge, more):
    await forge.is_refused(forge.signed(claims=forge.claims | more))


async def test_a_token_that_is_not_valid_yet_is_refused(core, forge):
    later = int((core.clock.now() + timedelta(hours=1)).timestamp())

    await forge.is_refused(forge.signed(claims=forge.claims | {"nbf": later}))
    await forge.is_refused(forge.signed(claims=forge.claims | {"iat": later, "exp": later + 600}))


async def test_an_expired_token_stays_expired(core, forge):
    past = int((core.clock.now() - timedelta(seconds=1)).timestamp())

    await forge.is_refused(forge.signed(claims=forge.claims | {"exp": past}))


async def test_a_claim_said_twice_is_no_way_around_the_first(forge):
    """The last one counts, for the signature as for limen, so there are no two readings."""
    body = json.dumps(forge.claims)
    for name, false in (("sub", str(uuid4())), ("sid", str(uuid4())), ("aud", "x"), ("exp", 1)):
        doubled = f"{body[:-1]}, {json.dumps(name)}: {json.dumps(false)}}}".encode()
        await forge.is_refused(forge.signed(claims=doubled))
    head = json.dumps(forge.header)
    for name, false in (("alg", "none"), ("typ", "JWT"), ("kid", "x")):
        doubled = f"{head[:-1]}, {json.dumps(name)}: {json.dumps(false)}}}".encode()
        await forge.is_refused(forge.signed(doubled))


@pytest.mark.parametrize("part", [b"", b"null", b"[]", b"1", b'"x"', b"{", b"\xff\xfe", b"{}"])
async def test_parts_that_are_no_objects_are_refused(forge, part):
    await forge.is_refused(forge.signed(header=part or b" "))
    await forge.is_refused(forge.signed(claims=part or b" "))


async def test_a_token_has_three_parts_and_one_writing(forge):
    head, body, signature = forge.token.split(".")
    for token in (
        "",
        ".",
        "..",
        "...",
        f"{head}.{body}",
        f"{head}.{body}.",
        f"{head}..{signature}",
        f".{body}.{signature}",
        f"{forge.token}.",
        f".{forge.token}",
        f"{forge.token}.{signature}",
        f"{head}.{body}.{signature}.{body}.{signature}",
        f"{head}.{body}.{signature}==",
        f"{head}.{body}.{signature[:-1]}",
        f"{head}.{body}.{signature[:-2]}",
        f"{head}.{body}.{signature[:40]} {signature[40:]}",
        f"{head}.{body}.{'A' * 86}",
        f"{head}.{body}.{signature}A",
        f"{body}.{head}.{signature}",
        f"{head}.{encode(forge.claims | {'sub': str(uuid4())})}.{signature}",
        json.dumps({"protected": head, "payload": body, "signature": signature}),
    ):
        await forge.is_refused(token)


async def test_a_signature_cannot_be_bent(forge):
    """Ed25519 has one signature for a message, and adding the order of the group is not another
    (RFC 8032, section 5.1.7).
    """
    head, body, signature = forge.token.split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    order = 2**252 + 27742317777372353535851937790883648493
    bent = int.from_bytes(raw[32:], "little") + order
    for other in (
        raw[:32] + bent.to_bytes(32, "little"),
        raw[32:] + raw[:32],
        b"\x01" + bytes(63),
        bytes(64),
        raw + raw,
    ):
        await forge.is_refused(f"{head}.{body}.{plain(other)}")


async def test_other_credentials_are_no_access_tokens(core, forge):
    account = await core.user()
    email = account.user.email
    answer = await core.sign_in(email)
    trailing = core.auth.SignIn(
        auth_pb2.SignInRequest(
            email=email, password=PASSWORD, delivery=auth_pb2.CREDENTIAL_DELIVERY_COOKIE
        )
    )
    await trailing
    cookie = dict(await trailing.trailing_metadata())["limen-session-credential"]
    newcomer = core.fresh_email()
    await core.auth.SignUp(auth_pb2.SignUpRequest(email=newcomer, password=PASSWORD))
    for credential in (
        answer.tokens.refresh_token,
        cookie,
        await core.mailed_token(newcomer),
        answer.session.session_id,
        answer.user.user_id,
        hashlib.sha256(forge.token.encode()).hexdigest(),
        "lmk_" + "A" * 43,
    ):
        await forge.is_refused(credential)
    # Nor is it the other way round.
    for stolen in (("limen-session", answer.tokens.access_token), ("limen-session", "lms_")):
        assert (await refused(core.users.GetUser(ME, metadata=(stolen,)))).reason
    request = auth_pb2.RefreshTokensRequest(refresh_token="lmr_" + plain(b"x" * 54))
    assert (await refused(core.auth.RefreshTokens(request))).reason == "CREDENTIAL_INVALID"


@pytest.mark.parametrize("scheme", ["Basic", "DPoP", "Bearer Bearer", "bearer:", "Token", ""])
async def test_the_scheme_is_bearer(core, forge, scheme):
    call = core.users.GetUser(ME, metadata=(("authorization", f"{scheme} {forge.token}"),))

    assert (await refused(call)).reason in {"CREDENTIAL_INVALID", "UNAUTHENTICATED"}


async def test_a_token_of_another_issuer_with_the_same_key_is_refused(core, forge):
    keys = core.domain.keyring.verifying()
    for issuer, audience in (("https://other.example", "limen"), (forge.claims["iss"], "other")):
        with pytest.raises(TokenRefusedError):
            tokens.verify(
                forge.token, keys=keys, issuer=issuer, audience=audience, now=core.clock.now()
            )


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
async def test_no_change_of_a_token_is_another_token(forge, data):
    token = forge.token
    at = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.characters(min_codepoint=33, max_codepoint=126))
    changed = token[:at] + letter + token[at + 1 :]
    core = forge.core

    def claims():
        return tokens.verify(
            changed,
            keys=core.domain.keyring.verifying(),
            issuer=forge.claims["iss"],
            audience=forge.claims["aud"],
            now=core.clock.now(),
        )

    if changed == token:
        assert claims()
    else:
        with pytest.raises(TokenRefusedError):
            claims()

"""Tokens that nobody may accept: the attacks of RFC 8725 and some more, made of a good token."""

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from limen.testing.issuing import SigningKey, decode, encode, new_key, part

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def forgeries(token: str, key: SigningKey, *, now: int) -> dict[str, str]:
    """Forged, altered and misused tokens, by what is wrong with them.

    token: a good token that `key` signed. now: in seconds since 1970 (UTC).
    """
    payload = json.loads(decode(token.split(".")[1]))
    return dict(
        [
            *_without_the_key(token, key, payload),
            *_with_other_headers(key, payload),
            *_with_other_claims(key, payload, now),
            *_spelt_otherwise(token, key, payload),
        ]
    )


def _without_the_key(
    token: str, key: SigningKey, payload: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    header, body, signature = token.split(".")
    for none in ("none", "None", "NONE", "nOnE", ""):
        unsigned = f"{part({**key.header(), 'alg': none})}.{body}"
        yield f"algorithm {none!r}, unsigned", f"{unsigned}."
        yield f"algorithm {none!r}, with a signature", f"{unsigned}.{signature}"
    pem = key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for name, secret in (("raw", key.public), ("PEM", pem), ("JWK", encode(key.public).encode())):
        signed = f"{part({**key.header(), 'alg': 'HS256'})}.{body}"
        mac = encode(hmac.digest(secret, signed.encode(), hashlib.sha256))
        yield f"HMAC with the public key, {name}", f"{signed}.{mac}"
    other = new_key()
    yield "another key under the same id", other.sign(payload, key.header())
    yield "another key under its own id", other.sign(payload)
    somebody = part({**payload, "sub": "00000000-0000-7000-8000-000000000000"})
    yield "somebody else's name", f"{header}.{somebody}.{signature}"
    more = part({**payload, "scope": f"{payload['scope']} users.delete"})
    yield "a scope more", f"{header}.{more}.{signature}"
    yield "the signature of something else", f"{header}.{body}.{key.sign({}).rpartition('.')[2]}"
    yield "a signature of zeros", f"{header}.{body}.{encode(bytes(64))}"
    yield "half a signature", f"{header}.{body}.{encode(decode(signature)[:32])}"
    yield "no signature", f"{header}.{body}."


def _with_other_headers(key: SigningKey, payload: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    good = key.header()
    own = {"kty": "OKP", "crv": "Ed25519", "x": encode(key.public)}
    others: dict[str, dict[str, Any]] = {
        "crit": {"crit": ["exp"], "exp": 1},
        "crit, empty": {"crit": []},
        "unencoded payload (RFC 7797)": {"b64": False, "crit": ["b64"]},
        "jku": {"jku": "https://attacker.example/jwks.json"},
        "x5u": {"x5u": "https://attacker.example/chain.pem"},
        "x5c": {"x5c": ["MIIB"]},
        "jwk": {"jwk": own},
        "a header that nobody knows": {"x": 1},
        "type JWT": {"typ": "JWT"},
        "type of an ID token": {"typ": "id_token"},
        "type of a logout token": {"typ": "logout+jwt"},
        "type in capitals": {"typ": "AT+JWT"},
        "ES256": {"alg": "ES256"},
        "Ed448": {"alg": "Ed448"},
        "eddsa": {"alg": "eddsa"},
        "a list of algorithms": {"alg": ["EdDSA"]},
        "no key id": {"kid": ""},
        "a number for a key id": {"kid": 1},
        "a path for a key id": {"kid": "../../dev/null"},
        "an endless key id": {"kid": "k" * 300},
    }
    for name, more in others.items():
        yield f"header: {name}", key.sign(payload, {**good, **more})
    for name in good:
        rest = {member: value for member, value in good.items() if member != name}
        yield f"header: without {name}", key.sign(payload, rest)


def _with_other_claims(
    key: SigningKey, payload: Mapping[str, Any], now: int
) -> Iterator[tuple[str, str]]:
    others: dict[str, dict[str, Any]] = {
        "another issuer": {"iss": "https://attacker.example"},
        "an issuer that begins the same": {"iss": f"{payload['iss']}.attacker.example"},
        "another audience": {"aud": "somebody else"},
        "several audiences": {"aud": [payload["aud"], "somebody else"]},
        "expired": {"exp": now - 3600},
        "issued in the future": {"iat": now + 3600, "exp": now + 7200},
        "not valid yet": {"nbf": now + 3600},
        "expiry as text": {"exp": str(now + 600)},
        "expiry as a fraction": {"exp": now + 600.5},
        "expiry as a truth": {"exp": True},
        "expiry beyond all time": {"exp": 10**30},
        "a user who is no UUID": {"sub": "admin"},
        "a session in capitals": {"sid": str(payload["sid"]).upper() + "A"},
        "scopes as a list": {"scope": ["users.read"]},
        "a binding that nobody knows": {
            "cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}
        },
        "an empty binding": {"cnf": {}},
    }
    for name, other in others.items():
        yield f"claims: {name}", key.sign({**payload, **other})
    for name in ("iss", "aud", "sub", "sid", "jti", "exp", "iat", "auth_time"):
        rest = {claim: value for claim, value in payload.items() if claim != name}
        yield f"claims: without {name}", key.sign(rest)


def _spelt_otherwise(
    token: str, key: SigningKey, payload: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    header, body, signature = token.split(".")
    # The last character of 64 bytes holds two bits; readers that ignore the other four accept more
    # than one spelling.
    yield "spare bits set", f"{token[:-1]}{_ALPHABET[_ALPHABET.index(signature[-1]) | 1]}"
    twice = decode(body).decode()[:-1] + ',"sub":"00000000-0000-7000-8000-000000000000"}'
    yield "a member twice", key.sign_text(header, encode(twice.encode()))
    doubled = decode(header).decode()[:-1] + ',"alg":"EdDSA"}'
    yield "a header twice", key.sign_text(encode(doubled.encode()), body)
    yield "NaN", key.sign_text(header, encode(b'{"exp":NaN}'))
    yield "no object", key.sign_text(header, encode(b'"exp"'))
    yield "nested without end", key.sign_text(header, encode(b"[" * 2000))
    yield "padded", key.sign_text(header, body + "=" * (-len(body) % 4 or 4))
    yield "in the other alphabet", token.replace("-", "+").replace("_", "/") + "+"
    yield "too long", key.sign({**payload, "scope": "x" * 5000})
    yield from {
        "a blank before": f" {token}",
        "a blank after": f"{token} ",
        "a line end after": f"{token}\n",
        "a blank within": f"{header}. {body}.{signature}",
        "a zero byte": f"{token}\0",
        "not ASCII": f"{token}\u00e9",
        "half a character": f"{token}\ud800",
        "four parts": f"{token}.{signature}",
        "two parts": f"{header}.{body}",
        "one part": body,
        "dots": "..",
        "nothing": "",
        "JSON serialization": json.dumps(
            {"protected": header, "payload": body, "signature": signature}
        ),
        "cut off": token[:-1],
    }.items()

"""Keycloak's exports: of a realm with its users, or of users alone."""

from collections.abc import Iterator
from typing import Any, BinaryIO

import orjson

from server.commands.user_files import json_streams
from server.commands.user_files.rows import (
    Fields,
    Row,
    UnreadableRowError,
    flag,
    inner,
    locale,
    objects,
    read_each,
    refuse_disabled,
    text,
)
from server.users.importing import ImportedUser

_PBKDF2 = {"pbkdf2": "pbkdf2", "pbkdf2-sha256": "pbkdf2-sha256", "pbkdf2-sha512": "pbkdf2-sha512"}
_ARGON2_VERSIONS = {"1.0": "16", "1.3": "19"}


def read(file: BinaryIO) -> Iterator[Row]:
    """Reads the users."""
    return read_each(json_streams.elements(file, "users.item"), _user)


def _user(number: int, fields: Fields) -> ImportedUser:
    if text(fields, "serviceAccountClientId"):
        raise UnreadableRowError("", "This is the service account of a client.")
    refuse_disabled(not fields.get("enabled", True))
    names = (text(fields, "firstName"), text(fields, "lastName"))
    return ImportedUser(
        line=number,
        email=text(fields, "email"),
        email_verified=flag(fields, "emailVerified"),
        display_name=" ".join(name for name in names if name),
        locale=locale(_first(inner(fields, "attributes"), "locale")),
        password_hash=_password_hash(objects(fields, "credentials")),
    )


def _password_hash(credentials: list[Fields]) -> str:
    for credential in credentials:
        if credential.get("type") == "password":
            secret, data = (
                _unpacked(credential, "secretData"),
                _unpacked(credential, "credentialData"),
            )
            return _encoded(text(data, "algorithm"), data, secret)
    return ""


def _encoded(algorithm: str, data: Fields, secret: Fields) -> str:
    """A hash in passlib's notation, or in the PHC string format for Argon2."""
    ending = f"{text(secret, 'salt')}${text(secret, 'value')}"
    rounds = data.get("hashIterations")
    if algorithm in _PBKDF2:
        return f"${_PBKDF2[algorithm]}${rounds}${ending}"
    if algorithm != "argon2":
        raise UnreadableRowError("algorithm", "Passwords hashed like this cannot be imported.")
    more = inner(data, "additionalParameters")
    version = _ARGON2_VERSIONS.get(_first(more, "version"), "unknown")
    costs = f"m={_first(more, 'memory')},t={rounds},p={_first(more, 'parallelism')}"
    return f"$argon2{_first(more, 'type')}$v={version}${costs}${ending.replace('=', '')}"


def _unpacked(credential: Fields, name: str) -> Fields:
    """JSON within JSON."""
    try:
        value: Any = orjson.loads(text(credential, name))
    except orjson.JSONDecodeError as error:
        raise UnreadableRowError(name, "This is not valid JSON.") from error
    return inner({name: value}, name)


def _first(fields: Fields, name: str) -> str:
    """Of what Keycloak keeps as a list of texts, the first."""
    value = fields.get(name)
    if isinstance(value, list) and value and isinstance(value[0], str):
        return value[0]
    return ""

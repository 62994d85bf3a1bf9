"""Auth0: the export of users with the hashes of their passwords, and files for its bulk import.

The first is JSON lines, the second one array.
"""

import base64
import binascii
from collections.abc import Iterator
from typing import BinaryIO

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

# Hashes that are given whole, with all that it takes to verify them.
_WHOLE = frozenset({"argon2", "bcrypt", "pbkdf2"})
_SCRYPT_COST = 16384
_SCRYPT_BLOCK_SIZE = 8
_SCRYPT_PARALLELISM = 1


def read(file: BinaryIO) -> Iterator[Row]:
    """Reads the users of either."""
    is_array = json_streams.begins_with(file, b"[")
    users = json_streams.elements(file, "item") if is_array else json_streams.one_a_line(file)
    return read_each(users, _user)


def _user(number: int, fields: Fields) -> ImportedUser:
    refuse_disabled(flag(fields, "blocked"))
    email, verified = _address(fields)
    return ImportedUser(
        line=number,
        email=email,
        email_verified=verified,
        display_name=_name(fields, email),
        locale=locale(text(fields, "locale")),
        password_hash=_password_hash(fields),
    )


def _address(fields: Fields) -> tuple[str, bool]:
    """The address and whether it is verified. Some exports have them among the identifiers only."""
    if text(fields, "email"):
        return text(fields, "email"), flag(fields, "email_verified")
    for identifier in objects(fields, "identifiers"):
        if identifier.get("type") == "email":
            return text(identifier, "value"), flag(identifier, "verified")
    return "", False


def _name(fields: Fields, email: str) -> str:
    """The name; where there is none Auth0 puts the address in its place."""
    name = text(fields, "name")
    if name and name != email:
        return name
    names = (text(fields, "given_name"), text(fields, "family_name"))
    return " ".join(each for each in names if each)


def _password_hash(fields: Fields) -> str:
    given = text(fields, "passwordHash") or text(fields, "password_hash")
    custom = inner(fields, "custom_password_hash")
    if given or not custom:
        return given
    if text(inner(custom, "password"), "encoding") not in {"", "utf8"}:
        raise UnreadableRowError("custom_password_hash", "The password must be hashed as UTF-8.")
    algorithm = text(custom, "algorithm")
    if algorithm in _WHOLE:
        return text(inner(custom, "hash"), "value")
    if algorithm == "scrypt":
        return _scrypt(custom)
    raise UnreadableRowError(
        "custom_password_hash", "Passwords hashed like this cannot be imported."
    )


def _scrypt(custom: Fields) -> str:
    cost = custom.get("cost", _SCRYPT_COST)
    if not isinstance(cost, int) or cost < 1 or cost.bit_count() != 1:
        raise UnreadableRowError("cost", "This should be a power of two.")
    costs = ",".join(
        (
            f"ln={cost.bit_length() - 1}",
            f"r={custom.get('blockSize', _SCRYPT_BLOCK_SIZE)}",
            f"p={custom.get('parallelization', _SCRYPT_PARALLELISM)}",
        )
    )
    return f"$scrypt${costs}${_base64(custom, 'salt')}${_base64(custom, 'hash')}"


def _base64(custom: Fields, name: str) -> str:
    """A part in base64, whatever it is given in."""
    part = inner(custom, name)
    value, encoding = text(part, "value"), text(part, "encoding")
    if encoding == "base64":
        return value
    try:
        data = binascii.unhexlify(value) if encoding == "hex" else value.encode()
    except ValueError as error:
        raise UnreadableRowError(name, "This should be hexadecimal digits.") from error
    return base64.b64encode(data).decode()

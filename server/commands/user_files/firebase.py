"""What `firebase auth:export` writes, as JSON or as CSV.

Firebase hashes with parameters of the project, which its console shows and exports lack.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from server.commands.user_files import csv_file, json_streams, lines
from server.commands.user_files.rows import (
    Fields,
    Row,
    UnreadableRowError,
    failure,
    flag,
    read_each,
    refuse_disabled,
    text,
)
from server.users.importing import ImportedUser

# Places in a line of the CSV, which has no head.
_EMAIL, _EMAIL_VERIFIED, _HASH, _SALT, _NAME = range(1, 6)
_DISABLED = 26

_PARAMETER = re.compile(r"(\w+)\s*:\s*\"?([^\s,\"}]+)")


@dataclass(frozen=True, slots=True)
class HashParameters:
    """How a project hashes: the `hash_config` of its console."""

    signer_key: str = field(repr=False)
    salt_separator: str
    rounds: str
    mem_cost: str

    @classmethod
    def read(cls, config: str) -> "HashParameters":
        """Reads the block as the console shows it. Raises `ValueError`."""
        found = dict(_PARAMETER.findall(config))
        if found.get("algorithm", "SCRYPT") != "SCRYPT":
            raise ValueError("only projects that hash with SCRYPT can be imported")
        try:
            return cls(
                signer_key=found["base64_signer_key"],
                salt_separator=found["base64_salt_separator"],
                rounds=found["rounds"],
                mem_cost=found["mem_cost"],
            )
        except KeyError as error:
            raise ValueError(f"the hash parameters of Firebase lack {error}") from error

    def encoded(self, salt: str, tag: str) -> str:
        """A hash in the form that limen imports."""
        costs = f"ln={self.mem_cost},r={self.rounds}"
        parts = ("", "firebase-scrypt", costs, salt, self.salt_separator, self.signer_key, tag)
        return "$".join(parts)


@dataclass(frozen=True, slots=True)
class Firebase:
    """Reads exports. Without parameters, rows with a hash are failures."""

    parameters: HashParameters | None

    def __call__(self, file: BinaryIO) -> Iterator[Row]:
        """Reads the rows of either format."""
        if json_streams.begins_with(file, b"{"):
            return read_each(json_streams.elements(file, "users.item"), self._from_json)
        return self._from_csv(file)

    def _from_json(self, number: int, fields: Fields) -> ImportedUser:
        refuse_disabled(flag(fields, "disabled"))
        return ImportedUser(
            line=number,
            email=text(fields, "email"),
            email_verified=flag(fields, "emailVerified"),
            display_name=text(fields, "displayName"),
            password_hash=self._hash(text(fields, "salt"), text(fields, "passwordHash")),
        )

    def _from_csv(self, file: BinaryIO) -> Iterator[Row]:
        for number, line in lines.read(file):
            try:
                yield self._from_record(number, _record(line))
            except UnreadableRowError as error:
                yield failure(number, error)

    def _from_record(self, number: int, record: Sequence[str]) -> ImportedUser:
        if len(record) <= _NAME:
            raise UnreadableRowError("", "This line has too few fields.")
        refuse_disabled(len(record) > _DISABLED and csv_file.flag(record[_DISABLED], "disabled"))
        return ImportedUser(
            line=number,
            email=record[_EMAIL],
            email_verified=csv_file.flag(record[_EMAIL_VERIFIED], "emailVerified"),
            display_name=record[_NAME],
            password_hash=self._hash(record[_SALT], record[_HASH]),
        )

    def _hash(self, salt: str, tag: str) -> str:
        if not tag:
            return ""
        if self.parameters is None:
            raise UnreadableRowError(
                "passwordHash", "The hash parameters of the project are missing."
            )
        return self.parameters.encoded(salt, tag)


def _record(line: bytes | None) -> list[str]:
    """The fields of one line.

    Firebase does not escape quotation marks in names, so that they must not reach beyond a line.
    """
    if line is None:
        raise UnreadableRowError("", "This line is too long.")
    return next(csv.reader([line.decode(errors="surrogateescape")]))

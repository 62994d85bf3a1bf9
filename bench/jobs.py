"""Work that must not share a process with the bench: told in JSON, answered in JSON."""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Job = TypeVar("Job", bound="DataclassInstance")
Result = TypeVar("Result", bound="DataclassInstance")


class UnsoundError(Exception):
    """What was measured means nothing; the text says why."""


def answer(kind: Callable[..., Job], work: Callable[[Job], Result]) -> None:
    """The main function of such a process: a job on standard input, its result on the output."""
    try:
        result = work(kind(**json.load(sys.stdin)))
    except UnsoundError as error:
        sys.exit(str(error))
    json.dump(asdict(result), sys.stdout)


def encode(job: "DataclassInstance") -> bytes:
    """A job on its way to such a process."""
    return json.dumps(asdict(job)).encode()


def decode(kind: Callable[..., Result], printed: bytes) -> Result:
    """What such a process answered."""
    fields: dict[str, Any] = json.loads(printed)
    return kind(**fields)

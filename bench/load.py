"""Throughput: requests as fast as they are answered, from a generator that costs little."""

import asyncio
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field

from bench import load_in_python
from bench.counters import Witness
from bench.jobs import UnsoundError
from bench.processes import run_job

WITHOUT_H2LOAD = (
    "h2load is missing, so the load came from Python, which needs more of the processors than what"
    " it measures: rates are too low, and ratios off."
)
HOW_TO_GET_H2LOAD = (
    "h2load comes with nghttp2: apt-get install nghttp2-client, dnf install nghttp2, or brew"
    " install nghttp2."
)

_TRIAL = 1000
_GENERATORS = 2
_RATE = re.compile(r"^finished in .*?, ([\d.]+) req/s", re.MULTILINE)
_SUCCEEDED = re.compile(r"^requests: .*? (\d+) succeeded", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What to request, from how many connections, with how many requests at a time on each."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    message: bytes | None = None
    """The request of a gRPC call; None for a GET over HTTP/1.1."""
    connections: int
    streams: int = 1


def has_h2load() -> bool:
    """Whether the better generator is there."""
    return shutil.which("h2load") is not None


async def calibrate(target: Target, seconds: float) -> int:
    """How many requests take about so long. Also warms up whatever answers."""
    await throughput(target, _TRIAL)
    rate = await throughput(target, _TRIAL * 2)
    return max(_TRIAL, round(rate * seconds))


async def throughput(target: Target, requests: int) -> float:
    """Requests answered in a second. Raises `UnsoundError` if any has failed in a visible way.

    What a gRPC call ended with is not visible to h2load: see `counters`.
    """
    if has_h2load():
        return await _h2load(target, requests)
    jobs = [
        load_in_python.Job(
            url=target.url,
            headers=dict(target.headers),
            message=target.message.hex() if target.message is not None else None,
            clients=max(1, target.connections * target.streams // _GENERATORS),
            requests=requests // _GENERATORS + (number < requests % _GENERATORS),
        )
        for number in range(_GENERATORS)
    ]
    results = await asyncio.gather(
        *(run_job("bench.load_in_python", job, load_in_python.Result) for job in jobs)
    )
    return sum(result.rate for result in results)


async def witnessed(witness: Witness, target: Target, requests: int) -> float:
    """The throughput, when the core counts each of the requests as a success and no other call."""
    await witness.look()
    rate = await throughput(target, requests)
    await witness.expect(OK=requests)
    return rate


async def _h2load(target: Target, requests: int) -> float:
    with tempfile.NamedTemporaryFile(prefix="limen-bench-") as body:
        body.write(_framed(target.message or b""))
        body.flush()
        process = await asyncio.create_subprocess_exec(
            *_command(target, requests, body.name),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        printed = (await process.communicate())[0].decode()
    rate, succeeded = _RATE.search(printed), _SUCCEEDED.search(printed)
    if rate is None or succeeded is None or int(succeeded[1]) != requests:
        raise UnsoundError(f"h2load {target.url}: {printed[-400:].strip()}")
    return float(rate[1])


def _command(target: Target, requests: int, body: str) -> list[str]:
    headers = dict(target.headers)
    protocol = ["--h1"]
    if target.message is not None:
        headers |= {"content-type": "application/grpc", "te": "trailers"}
        protocol = ["--max-concurrent-streams", str(target.streams), "--data", body]
    numbers = ["--requests", str(requests), "--clients", str(target.connections)]
    flags = [f"--header={name}: {value}" for name, value in headers.items()]
    return ["h2load", *protocol, *numbers, *flags, target.url]


def _framed(message: bytes) -> bytes:
    """A message as gRPC sends it: not compressed, its length before it."""
    return b"\0" + len(message).to_bytes(4) + message

"""The supervisor, with small scripts in place of the parts of limen."""

import asyncio
import math
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import psutil
import pytest

from server.commands.exit_codes import ExitCode
from server.commands.supervisor import Supervisor, SupervisorError
from server.platform.embedded.errors import EmbeddedError
from server.platform.embedded.process import Program, spawn

_SOON = 30.0
_RUNS = """
import signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
print("+", sys.argv[1], flush=True)
signal.sigwait({signal.SIGTERM})
print("-", sys.argv[1], flush=True)
"""
_IGNORES = _RUNS + "signal.pause()"


class Script(Program):
    """A stand-in: a Python script that writes `+ name` when it runs and `- name` when it ends."""

    def __init__(self, name: str, log: Path, script: str = _RUNS) -> None:
        super().__init__(name=name)
        self._log = log
        self._script = script

    async def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = await spawn(
                (sys.executable, "-I", "-S", "-c", self._script, self.name),
                if_orphaned=signal.SIGTERM,
                stdout=log,
            )


class Server(Script):
    """A stand-in for an embedded server: `start` waits until it can be used."""

    async def start(self) -> None:
        before = self._log.read_text()
        await super().start()
        await until(lambda: f"+ {self.name}" in self._log.read_text()[len(before) :])


class Unstartable(Program):
    """A stand-in for an embedded server that cannot be used."""

    async def start(self) -> None:
        raise EmbeddedError("no room on the device")


class House:
    """A supervisor over stand-ins, with what it said and what they wrote."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "log"
        self._log.touch()
        self.said: list[str] = []
        self.is_announced = False
        self.servers: list[Program] = [Server("server", self._log)]
        self.steps: list[Program] = []
        self.companions: list[Program] = []
        self.core, self.edge = self.script("core"), self.script("edge")
        self.probe: Callable[[], bool] = lambda: {"+ core", "+ edge"} <= set(self.written())
        self.ready_within = _SOON

    def script(self, name: str, script: str = _RUNS) -> Script:
        return Script(name, self._log, script)

    def written(self) -> list[str]:
        return self._log.read_text().splitlines()

    def is_empty(self) -> bool:
        programs = [*self.servers, *self.steps, *self.companions, self.core, self.edge]
        return all(program.pid is None for program in programs)

    def has_run_core(self, times: int) -> bool:
        return self.written().count("+ core") == times

    async def run(self) -> None:
        await Supervisor(
            servers=self.servers,
            steps=self.steps,
            children=[self.core, self.edge],
            companions=self.companions,
            stages=[[self.edge], [self.core], self.servers],
            probes={"the core": lambda: until(self.probe)},
            announce=self._announce,
            say=self.said.append,
            ready_within=self.ready_within,
        ).run()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        """Runs until ready, and ends whatever is left afterwards."""
        task = asyncio.create_task(self.run())
        try:
            await until(lambda: self.is_announced or task.done())
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _announce(self) -> None:
        self.is_announced = True


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(_SOON):
        while True:
            if condition():
                return
            await asyncio.sleep(0.01)


def signalled(number: signal.Signals = signal.SIGTERM) -> None:
    os.kill(os.getpid(), number)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_starts_in_order_and_stops_in_order(house: House, number: signal.Signals) -> None:
    house.steps = [house.script("step", 'print("+ step")')]
    async with house.running() as run:
        signalled(number)
        await run
    written = house.written()
    assert written.index("+ step") < min(written.index("+ core"), written.index("+ edge"))
    assert written[-3:] == ["- edge", "- core", "- server"]
    assert house.said == ["stopping; Ctrl-C kills"]
    assert house.is_empty()


async def test_a_child_that_ends_is_started_again_and_the_others_stay(house: House) -> None:
    async with house.running() as run:
        edge = house.edge.pid
        house.core.kill()
        await until(lambda: house.written().count("+ core") == 2)
        assert house.edge.pid == edge
        assert house.said == ["core ended (killed by SIGKILL); starting it again in 0.2 s"]
        signalled()
        await run


async def test_a_server_that_ends_is_started_again(house: House) -> None:
    async with house.running() as run:
        house.servers[0].kill()
        await until(lambda: house.written().count("+ server") == 2)
        signalled()
        await run


async def test_each_restart_waits_longer(house: House) -> None:
    async with house.running() as run:
        for number in (2, 3, 4):
            house.core.kill()
            await until(partial(house.has_run_core, number))
        waits = [text.rpartition("again in ")[2] for text in house.said]
        assert waits == ["0.2 s", "0.4 s", "0.8 s"]
        signalled()
        await run


async def test_a_child_that_cannot_start_ends_everything(house: House) -> None:
    house.core = house.script("core", 'print("+ core"); raise SystemExit(7)')
    house.probe = lambda: False
    with pytest.raises(SupervisorError, match=r"core ended 3 times .* exit code 7") as caught:
        await house.run()
    assert caught.value.code is ExitCode.FAILURE
    assert house.written().count("+ core") == 3
    assert house.written()[-2:] == ["- edge", "- server"]
    assert house.is_empty()


async def test_a_child_that_refuses_its_settings_is_not_tried_again(house: House) -> None:
    house.core = house.script("core", "raise SystemExit(3)")
    house.probe = lambda: False
    with pytest.raises(SupervisorError, match="core cannot run with these settings") as caught:
        await house.run()
    assert caught.value.code is ExitCode.MISCONFIGURED


@pytest.mark.parametrize(
    ("status", "code"), [(1, ExitCode.FAILURE), (3, ExitCode.MISCONFIGURED), (9, ExitCode.FAILURE)]
)
async def test_a_step_that_fails_ends_everything(house: House, status: int, code: ExitCode) -> None:
    house.steps = [house.script("migrate", f"raise SystemExit({status})"), house.script("never")]
    with pytest.raises(SupervisorError, match="migrate") as caught:
        await house.run()
    assert caught.value.code is code
    assert house.written() == ["+ server", "- server"]


async def test_a_companion_must_have_ended_before_limen_is_ready(house: House) -> None:
    house.companions = [house.script("companion")]
    run = asyncio.create_task(house.run())
    await until(lambda: {"+ core", "+ edge", "+ companion"} <= set(house.written()))
    assert not house.is_announced
    os.kill(house.companions[0].pid or 0, signal.SIGTERM)
    await until(lambda: house.is_announced)
    signalled()
    await run


async def test_a_companion_that_fails_ends_everything(house: House) -> None:
    house.companions = [house.script("companion", "raise SystemExit(1)")]
    with pytest.raises(SupervisorError, match=r"companion failed \(exit code 1\)"):
        await house.run()
    assert house.is_empty()


async def test_a_server_that_cannot_start_ends_the_others(house: House) -> None:
    house.servers.append(Unstartable(name="broken"))
    with pytest.raises(SupervisorError, match="no room on the device"):
        await house.run()
    assert house.is_empty()
    assert "+ core" not in house.written()


async def test_what_never_serves_is_named(house: House) -> None:
    house.probe = lambda: False
    house.ready_within = 0.1
    with pytest.raises(SupervisorError, match=r"the core could not serve after 0\.1 s"):
        await house.run()


async def test_a_signal_during_a_step_stops_it(house: House) -> None:
    house.steps = [house.script("step")]
    run = asyncio.create_task(house.run())
    await until(lambda: "+ step" in house.written())
    signalled()
    await run
    assert house.written() == ["+ server", "+ step", "- step", "- server"]


async def test_a_later_interrupt_kills(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.commands.supervisor._SAME_GESTURE", 0)
    house.edge = house.script("edge", _IGNORES)
    async with house.running() as run:
        signalled()
        await until(lambda: "- edge" in house.written())
        signalled(signal.SIGINT)
        with pytest.raises(SupervisorError, match="killed on request"):
            await run
    assert house.is_empty()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
async def test_a_signal_that_comes_twice_is_one(
    house: House, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.commands.supervisor._SAME_GESTURE", math.inf)
    async with house.running() as run:
        signalled(number)
        await until(lambda: house.said)
        signalled(number)
        await run
    assert house.written()[-3:] == ["- edge", "- core", "- server"]


async def test_a_child_that_ignores_the_signal_is_killed_in_time(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.commands.supervisor._STAGE_PATIENCE", 0.2)
    house.edge = house.script("edge", _IGNORES)
    async with house.running() as run:
        signalled()
        await run
    assert await house.edge.wait() == -signal.SIGKILL
    assert house.written()[-3:] == ["- edge", "- core", "- server"]


async def test_a_grandchild_does_not_outlive_its_parent(house: House) -> None:
    house.edge = house.script(
        "edge",
        "import os, signal\n"
        "print('+ edge', flush=True)\n"
        "child = os.fork()\n"
        "child and print('child', child, flush=True)\n"
        "signal.pause()",
    )
    async with house.running() as run:
        await until(lambda: any(line.startswith("child") for line in house.written()))
        line = next(line for line in house.written() if line.startswith("child"))
        grandchild = psutil.Process(int(line.split()[1]))
        assert house.edge.pid is not None
        os.kill(house.edge.pid, signal.SIGKILL)
        await until(lambda: not _lives(grandchild))
        signalled()
        await run


def _lives(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE

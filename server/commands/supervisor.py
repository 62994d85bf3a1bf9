"""Runs several programs as one: starts them in order, keeps them running, stops them in order."""

import asyncio
import contextlib
import math
import signal
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from typing import Any

from server.commands.exit_codes import ExitCode
from server.platform.embedded.errors import EmbeddedError
from server.platform.embedded.process import Program

_FIRST_DELAY = 0.2
_LONGEST_DELAY = 5.0
_LASTED = 30.0
"""Seconds after which a program that ends is taken to have worked: its delay begins anew."""
_TRIES = 3
_STAGE_PATIENCE = 4.0
_STOP_WITHIN = 9.5
_SAME_GESTURE = 0.3
"""Seconds within which an interrupt is a copy: make, timeout and shells pass on what we get too."""


class SupervisorError(Exception):
    """The run is over; the text says why, `code` is what to exit with."""

    def __init__(self, text: str, code: ExitCode = ExitCode.FAILURE) -> None:
        super().__init__(text)
        self.code = code


class Supervisor:
    """One run of a group of programs.

    `servers` start first, together, and `start` returns when each can be used. `steps` then run to
    their end, one after the other. `children` start together after them, and `companions` with
    them: programs that are expected to end. The run is ready when those have ended well and all
    `probes` have returned. `stages` is the order of stopping; it names every server and child.
    """

    def __init__(
        self,
        *,
        servers: Sequence[Program],
        steps: Sequence[Program],
        children: Sequence[Program],
        companions: Sequence[Program],
        stages: Sequence[Sequence[Program]],
        probes: Mapping[str, Callable[[], Coroutine[Any, Any, None]]],
        announce: Callable[[], None],
        say: Callable[[str], None],
        ready_within: float = 120.0,
    ) -> None:
        self._servers = servers
        self._steps = steps
        self._children = children
        self._companions = companions
        self._stages = [[*steps, *companions], *stages]
        self._probes = probes
        self._announce = announce
        self._say = say
        self._ready_within = ready_within
        self._is_ready = False
        self._stop_requested = asyncio.Event()
        self._stop_time = math.inf
        self._is_forced = False

    async def run(self) -> None:
        """Runs until SIGINT, SIGTERM or SIGHUP, and returns when every program has ended.

        A later SIGINT kills what is left. Raises `SupervisorError` if the programs cannot be
        brought up, or had to be killed by that.
        """
        with self._signals():
            serving = asyncio.create_task(self._serve())
            stop = asyncio.create_task(self._stop_requested.wait())
            try:
                await asyncio.wait({serving, stop}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                stop.cancel()
                serving.cancel()
                outcome, *_ = await asyncio.gather(serving, return_exceptions=True)
                await self._stop()
        if self._is_forced:
            raise SupervisorError("killed on request")
        if isinstance(outcome, Exception):
            raise outcome

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        for each in wanted:
            loop.add_signal_handler(each, self._on_signal, each)
        try:
            yield
        finally:
            for each in wanted:
                loop.remove_signal_handler(each)

    def _on_signal(self, number: signal.Signals) -> None:
        now = asyncio.get_running_loop().time()
        if not self._stop_requested.is_set():
            self._stop_requested.set()
            self._stop_time = now
            self._say("stopping; Ctrl-C kills")
        elif number == signal.SIGINT and now - self._stop_time > _SAME_GESTURE:
            self._is_forced = True
            for program in (program for stage in self._stages for program in stage):
                program.kill()

    async def _serve(self) -> None:
        await self._start_servers()
        try:
            async with asyncio.TaskGroup() as group:
                for server in self._servers:
                    group.create_task(self._keep(server, is_running=True))
                for step in self._steps:
                    await self._take(step)
                for child in self._children:
                    group.create_task(self._keep(child, is_running=False))
                taken = [group.create_task(self._take(each)) for each in self._companions]
                await self._until_ready()
                await asyncio.gather(*taken)
                self._is_ready = True
                self._announce()
        except ExceptionGroup as group_of_one:
            raise group_of_one.exceptions[0] from None

    async def _start_servers(self) -> None:
        starts = (server.start() for server in self._servers)
        outcomes = await asyncio.gather(*starts, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, EmbeddedError):
                raise SupervisorError(str(outcome)) from outcome
            if outcome is not None:
                raise outcome

    async def _take(self, step: Program) -> None:
        await step.start()
        code = await step.wait()
        if code == ExitCode.MISCONFIGURED:
            raise SupervisorError(f"{step.name} cannot run with these settings", ExitCode(code))
        if code != 0:
            raise SupervisorError(f"{step.name} failed ({_said(code)})")

    async def _keep(self, program: Program, *, is_running: bool) -> None:
        """Runs a program again and again. Gives up only while the run is not ready."""
        clock = asyncio.get_running_loop().time
        deaths, delay = 0, _FIRST_DELAY
        while True:
            began = clock()
            try:
                if not is_running:
                    await program.start()
                code = await program.wait()
                end = _said(code)
            except EmbeddedError as error:
                code, end = ExitCode.FAILURE, str(error)
            is_running = False
            program.sweep()
            deaths += 1
            if not self._is_ready:
                self._give_up(program, code, end, deaths)
            if clock() - began > _LASTED:
                delay = _FIRST_DELAY
            self._say(f"{program.name} ended ({end}); starting it again in {delay:g} s")
            await asyncio.sleep(delay)
            delay = min(delay * 2, _LONGEST_DELAY)

    def _give_up(self, program: Program, code: int, end: str, deaths: int) -> None:
        """Raises `SupervisorError` when another attempt makes no sense."""
        if code == ExitCode.MISCONFIGURED:
            raise SupervisorError(f"{program.name} cannot run with these settings", ExitCode(code))
        if deaths >= _TRIES:
            raise SupervisorError(
                f"{program.name} ended {deaths} times before limen was ready, lastly: {end}"
            )

    async def _until_ready(self) -> None:
        probes = {asyncio.create_task(ask()): name for name, ask in self._probes.items()}
        try:
            answered, waiting = await asyncio.wait(probes, timeout=self._ready_within)
        finally:
            for probe in probes:
                probe.cancel()
        if waiting:
            names = " and ".join(probes[probe] for probe in waiting)
            raise SupervisorError(f"{names} could not serve after {self._ready_within:g} s")
        for probe in answered:
            probe.result()

    async def _stop(self) -> None:
        """Stops stage after stage, all within `_STOP_WITHIN` seconds."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + _STOP_WITHIN
        for number, stage in enumerate(self._stages, 1):
            left = deadline - clock()
            bound = left if number == len(self._stages) else min(left, _STAGE_PATIENCE)
            await asyncio.gather(*(program.stop(bound) for program in stage))


def _said(code: int) -> str:
    """An exit code in words."""
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

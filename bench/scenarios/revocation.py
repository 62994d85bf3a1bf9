"""From the end of a session to its refusal by services that verify tokens themselves."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from statistics import median

from bench import verifiers
from bench.figures import Figure, at_most
from bench.installation import Installation, sign_in
from bench.processes import Child, free_ports, run_job
from bench.rounds import Effort
from server.commands.readiness import core_serves

_VERIFIERS = 20
_FURTHER_CORES = 2
_P99 = 0.99


async def measure(limen: Installation, effort: Effort) -> list[Figure]:
    """The p99 over all revocations and verifiers, with nothing else going on."""
    service, _ = await sign_in(limen.core, limen.administrator)
    account = limen.accounts[0]
    async with AsyncExitStack() as stack:
        further = [
            await stack.enter_async_context(_core(limen, *free_ports(2)))
            for _ in range(_FURTHER_CORES)
        ]
        job = verifiers.Job(
            cores=[limen.core, *further],
            verifiers=_VERIFIERS,
            sessions=effort.revocations,
            service=service,
            email=account.email,
            password=account.password,
            issuer=limen.env["LIMEN_PUBLIC_URL"],
            audience="limen",
        )
        result = await run_job("bench.verifiers", job, verifiers.Result)
    p99 = result.percentile(_P99)
    return [
        Figure(
            what=f"p99 from RevokeSession's answer to refusal by {_VERIFIERS} verifiers,"
            f" {1 + _FURTHER_CORES} core processes",
            limen=f"{p99:.0f} ms",
            beside=f"median: {median(result.delays):.0f} ms, longest: {max(result.delays):.0f} ms",
            value=p99,
            shown=f"{p99:.0f} ms",
            target=at_most(100, " ms"),
        )
    ]


@asynccontextmanager
async def _core(limen: Installation, port: int, metrics: int) -> AsyncIterator[str]:
    """Another core of the same installation, at an address of its own."""
    address = f"127.0.0.1:{port}"
    env = {
        **limen.env,
        "LIMEN_GRPC_ADDRESS": address,
        "LIMEN_METRICS_ADDRESS": f"127.0.0.1:{metrics}",
    }
    core = Child("server", folder=limen.folder, env=env)
    async with core.running(core_serves(address)):
        yield address

"""Runs the greeter until it is told to stop: `python -m examples.greeter --help`."""

import argparse
import asyncio
import logging
import signal

from examples.greeter.service import greeter_server
from limen.client import connect

_log = logging.getLogger("greeter")


async def _serve(limen_target: str, address: str) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    # Two seconds: callers of the greeter wait while the greeter waits for limen.
    async with connect(limen_target, deadline=2, user_agent="greeter/1") as limen:
        server = greeter_server(limen)
        port = server.add_insecure_port(address)
        await server.start()
        _log.info("greeter listens on %s:%d", address.rpartition(":")[0], port)
        await stop.wait()
        await server.stop(grace=5)


def main() -> None:
    """Reads the command line and serves."""
    parser = argparse.ArgumentParser(prog="examples.greeter", description="Greets users of limen.")
    parser.add_argument("--limen", default="127.0.0.1:50051", help="where limen is (%(default)s)")
    parser.add_argument("--address", default="127.0.0.1:50061", help="to listen on (%(default)s)")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    asyncio.run(_serve(arguments.limen, arguments.address))


if __name__ == "__main__":
    main()

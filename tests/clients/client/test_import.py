import subprocess
import sys
import tomllib
from pathlib import Path

import limen

PROGRAM = """
import sys
import grpc.aio  # brings in the other gRPC packages that happen to be installed
before = set(sys.modules)
import limen.client
print(*{name.partition(".")[0] for name in set(sys.modules) - before})
"""

CLIENT = Path(next(iter(limen.__path__))).parent


def test_importing_the_client_brings_in_its_dependencies_and_nothing_else():
    run = subprocess.run(  # noqa: S603 - a fixed program
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    brought = set(run.stdout.split()) - sys.stdlib_module_names
    assert brought <= {"limen", "buf", "grpc", "grpc_status", "google"}


def test_the_package_depends_on_no_more_than_that():
    project = tomllib.loads((CLIENT / "pyproject.toml").read_text())["project"]
    names = {dependency.partition(">=")[0] for dependency in project["dependencies"]}
    assert names == {"grpcio", "grpcio-status", "googleapis-common-protos", "protobuf"}

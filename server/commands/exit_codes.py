"""What the exit code of a command says."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of every `limen` command, and of the processes that `limen up` starts."""

    OK = 0
    """Done, or stopped on request."""
    FAILURE = 1
    """It did not work; the last lines say why."""
    USAGE = 2
    """The command line is wrong."""
    MISCONFIGURED = 3
    """A setting is wrong or missing; the last line names it."""

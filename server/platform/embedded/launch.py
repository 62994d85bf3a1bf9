"""Becomes another program, on its parent's terms. A script: it is run, never imported.

    launch.py <parent pid> <signal> <uid>:<gid>|- <program> [argument ...]

It exists because these terms must be set inside the new process: that it is sent `signal` when
its parent is gone, even by SIGKILL (`PR_SET_PDEATHSIG`, prctl(2)), and that it runs as another
account. Doing it here keeps Python code from running between fork and exec in a process with
threads. It needs nothing but the standard library, so that `python -I -S` starts it fast.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAP_DAC_OVERRIDE = 1
_CAPABILITY_VERSION_3 = 0x20080522


def main(arguments: list[str]) -> None:
    """Sets the terms and becomes the program. Returns only by raising `OSError`."""
    parent, number, account, *program = arguments
    if account != "-":
        uid, gid = account.split(":")
        _change_account(int(uid), int(gid))
    _die_with(int(parent), signal.Signals(int(number)))
    os.execv(program[0], program)  # noqa: S606 - becoming the program is the point


def _die_with(parent: int, number: signal.Signals) -> None:
    """Asks for `number` when the parent goes. It may have gone before it could be asked."""
    if sys.platform == "linux":
        _prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        sys.exit(f"the process {parent} that wanted this program is gone")


def _change_account(uid: int, gid: int) -> None:
    """Leaves root for an account with one right more than others: to pass closed directories.

    PostgreSQL refuses to run as root, yet its data and its programs may lie in a directory that
    root alone may enter, such as /root. Opening that directory to everybody would be worse.
    """
    if sys.platform == "linux":
        _prctl(_PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if sys.platform == "linux":
        _keep_capability(_CAP_DAC_OVERRIDE)


def _keep_capability(capability: int) -> None:
    """Reduces this process to one capability that lives through exec (capabilities(7))."""
    mask = 1 << capability
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    # Effective, permitted, inheritable: the low 32 bits of each, then the high ones.
    sets = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)
    if ctypes.CDLL(None, use_errno=True).capset(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capset")
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability)


def _prctl(option: int, *values: int) -> None:
    padded = [ctypes.c_ulong(value) for value in (*values, 0, 0, 0, 0)[:4]]
    if ctypes.CDLL(None, use_errno=True).prctl(option, *padded) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}")


if __name__ == "__main__":
    main(sys.argv[1:])

"""Servers that outlived the limen that started them."""

import contextlib
import signal
from pathlib import Path

import psutil


def stop_orphans(directory: Path, *, program: str, politely: signal.Signals) -> None:
    """Ends every process called `program` that works in `directory`.

    Such a process is nobody's: whoever calls this holds the lock of the data directory. Blocks for
    up to ten seconds, then kills. Only the leaders are sent `politely`; they end their children.
    """
    orphans = [
        process
        for process in psutil.process_iter(["name", "cwd"])
        if process.info["name"] == program and process.info["cwd"] == str(directory.resolve())
    ]
    pids = {orphan.pid for orphan in orphans}
    for orphan in orphans:
        with contextlib.suppress(psutil.NoSuchProcess):
            if orphan.ppid() not in pids:
                orphan.send_signal(politely)
    _, stubborn = psutil.wait_procs(orphans, timeout=10)
    for orphan in stubborn:
        with contextlib.suppress(psutil.NoSuchProcess):
            orphan.kill()
    psutil.wait_procs(stubborn, timeout=5)

"""Faults on this machine for the demonstration: real, bounded, and over when their time is, whatever happens to us.

``python -m metrics_ai.fault cpu --seconds 15`` burns every core at low priority (so that the rest still runs),
``memory`` holds memory, ``disk`` writes and syncs one file.
"""

from __future__ import annotations

import argparse
import contextlib
import mmap
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Final, Self

import psutil

from integrations.kafka.process import dying_with_parent

MIB: Final = 1024 * 1024
# What a fill may take at most: of what is available, and in all. The shipped settings call a tenth of a machine's
# memory the least change, and believe twice that within the fault.
MEMORY_SHARE: Final = 0.4
MEMORY_LIMIT_BYTES: Final = 8192 * MIB
DISK_BYTES: Final = 512 * MIB
NICENESS: Final = 10
# A container's limit and use, in both versions of control groups.
_CGROUP_FILES: Final = (
    ("memory.max", "memory.current"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
)

SIGNALS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "cpu": ("node_cpu_ratio", "node_pressure_cpu_waiting_seconds_total"),
        "memory": ("node_memory_used_ratio", "node_memory_available_bytes"),
        "disk": (
            "node_disk_written_bytes_total",
            "node_disk_writes_total",
            "node_cpu_iowait_ratio",
            "node_pressure_io_waiting_seconds_total",
            "node_pressure_io_stalled_seconds_total",
        ),
    }
)
"""What each fault shows in."""


def memory_bytes(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """How much a fill takes on this machine now; inside a container, of what its limit leaves."""
    available = psutil.virtual_memory().available
    for limit, used in _CGROUP_FILES:
        with contextlib.suppress(OSError, ValueError):
            left = int((cgroup / limit).read_text(encoding="ascii")) - int((cgroup / used).read_text(encoding="ascii"))
            available = min(available, max(0, left))
    return min(MEMORY_LIMIT_BYTES, int(available * MEMORY_SHARE))


class Fault:
    """Child processes that provoke faults, ended for certain when left.

    Parameters
    ----------
    kinds
        ``cpu``, ``memory``, ``disk``.
    seconds
        How long; each child also knows, and ends by itself.
    """

    def __init__(self, kinds: Sequence[str], seconds: float) -> None:
        command = [sys.executable, "-m", "metrics_ai.fault", "--seconds", str(seconds)]
        self._children = [
            subprocess.Popen(  # noqa: S603  # our own command line, no shell
                [*command, kind],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=dying_with_parent(),  # noqa: PLW1509  # one foreign call, loaded before
            )
            for kind in kinds
        ]

    @property
    def is_over(self) -> bool:
        """Whether every child has ended."""
        return all(child.poll() is not None for child in self._children)

    def end(self) -> None:
        """End what still runs."""
        for child in self._children:
            if child.poll() is None:
                # A burner's children die with it.
                child.kill()
            child.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()


def burn_cpu(seconds: float) -> None:
    """Keep every core busy."""
    others = (os.cpu_count() or 1) - 1
    context = multiprocessing.get_context("spawn")
    # Daemons are ended with us in order; where we are killed, each ends by its own clock and by its parent's id.
    children = [context.Process(target=_burn, args=(seconds, os.getpid()), daemon=True) for _ in range(others)]
    for child in children:
        child.start()
    _burn(seconds, os.getppid())


def _burn(seconds: float, parent: int) -> None:
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s and os.getppid() == parent:
        sum(number * number for number in range(20_000))


def fill_memory(seconds: float) -> None:
    """Hold memory that is really used: every page is written to."""
    end_s = time.monotonic() + seconds
    with mmap.mmap(-1, max(MIB, memory_bytes())) as held:
        if hasattr(mmap, "MADV_HUGEPAGE"):
            held.madvise(mmap.MADV_HUGEPAGE)
        block = b"\x01" * MIB
        while len(held) - held.tell() >= MIB and time.monotonic() < end_s:
            held.write(block)
        time.sleep(max(0.0, end_s - time.monotonic()))


def write_disk(seconds: float) -> None:
    """Write one file over and over, each time down to the disk."""
    end_s = time.monotonic() + seconds
    block = os.urandom(8 * MIB)
    with tempfile.TemporaryFile(dir=Path.cwd()) as file:
        while time.monotonic() < end_s:
            if file.tell() >= DISK_BYTES:
                file.seek(0)
            file.write(block)
            file.flush()
            os.fsync(file.fileno())


def main() -> None:
    """Provoke one fault."""
    kinds = {"cpu": burn_cpu, "memory": fill_memory, "disk": write_disk}
    parser = argparse.ArgumentParser(prog="python -m metrics_ai.fault", description="Provoke a bounded fault.")
    parser.add_argument("kind", choices=sorted(kinds))
    parser.add_argument("--seconds", type=float, default=15.0)
    given = parser.parse_args()
    if given.kind != "memory":
        os.nice(NICENESS)  # who fills memory soon sleeps
    with contextlib.suppress(OSError):
        # Should memory run out all the same, this goes first.
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    kinds[given.kind](min(given.seconds, 120.0))


if __name__ == "__main__":
    main()

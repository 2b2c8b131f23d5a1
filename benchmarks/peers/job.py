"""What the peers' programs share: the windows, the arithmetic, and how a program reports to the run."""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

WINDOWS_S = {"5m": 300, "15m": 900, "1h": 3600, "24h": 86_400, "7d": 604_800}
RING_BUCKETS = 12
Z_LIMIT = 4.0
Z_WARMUP = 8
_REPORT_EVERY = 64
_REPORT_INTERVAL_S = 0.25

Moments = list[float]
"""Count, mean, sum of squared deviations (Welford)."""


def add(moments: Moments, value: float) -> Moments:
    """One more value."""
    count, mean, squares = moments
    count += 1
    delta = value - mean
    mean += delta / count
    return [count, mean, squares + delta * (value - mean)]


def z_of(moments: Moments, value: float) -> float:
    """How many standard deviations a value is from the mean; 0 while there are few values."""
    count, mean, squares = moments
    if count < Z_WARMUP or squares <= 0:
        return 0.0
    return (value - mean) / math.sqrt(squares / count)


@dataclass(frozen=True, slots=True)
class Task:
    """What the run tells a program."""

    bootstrap: str
    topic: str
    output: str
    state_dir: Path
    report: Path
    watched: frozenset[str]


def read_task() -> Task:
    """The program's task, from its command line."""
    parser = argparse.ArgumentParser()
    for name in ("bootstrap", "topic", "output", "state-dir", "report", "watched"):
        parser.add_argument(f"--{name}", required=True)
    given = parser.parse_args()
    return Task(
        given.bootstrap,
        given.topic,
        given.output,
        Path(given.state_dir),
        Path(given.report),
        frozenset(json.loads(Path(given.watched).read_text())),
    )


@dataclass
class Report:
    """How far the program is, and what it holds of the watched series: one line of JSON at a time.

    The process ends at SIGHUP after its last word; how the engine would have shut down is not measured.
    """

    path: Path
    count: int = 0
    watched: dict[str, Any] = field(default_factory=dict)
    newest_ms: dict[str, int] = field(default_factory=dict)
    _next_s: float = 0.0

    def __post_init__(self) -> None:
        self._file = self.path.open("w", buffering=1)

    def sample(self) -> None:
        """One more sample is through."""
        self.count += 1
        if self.count < _REPORT_EVERY or self.count % _REPORT_EVERY == 0:
            now = time.monotonic()
            if now >= self._next_s:
                self._next_s = now + _REPORT_INTERVAL_S
                self._write(at_s=now, count=self.count)

    def end_at_sighup(self) -> None:
        """Write the last word when asked to end (both engines take SIGTERM and SIGINT for themselves)."""
        signal.signal(signal.SIGHUP, lambda *_: self._end())

    def _end(self) -> None:
        self._write(at_s=time.monotonic(), count=self.count, watched=self.watched, newest_ms=self.newest_ms)
        os._exit(0)

    def _write(self, **line: object) -> None:
        self._file.write(json.dumps(line) + "\n")

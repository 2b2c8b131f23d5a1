"""The five-window job by plain Faust, by Quix Streams, by Quix with hand-written rings, and by us, in one run.

Each program reads the same topic of raw JSON with the same two processes' worth of cores, keeps its state durable by
its engine's own means, and is stopped after a fixed time; what it holds of some watched series, and the peers'
verdicts of all series, are compared with a reading of the same messages in numpy. Ours says more than their verdict
(episodes of five windows); of it the windows are compared.
"""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from confluent_kafka import Producer

from benchmarks import broker, ours, verdicts
from benchmarks.messages import Fleet, native, produce
from benchmarks.peers.job import RING_BUCKETS, WINDOWS_S
from integrations.kafka.apache import ApacheKafka
from integrations.kafka.embedded import EmbeddedBroker

# Of a mean and a standard deviation between 1 and 100.
TOLERANCE = 1e-9
PROCESSES = 2
PARTITIONS = 4
JOIN_LIMIT_S = 120.0
SETTLED_KNOCKS = 4


@dataclass(frozen=True, slots=True)
class Peer:
    """One program.

    Parameters
    ----------
    name
        Its module below ``benchmarks.peers``.
    rings
        Whether its windows slide by buckets; else they tumble.
    """

    name: str
    rings: bool


class NotJoinedError(RuntimeError):
    """A peer's processes did not share the topic's partitions in time."""


PEERS = (Peer("faust_windows", False), Peer("quix_windows", False), Peer("quix_rings", True))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a program did: samples a second, windows compared and their largest deviation, verdicts that agree."""

    samples_per_s: float
    samples: int
    compared: int
    deviation: float
    verdicts: int | None = None


def run_peer(peer: Peer, bootstrap: str, fleet: Fleet, ticks: int, folder: Path, seconds: float) -> Outcome:
    """Start a peer's processes, give them the messages, stop them after some seconds, compare.

    The messages come once every process has its partitions: what a rebalance costs, or loses, is not the question.
    """
    watched = [fleet.key(one) for one in watched_series(fleet)]
    folder.mkdir(parents=True)
    (folder / "watched.json").write_text(json.dumps(watched))
    topic = f"{peer.name}.samples"
    broker.create(bootstrap, {topic: PARTITIONS, f"{peer.name}.verdicts": PARTITIONS})
    reports = [folder / f"report-{one}.jsonl" for one in range(PROCESSES)]
    processes = [_start(peer, bootstrap, topic, folder, report) for report in reports]
    try:
        _await_all(processes, reports, Knocker(bootstrap, topic, fleet.start_ms))
        produce(bootstrap, topic, native(fleet, range(ticks)))
        begin = time.monotonic()
        time.sleep(seconds)
    finally:
        for process in processes:
            process.send_signal(signal.SIGHUP)
        for process in processes:
            _end(process)
    lines = [_lines(report) for report in reports]
    rate, samples = _rate(lines, begin)
    compared, deviation = _compare(peer, lines, fleet)
    alike = _compare_verdicts(peer, lines, fleet, bootstrap, ticks)
    return Outcome(rate, samples, compared, deviation, alike)


def run_peer_twice(peer: Peer, bootstrap: str, fleet: Fleet, folder: Path) -> Outcome:
    """As ``run_peer``, with one more try for a peer whose processes did not all get their partitions."""
    for attempt in ("first", "second"):
        try:
            return run_peer(peer, bootstrap, fleet, TICKS[peer.name], folder / attempt / peer.name, SECONDS)
        except NotJoinedError as error:
            print(f"  {error}", flush=True)
    raise RuntimeError(f"{peer.name} did not start, twice")


def watched_series(fleet: Fleet) -> list[int]:
    """The series of which each program says what it holds."""
    return list(range(0, fleet.series, max(1, fleet.series // 50)))


class Knocker:
    """A message to each partition now and then, of a series that nobody asks about, until everybody is there."""

    def __init__(self, bootstrap: str, topic: str, at_ms: int) -> None:
        self._producer = Producer({"bootstrap.servers": bootstrap})
        self._topic, self._at_ms = topic, at_ms

    def knock(self) -> None:
        """One message a partition, and as many as make a program report."""
        value = b'{"metric":"knock","labels":{},"value":1.0,"timestamp":%d}' % self._at_ms
        for partition in range(PARTITIONS):
            self._producer.produce(self._topic, value, f"knock/{partition}", partition, timestamp=self._at_ms)
        self._producer.flush(10)


def _start(peer: Peer, bootstrap: str, topic: str, folder: Path, report: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", f"benchmarks.peers.{peer.name}"]
    options = {
        "bootstrap": bootstrap,
        "topic": topic,
        "output": f"{peer.name}.verdicts",
        "state-dir": folder / f"state-{report.stem}",
        "report": report,
        "watched": folder / "watched.json",
    }
    with (folder / f"{report.stem}.log").open("wb") as log:
        arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
        return subprocess.Popen([*command, *arguments], stdout=log, stderr=log, env={**os.environ, **_SINGLE})


# Their arithmetic is scalar; threads of numpy's would only steal cores.
_SINGLE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def _await_all(processes: list[subprocess.Popen[bytes]], reports: list[Path], knocker: Knocker) -> None:
    """Knock until every process has answered, and once more a settled group later."""
    deadline = time.monotonic() + JOIN_LIMIT_S
    settled = 0
    while time.monotonic() < deadline and settled < SETTLED_KNOCKS:
        if any(process.poll() is not None for process in processes):
            break
        sizes = [report.stat().st_size if report.exists() else 0 for report in reports]
        knocker.knock()
        time.sleep(1.0)
        grown = [report.exists() and report.stat().st_size > size for report, size in zip(reports, sizes, strict=True)]
        settled = settled + 1 if all(grown) else 0
    if settled < SETTLED_KNOCKS:
        raise NotJoinedError(f"a process of {reports[0].parent.name} did not get its partitions in {JOIN_LIMIT_S:g} s")


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _lines(report: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in report.read_text().splitlines()]


def _rate(lines: list[list[dict[str, Any]]], begin: float) -> tuple[float, int]:
    """Samples a second from ``begin`` until the first process had no more to do, or was stopped."""
    end = min(_last_progress_s(one) for one in lines)
    total = 0.0
    for one in lines:
        at, count = ([line[name] for line in one] for name in ("at_s", "count"))
        total += float(np.interp(end, at, count) - np.interp(begin, at, count))
    return total / (end - begin), sum(one[-1]["count"] for one in lines)


def _last_progress_s(lines: list[dict[str, Any]]) -> float:
    """When a process had come as far as it came; it may have idled since."""
    return float(next(line["at_s"] for line in lines if line["count"] == lines[-1]["count"]))


def _compare(peer: Peer, lines: list[list[dict[str, Any]]], fleet: Fleet) -> tuple[int, float]:
    """Windows compared, and the largest deviation of a count or a mean from numpy's reading."""
    compared, worst = 0, 0.0
    position = {fleet.key(one): one for one in range(fleet.series)}
    final = [one[-1] for one in lines if "watched" in one[-1]]
    ticks = max((_ticks(fleet, at_ms) for one in final for at_ms in one["newest_ms"].values()), default=0)
    history = np.array([fleet.values(tick) for tick in range(ticks)])
    for one in final:
        for key, windows in one["watched"].items():
            values = history[: _ticks(fleet, one["newest_ms"][key]), position[key]]
            for name, moments in windows.items():
                expected = expected_window(values, fleet.start_ms, WINDOWS_S[name], peer.rings)
                worst = max(worst, deviation_of(moments, expected))
                compared += 1
    if worst > TOLERANCE or not compared:
        raise RuntimeError(f"{peer.name}: {compared} windows compared, deviation {worst}")
    return compared, worst


def _compare_verdicts(peer: Peer, lines: list[list[dict[str, Any]]], fleet: Fleet, bootstrap: str, ticks: int) -> int:
    """How many verdicts on the topic are numpy's."""
    newest_ms = [at_ms for one in lines if "watched" in one[-1] for at_ms in one[-1]["newest_ms"].values()]
    expected = verdicts.expected_verdicts(
        np.array([fleet.values(tick) for tick in range(ticks)]), fleet.start_ms, peer.rings
    )
    found = verdicts.read_verdicts(bootstrap, f"{peer.name}.verdicts", PARTITIONS)
    # A series that a program has not come to says that nothing need be there yet.
    read = _ticks(fleet, min(newest_ms)) if len(newest_ms) == len(watched_series(fleet)) else 0
    return verdicts.compare(found, expected, {fleet.key(one): one for one in range(fleet.series)}, read)


def _ticks(fleet: Fleet, newest_ms: int) -> int:
    """How many ticks there are up to one's time."""
    return (newest_ms - fleet.start_ms) // fleet.interval_ms + 1


def deviation_of(moments: list[float], expected: np.ndarray) -> float:
    """How far count, mean or standard deviation are from numpy's."""
    count, mean, squares = moments
    std = math.sqrt(max(squares, 0.0) / count) if count else 0.0
    return max(abs(count - len(expected)), abs(mean - float(expected.mean())), abs(std - float(expected.std())))


def expected_window(values: np.ndarray, start_ms: int, size_s: int, rings: bool) -> np.ndarray:
    """The values of the newest window: a tumbling one, or the ring's buckets up to the newest."""
    at = start_ms + np.arange(len(values)) * 15_000
    width_ms = size_s * 1000 // RING_BUCKETS if rings else size_s * 1000
    newest = at[-1] // width_ms
    oldest = newest - RING_BUCKETS + 1 if rings else newest
    return values[at // width_ms >= oldest]


HOSTS, CPUS = 100, 5
SECONDS = 25.0
# As many messages as each can take in that time, and some more; ours is done with its own sooner.
TICKS = {"faust_windows": 100, "quix_windows": 200, "quix_rings": 400, "ours": 1000}
KEYS = {"faust_windows": "faust", "quix_windows": "quix", "quix_rings": "quix_rings"}


def measure() -> dict[str, float]:
    """Everybody's rate, and how many times theirs ours is."""
    start_ms = int(time.time()) // 15 * 15_000 - (max(TICKS.values()) + 8) * 15_000
    fleet = Fleet(HOSTS, CPUS, start_ms)
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="metrics-ai-bench-") as folder, broker.running(Path(folder)) as running:
        for peer in PEERS:
            outcome = run_peer_twice(peer, running.bootstrap, fleet, Path(folder))
            _note(found, KEYS[peer.name], outcome)
        _note(found, "ours", run_ours(running, fleet, Path(folder) / "ours"))
    for name in KEYS.values():
        found[f"ratio_vs_{name}"] = found["job_ours_samples_per_s"] / found[f"job_{name}_samples_per_s"]
    return found


def _note(found: dict[str, float], name: str, outcome: Outcome) -> None:
    found[f"job_{name}_samples_per_s"] = outcome.samples_per_s
    found[f"job_{name}_windows_compared"] = outcome.compared
    alike = ""
    if outcome.verdicts is not None:
        found[f"job_{name}_verdicts_compared"] = outcome.verdicts
        alike = f"; {outcome.verdicts} verdicts alike"
    print(
        f"  {name}: {outcome.samples_per_s:,.0f} samples/s; {outcome.compared} windows compared with numpy, "
        f"largest deviation {outcome.deviation:.1e}{alike}",
        flush=True,
    )


def run_ours(running: ApacheKafka | EmbeddedBroker, fleet: Fleet, folder: Path) -> Outcome:
    """Our workers, and their windows against numpy's."""
    ticks = TICKS["ours"]
    rate, workers = ours.run(running, fleet, ticks, folder)
    watched = watched_series(fleet)
    history = np.array([fleet.values(tick) for tick in range(ticks)])
    windows = ours.windows_of(workers.kafka, fleet, watched)
    worst = max(
        (
            deviation_of(moments, ours.expected(history[:, series], fleet.start_ms, position))
            for series, found in windows.items()
            for position, moments in enumerate(found)
        ),
        default=math.inf,
    )
    if worst > TOLERANCE or len(windows) < len(watched):
        raise RuntimeError(f"ours: {len(windows)} of {len(watched)} series compared, deviation {worst}")
    return Outcome(rate, fleet.series * ticks, len(windows) * len(WINDOWS_S), worst)

"""Recorded metrics through the same operators as live ones, without a broker, in event time.

The result depends on the samples alone, not on how they were cut into batches or files: detect depends on each
series' own order; its anomalies are sorted by event time, id and state before decide sees them, with a tick where
one lets an incident resolve, and one at the end of the recording.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from incidents.decide import DecideOperator
from incidents.finding import STATE_RANK
from metrics_ai.config import Config
from metrics_ai.importance import importance_of
from metrics_ai.recordings import Piece, RecordingOptions, RecordingReader
from metrics_ai.rule_files import rule_library
from models.detect import DetectOperator
from schemas.errors import MachineError
from schemas.events import Anomaly
from schemas.incident_events import Alert, Incident, TimelineEntry
from schemas.topics import ALERTS, INCIDENTS, TIMELINE
from streams.operator import Output

__all__ = ["RecordingOptions", "ReplayProgress", "ReplayResult", "ReplaySummary", "anomalies_of", "replay"]

_SECOND_MS: Final = 1000
# What detect counts that is worth a line of the summary where it is not 0.
_DETECT_COUNTS: Final = (
    "accepted_late",
    "duplicate",
    "too_late",
    "late",
    "out_of_order",
    "counter_resets",
    "counter_wraps",
    "over_limit",
)


class ReplayProgress(BaseModel):
    """How far a replay is: bytes of all files read, of how many; samples so far."""

    model_config = ConfigDict(frozen=True)
    done_bytes: int
    total_bytes: int
    samples: int


class ReplaySummary(BaseModel):
    """What a replay read and found; ``seconds`` and ``samples_per_s`` are of the wall, all else of the recording."""

    model_config = ConfigDict(frozen=True)
    samples: int
    series: int
    first_ms: int | None = Field(description="Event time of the first sample.")
    last_ms: int | None = Field(description="Event time of the last sample.")
    skipped: dict[str, int] = Field(description="Values left out though nothing is wrong with them, by reason.")
    rejected: dict[str, int] = Field(description="Rows or messages that could not be read, by reason.")
    detect: dict[str, int] = Field(description="What detect counted: late, repeated, too late ...")
    anomalies: int
    alerts: int
    incidents: int
    importance: dict[str, float] = Field(description="Shares of windows and detectors in anomalies' scores.")
    seconds: float = 0.0
    samples_per_s: float = 0.0

    @property
    def of_the_recording(self) -> dict[str, Any]:
        """The part that is equal in every run."""
        return self.model_dump(exclude={"seconds", "samples_per_s"})


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """What a replay found.

    Parameters
    ----------
    alerts, incidents
        As they stand at the recording's end, by start and id; merged incidents live on in their survivors.
    timeline
        What happened to the incidents, by time.
    summary
        Counts.
    rejected
        The first rows or messages that could not be read, as sentences.
    """

    alerts: list[Alert]
    incidents: list[Incident]
    timeline: list[TimelineEntry]
    summary: ReplaySummary
    rejected: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[bytes]:
        """JSON lines that are equal, byte by byte, for equal input: alerts, incidents, timeline."""
        for one in (*self.alerts, *self.incidents, *self.timeline):
            yield one.to_bytes()


@dataclass(slots=True)
class _Span:
    """Event times seen, and series."""

    samples: int = 0
    series: int = 0
    first_ms: int | None = None
    last_ms: int | None = None

    def learn(self, first_ms: int, last_ms: int, samples: int) -> None:
        self.samples += samples
        self.first_ms = first_ms if self.first_ms is None else min(self.first_ms, first_ms)
        self.last_ms = last_ms if self.last_ms is None else max(self.last_ms, last_ms)


@dataclass(slots=True)
class _Topics:
    """What decide published, the last word a key."""

    alerts: dict[tuple[str, str], Alert] = field(default_factory=dict)
    incidents: dict[str, Incident] = field(default_factory=dict)
    timeline: dict[str, TimelineEntry] = field(default_factory=dict)

    def take(self, outputs: Sequence[Output]) -> None:
        for one in outputs:
            match one.topic:
                case topic if topic is ALERTS:
                    alert = Alert.from_bytes(one.value)
                    self.alerts[alert.tenant, alert.id] = alert
                case topic if topic is INCIDENTS:
                    incident = Incident.from_bytes(one.value)
                    self.incidents[incident.id] = incident
                case topic if topic is TIMELINE:
                    entry = TimelineEntry.from_bytes(one.value)
                    self.timeline[entry.id] = entry

    def current_id(self, incident_id: str) -> str:
        """An incident's id, merges followed."""
        while (survivor := self.incidents[incident_id].merged_into) is not None:
            incident_id = survivor
        return incident_id

    def final_alerts(self) -> list[Alert]:
        """Alerts with the incident that they ended up in."""
        alerts = [
            one if one.incident_id is None else one.model_copy(update={"incident_id": self.current_id(one.incident_id)})
            for one in self.alerts.values()
        ]
        return sorted(alerts, key=lambda one: (one.started_ms, one.tenant, one.id))

    def final_incidents(self) -> list[Incident]:
        """Incidents that were not merged away."""
        living = [one for one in self.incidents.values() if one.state != "merged"]
        return sorted(living, key=lambda one: (one.started_ms, one.id))


def replay(
    files: Sequence[Path],
    options: RecordingOptions,
    config: Config,
    progress: Callable[[ReplayProgress], None] | None = None,
) -> ReplayResult:
    """Run recordings through detect and decide.

    Parameters
    ----------
    files
        In the order in which their samples were taken, as far as they share series.
    options
        How they are read.
    config
        What is detected and decided.
    progress
        Called after each batch.

    Raises
    ------
    ConfigurationError, MachineError
        If a file is missing, or is not what its format says.
    """
    begun_s = time.perf_counter()
    reader = RecordingReader(options, config.tenant, dict(config.ingest.identity.items()))
    detect = DetectOperator(config.detect, partition=0, partitions=1)
    anomalies, span = _detect(files, reader, detect, progress)
    topics = _decide(
        anomalies, DecideOperator(config.decide, 0, 1, rules=rule_library(config.rules).book), span.last_ms
    )
    alerts, incidents = topics.final_alerts(), topics.final_incidents()
    seconds = time.perf_counter() - begun_s
    summary = ReplaySummary(
        samples=span.samples,
        series=span.series,
        first_ms=span.first_ms,
        last_ms=span.last_ms,
        skipped=_by_name(reader.tally.skipped),
        rejected=_by_name(reader.tally.rejected),
        detect={name: count for name in _DETECT_COUNTS if (count := detect.counts.get(name, 0))},
        anomalies=len({one.id for one in anomalies}),
        alerts=len(alerts),
        incidents=len(incidents),
        importance=importance_of(anomalies),
        seconds=round(seconds, 3),
        samples_per_s=round(span.samples / max(seconds, 1e-9)),
    )
    timeline = sorted(topics.timeline.values(), key=lambda one: (one.at_ms, one.incident_id, one.kind, one.id))
    return ReplayResult(alerts, incidents, timeline, summary, reader.tally.told)


def anomalies_of(files: Sequence[Path], options: RecordingOptions, config: Config) -> list[Anomaly]:
    """What detect alone says of recordings: every state of every episode, by event time, id and state.

    A worker that reads the same samples from a broker says the same, to the byte; only when time passes beyond the
    last sample of its partition is its own clock's word.

    Raises
    ------
    ConfigurationError, MachineError
        If a file is missing, or is not what its format says.
    """
    reader = RecordingReader(options, config.tenant, dict(config.ingest.identity.items()))
    return _detect(files, reader, DetectOperator(config.detect, partition=0, partitions=1), None)[0]


def pieces_of(
    files: Sequence[Path],
    reader: RecordingReader,
    samples: Callable[[], int],
    progress: Callable[[ReplayProgress], None] | None,
) -> Iterator[Piece]:
    """The pieces of recordings; once each has been dealt with, how far that is, with the samples so far.

    Raises
    ------
    ConfigurationError, MachineError
        If a file is missing, or is not what its format says.
    """
    sizes = [file_size(path) for path in files]
    before = 0
    for path, size in zip(files, sizes, strict=True):
        for piece in reader.read([path]):
            yield piece
            if progress:
                done = before + piece.done_bytes
                progress(ReplayProgress(done_bytes=done, total_bytes=sum(sizes), samples=samples()))
        before += size


def _detect(
    files: Sequence[Path],
    reader: RecordingReader,
    detect: DetectOperator,
    progress: Callable[[ReplayProgress], None] | None,
) -> tuple[list[Anomaly], _Span]:
    """All anomalies of the recordings, in an order that only they determine."""
    anomalies: list[Anomaly] = []
    span = _Span()
    for piece in pieces_of(files, reader, lambda: span.samples, progress):
        if piece.batch is not None:
            times = piece.batch.timestamp_ms
            span.learn(int(times.min()), int(times.max()), len(piece.batch))
            anomalies += detect.step_batch(piece.batch)
    span.series = detect.series_count
    if span.last_ms is not None:
        anomalies += detect.on_tick(whole_second(span.last_ms))
    anomalies.sort(key=lambda one: (one.at_ms, one.id, STATE_RANK[one.state], one.to_bytes()))
    return anomalies, span


def _decide(anomalies: Sequence[Anomaly], decide: DecideOperator, last_ms: int | None) -> _Topics:
    """Everything that decide says, with ticks where they let an incident resolve and at the end."""
    topics = _Topics()
    for anomaly in anomalies:
        while (due_ms := decide.next_due_ms) is not None and whole_second(due_ms) < anomaly.at_ms:
            topics.take(decide.on_tick(whole_second(due_ms)))
        topics.take(decide.on_anomaly(anomaly))
    if last_ms is not None:
        topics.take(decide.on_tick(whole_second(last_ms)))
    return topics


def whole_second(ms: int) -> int:
    """The first tick that is not before a time."""
    return -(-ms // _SECOND_MS) * _SECOND_MS


def file_size(path: Path) -> int:
    """Its size.

    Raises
    ------
    MachineError
        If there is no such file.
    """
    try:
        return path.stat().st_size
    except OSError as error:
        raise MachineError(f"{path}: {error.strerror or error}", "Is the name right?") from error


def _by_name(counts: Counter[str]) -> dict[str, int]:
    return {name: counts[name] for name in sorted(counts)}

"""What ``replay`` shows: a progress bar on a terminal, then tables or JSON lines."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from metrics_ai.config import Config
from metrics_ai.event_listing import (
    ALERT_HEAD,
    INCIDENT_HEAD,
    PRIORITY_STYLE,
    alert_row,
    clock_text,
    incident_row,
    wide_console,
)
from metrics_ai.explain.words import duration_text
from metrics_ai.recordings import RecordingOptions
from metrics_ai.replay import ReplayProgress, ReplayResult, ReplaySummary, replay
from metrics_ai.replay_diff import IncidentChange, diff
from metrics_ai.replay_send import Sent, send
from metrics_ai.tally import counted, end_without_samples, tell_rejected

# Of all samples, before it is said.
_MANY_LATE: Final = 0.01
_CHANGE_STYLE: Final = {"came": "red", "went": "green", "moved": "yellow", "same": "dim"}


@dataclass(frozen=True)
class Replaying:
    """A replay as a user asked for it.

    Parameters
    ----------
    files, options
        What is replayed.
    as_json
        Whether programs read it.
    """

    files: Sequence[Path]
    options: RecordingOptions
    as_json: bool = False

    def run(self, config: Config) -> None:
        """Replay and print."""
        with progress_bar() as progress:
            result = replay(self.files, self.options, config, progress)
        if self.as_json:
            for line in result.lines():
                sys.stdout.write(line.decode() + "\n")
            sys.stdout.write(json.dumps({"summary": result.summary.of_the_recording}) + "\n")
            self._end(result)
            return
        console = wide_console()
        _print_rows(console, "Alerts", ALERT_HEAD, [alert_row(one) for one in result.alerts])
        _print_rows(console, "Incidents", INCIDENT_HEAD, [incident_row(one) for one in result.incidents])
        console.print(_summary_text(result.summary))
        self._end(result)

    def _end(self, result: ReplayResult) -> None:
        """Exit status 1 where no sample came of it: that is no quiet recording."""
        tell_rejected(result.rejected, result.summary.rejected)
        if (late := result.summary.detect.get("too_late", 0)) > _MANY_LATE * result.summary.samples:
            sys.stderr.write(
                f"metrics-ai: {counted(late, 'sample')} came after much later ones and do not count; the latest is of "
                f"{clock_text(result.summary.last_ms or 0)}. Is one of the times wrong? Sort the rows by time\n"
            )
        if not result.summary.samples:
            end_without_samples(result.summary.skipped, result.summary.rejected)

    def diff(self, before: Config, after: Config) -> None:
        """Replay with two configurations, and print which incidents come, go or move."""
        results: list[ReplayResult] = []
        for config in (before, after):
            with progress_bar() as progress:
                results.append(replay(self.files, self.options, config, progress))
        changes = diff(*results)
        if self.as_json:
            for change in changes:
                sys.stdout.write(json.dumps(_change_dict(change)) + "\n")
            counts = {name: sum(one.change == name for one in changes) for name in _CHANGE_STYLE}
            sys.stdout.write(json.dumps({"summary": counts}) + "\n")
        else:
            _print_changes(changes)
        self._end(results[0])

    def send(self, config: Config, topic: str | None) -> None:
        """Send the recording to the broker; exit status 1 if something of it was rejected, or nothing was sent."""
        with progress_bar("records") as progress:
            sent = send(self.files, self.options, config, topic, progress)
        broker = config.kafka.bootstrap
        if self.as_json:
            summary = {"records": sent.records, "broker": broker, "skipped": sent.skipped, "rejected": sent.rejected}
            sys.stdout.write(json.dumps({"summary": summary}) + "\n")
        else:
            parts = [f"sent {counted(sent.records, 'record')} to {broker}", *_tallies(sent, ("skipped", "rejected"))]
            wide_console().print("; ".join(parts))
        tell_rejected(sent.told, sent.rejected)
        if sent.expiring:
            sys.stderr.write(_expiring_text(sent.expiring))
        if not sent.records:
            end_without_samples(sent.skipped, sent.rejected)
        if sent.rejected:
            raise typer.Exit(1)


def _expiring_text(expiring: Mapping[str, int]) -> str:
    """What the broker may delete too early, and the way out."""
    topics = ", ".join(f"{name} ({duration_text(kept_ms)})" for name, kept_ms in expiring.items())
    return (
        f"metrics-ai: the oldest samples are older than the retention of {topics}: the broker may delete them before "
        "they are read. Set retention.ms of these topics to -1 while a recording is replayed\n"
    )


@contextmanager
def progress_bar(counted: str = "samples") -> Iterator[Callable[[ReplayProgress], None] | None]:
    """A bar on standard error, only where that is a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    count = TextColumn("{task.fields[samples]:,} " + counted)
    columns = (count, BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("replay", total=None, samples=0)

        def show(progress: ReplayProgress) -> None:
            bar.update(task, total=progress.total_bytes, completed=progress.done_bytes, samples=progress.samples)

        yield show


def _print_rows(console: Console, title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if not rows:
        console.print(f"no {title.lower()}")
        return
    table = Table(*head, title=title, title_justify="left", box=None)
    for priority, *cells in rows:
        table.add_row(Text(priority, PRIORITY_STYLE[priority]), *cells)
    console.print(table)


def _print_changes(changes: Sequence[IncidentChange]) -> None:
    console = wide_console()
    table = Table("change", "priority", "incident", "since", "what", box=None)
    for change in changes:
        if change.change == "same":
            continue
        incident = change.after or change.before
        assert incident is not None
        row = (incident.priority, incident.title, clock_text(incident.started_ms), "; ".join(change.what))
        table.add_row(Text(change.change, _CHANGE_STYLE[change.change]), *row)
    if table.row_count:
        console.print(table)
    same = sum(one.change == "same" for one in changes)
    differ, are = "differs" if table.row_count == 1 else "differ", "is" if same == 1 else "are"
    console.print(f"{counted(table.row_count, 'incident')} {differ}, {same} {are} the same")


def _summary_text(summary: ReplaySummary) -> str:
    parts = [f"{counted(summary.samples, 'sample')} of {summary.series:,} series"]
    if summary.first_ms is not None and summary.last_ms is not None:
        parts.append(f"{clock_text(summary.first_ms)} to {clock_text(summary.last_ms)}")
    parts += _tallies(summary, ("skipped", "rejected", "detect"))
    found = (("anomaly", summary.anomalies), ("alert", summary.alerts), ("incident", summary.incidents))
    parts.append(", ".join(counted(count, noun) for noun, count in found))
    parts.append(f"{summary.seconds:.1f} s, {summary.samples_per_s:,.0f} samples/s")
    return "; ".join(parts)


def _tallies(counted: ReplaySummary | Sent, names: Sequence[str]) -> Iterator[str]:
    for name in names:
        if counts := getattr(counted, name):
            yield f"{name}: " + ", ".join(f"{reason} {count:,}" for reason, count in counts.items())


def _change_dict(change: IncidentChange) -> dict[str, Any]:
    sides = {"before": change.before, "after": change.after}
    held = {name: one.model_dump(mode="json", exclude_none=True) if one else None for name, one in sides.items()}
    return {"change": change.change, "what": list(change.what), **held}

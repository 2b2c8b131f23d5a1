"""Alerts and incidents as tables, lines and JSON."""

from __future__ import annotations

import contextlib
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Generic, TypeVar

from rich.console import Console
from rich.table import Table
from rich.text import Text

from integrations.kafka.connection import KafkaSettings
from metrics_ai.topic_reader import Latest, TopicReader
from schemas.errors import ConfigurationError
from schemas.events import Range
from schemas.incident_events import Alert, Incident
from schemas.topics import ALERTS, INCIDENTS, Topic

_FILE_COLUMNS: Final = 240
_QUIET_S: Final = 3.0
_UNITS_MS: Final = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
INCIDENT_HEAD: Final = ("priority", "state", "incident", "since", "lasted", "alerts", "confidence", "id")
ALERT_HEAD: Final = (
    "priority",
    "state",
    "signal",
    "entity",
    "since",
    "observed",
    "expected",
    "peak",
    "windows",
    "incident",
)
# What most cells of the two need, where the first line is printed before any cell is known.
_INCIDENT_WIDTHS: Final = (8, 8, 40, 20, 10, 6, 10, 20)
_ALERT_WIDTHS: Final = (8, 8, 28, 16, 20, 8, 14, 4, 16, 20)
PRIORITY_STYLE: Final = {"P0": "bold red", "P1": "red", "P2": "yellow", "P3": "cyan"}

ShownT = TypeVar("ShownT", Alert, Incident)


class Columns:
    """Rows that are printed one by one, each cell below its heading; a column grows where a cell needs it.

    Parameters
    ----------
    head, widths
        The headings, and how wide their columns are at first.

    Examples
    --------
    >>> columns = Columns(("priority", "incident"), (8, 12))
    >>> columns.line(columns.head), columns.line(("P1", "CPU of node n1"))
    ('priority  incident', 'P1        CPU of node n1')
    """

    def __init__(self, head: Sequence[str], widths: Sequence[int]) -> None:
        self.head = head
        self._widths = list(map(max, widths, map(len, head)))

    def line(self, cells: Sequence[str]) -> str:
        """A row."""
        self._widths = list(map(max, self._widths, map(len, cells)))
        return "  ".join(map(str.ljust, cells, self._widths)).rstrip()


@dataclass(frozen=True, slots=True)
class _Listing(Generic[ShownT]):
    topic: Topic
    event: type[ShownT]
    columns: Columns
    row: Callable[[ShownT], Sequence[str]]


def list_incidents(kafka: KafkaSettings, since_ms: int, *, as_json: bool, follow: bool) -> None:
    """Print the incidents on the topic."""
    columns = Columns(INCIDENT_HEAD, _INCIDENT_WIDTHS)
    _run(kafka, _Listing(INCIDENTS, Incident, columns, incident_row), since_ms, as_json=as_json, follow=follow)


def list_alerts(kafka: KafkaSettings, since_ms: int, *, as_json: bool, follow: bool) -> None:
    """Print the alerts on the topic, with the ids by which they are acknowledged and asked about."""
    columns = Columns((*ALERT_HEAD, "id"), (*_ALERT_WIDTHS, 30))
    _run(kafka, _Listing(ALERTS, Alert, columns, listed_row), since_ms, as_json=as_json, follow=follow)


def incident_row(one: Incident) -> list[str]:
    """An incident's cells."""
    return [
        one.priority,
        one.state if one.merged_into is None else f"in {one.merged_into}",
        one.title,
        clock_text(one.started_ms),
        _lasted(one.started_ms, one.ended_ms),
        str(max(one.member_count, len(one.members))),
        f"{one.confidence:.0%}",
        one.id,
    ]


def alert_row(one: Alert) -> list[str]:
    """An alert's cells; what was observed and expected is that of its worst moment."""
    observed = one.observed if one.peak_observed is None else one.peak_observed
    expected = one.expected if one.peak_observed is None else one.peak_expected
    windows = " ".join(verdict.window for verdict in one.windows if verdict.agrees)
    return [
        one.priority,
        one.state,
        one.signal,
        one.entity,
        clock_text(one.started_ms),
        observed_text(observed, one.unit) if is_objective(one.signal) else number_text(observed),
        range_text(expected),
        score_text(one.peak_score),
        windows or tier_of(one.labels) or "-",
        one.incident_id or "-",
    ]


def listed_row(one: Alert) -> list[str]:
    """An alert's cells, and its id."""
    return [*alert_row(one), one.id]


def _run(kafka: KafkaSettings, listing: _Listing[ShownT], since_ms: int, *, as_json: bool, follow: bool) -> None:
    # A key is an alert's fingerprint: all its episodes share it.
    latest: Latest[ShownT] = Latest(lambda event: event.id)
    # Ctrl-C is how following ends, however far it has come.
    quietly = contextlib.suppress(KeyboardInterrupt) if follow else contextlib.nullcontext()
    with TopicReader(kafka, listing.topic, listing.event) as reader, quietly:
        latest.take(list(reader.to_end()))
        recent: list[ShownT] = [event for event in latest.events() if event.updated_ms >= since_ms]
        shown = sorted(recent, key=_started_ms)
        if follow and not as_json:
            sys.stdout.write(listing.columns.line(listing.columns.head) + "\n")
        if follow or as_json:
            _print_lines(listing, shown, as_json=as_json)
        else:
            _print_table(listing, shown)
        said = {event.id: event for event in shown}
        told = _tell_unreadable(reader, listing.topic, 0)
        line = Line(reader.is_answered, kafka.bootstrap)
        while follow:
            told = _tell_unreadable(reader, listing.topic, told)
            events = [event for _, event in reader.poll(0.5) if event is not None]
            line.heard(bool(events))
            _print_lines(listing, list(_news(events, said)), as_json=as_json)


class Line:
    """Says once when the broker has gone, and once when it is back.

    Parameters
    ----------
    is_answered
        Asks it.
    bootstrap
        Its address.
    """

    def __init__(self, is_answered: Callable[[], bool], bootstrap: str) -> None:
        self._is_answered = is_answered
        self._bootstrap = bootstrap
        self._heard_s = time.monotonic()
        self._is_up = True

    def heard(self, something: bool, now_s: float | None = None) -> None:
        """Take note whether something came; after some seconds of nothing, ask."""
        now_s = time.monotonic() if now_s is None else now_s
        if not something and now_s - self._heard_s < _QUIET_S:
            return
        is_up = something or self._is_answered()
        if is_up != self._is_up:
            what = "answers again" if is_up else "does not answer; waiting for it"
            sys.stderr.write(f"metrics-ai: the broker at {self._bootstrap} {what}\n")
        self._is_up, self._heard_s = is_up, now_s


def _news(events: Iterable[ShownT], said: dict[str, ShownT]) -> Iterator[ShownT]:
    """Events that say something new: after a kill, a stage repeats what it said since its last checkpoint."""
    for event in events:
        before = said.get(event.id)
        if before is None or (event.updated_ms >= before.updated_ms and event != before):
            said[event.id] = event
            yield event


def _tell_unreadable(reader: TopicReader[ShownT], topic: Topic, told: int) -> int:
    if reader.unreadable > told:
        text = (
            f"metrics-ai: {reader.unreadable} records of {topic.name} cannot be read: not ours, or of a newer version"
        )
        sys.stderr.write(f"{text}\n")
    return reader.unreadable


def wide_console() -> Console:
    """Standard output; where that is no terminal, wide enough for whole rows. What stands in brackets is text."""
    console = Console(highlight=False, markup=False)
    return console if console.is_terminal else Console(highlight=False, markup=False, width=_FILE_COLUMNS)


def _started_ms(event: Alert | Incident) -> int:
    return event.started_ms


def _print_table(listing: _Listing[ShownT], shown: Sequence[ShownT]) -> None:
    if not shown:
        wide_console().print(f"no {listing.topic.name}")
        return
    table = Table(*listing.columns.head, box=None)
    for one in shown:
        priority, *cells = listing.row(one)
        table.add_row(Text(priority, PRIORITY_STYLE[priority]), *cells)
    wide_console().print(table)


def _print_lines(listing: _Listing[ShownT], shown: Sequence[ShownT], *, as_json: bool) -> None:
    for one in shown:
        line = one.to_bytes().decode() if as_json else listing.columns.line(listing.row(one))
        sys.stdout.write(line + "\n")
    sys.stdout.flush()


def parse_since(text: str, now_s: Callable[[], float] = time.time) -> int:
    """Milliseconds since the epoch of an age or a time; 0 for an empty text.

    Raises
    ------
    ConfigurationError
        If it is neither.

    Examples
    --------
    >>> parse_since("2m", lambda: 1000.0)
    880000
    >>> parse_since("2026-11-23T15:00:00Z")
    1795446000000
    """
    if not text:
        return 0
    if found := re.fullmatch(r"(\d+)([smhd])", text):
        return int(now_s() * 1000) - int(found[1]) * _UNITS_MS[found[2]]
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(
            f"--since {text!r} is neither an age nor a time", "Give 90s, 15m, 2h, 3d or RFC 3339"
        ) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)


def clock_text(at_ms: int) -> str:
    """A moment, in UTC.

    Examples
    --------
    >>> clock_text(1795446000000)
    '2026-11-23 15:00:00Z'
    """
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def number_text(value: float | None) -> str:
    """A value for people; a dash for none.

    Examples
    --------
    >>> number_text(0.93456), number_text(12345678.0), number_text(250.0)
    ('0.935', '12.3M', '250')
    """
    if value is None:
        return "-"
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if letter == 'k' else size):.3g}{letter}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def observed_text(value: float | None, unit: str) -> str:
    """What an objective's alert is about: a burn rate, or how much of the budget is left.

    Examples
    --------
    >>> observed_text(14.92, "x"), observed_text(0.2489, ""), observed_text(None, "")
    ('14.9 x', '25 % left', '-')
    """
    if value is None:
        return "-"
    return f"{number_text(value)} {unit}" if unit else f"{value * 100:.0f} % left"


def score_text(score: float | None) -> str:
    """A score; of what is counted, none."""
    return "-" if score is None else f"{score:.1f}"


def is_objective(signal: str) -> bool:
    """Whether an alert is an objective's, by its signal."""
    return signal.startswith("slo:")


def tier_of(labels: Mapping[str, str]) -> str:
    """Which of an objective's alerts it is: a tier, or a share of the budget.

    Examples
    --------
    >>> tier_of({"alertname": "SloBudgetLow", "share": "0.25"}), tier_of({"tier": "page-quick"})
    ('budget-0.25', 'page-quick')
    """
    return f"budget-{labels['share']}" if "share" in labels else labels.get("tier", "")


def range_text(expected: Range | None) -> str:
    """An expected range for people.

    Examples
    --------
    >>> range_text(Range(low=0.1, center=0.2, high=0.3)), range_text(None)
    ('0.1 .. 0.3', '-')
    """
    return "-" if expected is None else f"{number_text(expected.low)} .. {number_text(expected.high)}"


def _lasted(started_ms: int, ended_ms: int | None) -> str:
    return "-" if ended_ms is None else duration_text(ended_ms - started_ms)


def duration_text(ms: float) -> str:
    """A stretch of time for people, in its two largest units.

    Examples
    --------
    >>> duration_text(95_000), duration_text(1_380_000), duration_text(95_400_000), duration_text(250)
    ('1 min 35 s', '23 min', '1 d 2 h', '0.25 s')
    """
    if ms < 1000:
        return f"{ms / 1000:g} s"
    left = round(ms / 1000)
    parts = []
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        if left >= size:
            parts.append((left // size, unit))
        elif parts:
            break
        left %= size
    return " ".join(f"{count} {unit}" for count, unit in parts[:2])

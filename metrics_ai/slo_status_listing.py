"""Where objectives stand, as a table, lines and JSON."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Sequence
from typing import Final

from rich.table import Table
from rich.text import Text

from integrations.kafka.connection import KafkaSettings
from metrics_ai.event_listing import Columns, Line, clock_text, wide_console
from metrics_ai.explain.cases import UnknownIdError
from metrics_ai.slo_printing import left_text, print_status
from metrics_ai.topic_reader import Latest, TopicReader
from schemas.slo_events import SloStatus
from schemas.topics import SLO_STATUS
from slo.durations import duration_text
from slo.words import percent, time_text

HEAD: Final = ("slo", "state", "objective", "kept", "budget left", "burn rates", "lasts", "alerts", "as of")
_WIDTHS: Final = (28, 9, 9, 10, 11, 40, 8, 12, 20)
_STYLE: Final = {"firing": "bold red", "no data": "yellow", "no events": "dim", "spent": "red", "fine": "green"}
# Shorter windows only say that it still goes on.
_LONG_S: Final = 3600


def list_status(kafka: KafkaSettings, name: str | None, tenant: str | None, *, as_json: bool, follow: bool) -> None:
    """Print where objectives stand.

    Raises
    ------
    UnknownIdError
        If there is none of that name.
    """
    latest: Latest[SloStatus] = Latest()
    # Ctrl-C is how following ends, however far it has come.
    quietly = contextlib.suppress(KeyboardInterrupt) if follow else contextlib.nullcontext()
    with TopicReader(kafka, SLO_STATUS, SloStatus) as reader, quietly:
        latest.take(list(reader.to_end()))
        shown = chosen(latest.events(), name, tenant)
        if name is not None and not shown and not follow:
            raise UnknownIdError(f"nothing is known of an SLO {name!r}", "metrics-ai slo status lists all")
        _print(shown, in_detail=name is not None, as_json=as_json, follow=follow)
        line = Line(reader.is_answered, kafka.bootstrap)
        columns = Columns(HEAD, _WIDTHS)
        said = {one.key: one.at_ms for one in shown}
        while follow:
            events = [event for _, event in reader.poll(0.5) if event is not None]
            line.heard(bool(events))
            fresh = [one for one in chosen(events, name, tenant) if one.at_ms > said.get(one.key, -1)]
            said |= {one.key: one.at_ms for one in fresh}
            _print_lines(columns, fresh, as_json=as_json)


def chosen(events: Iterable[SloStatus], name: str | None, tenant: str | None) -> list[SloStatus]:
    """Those that are asked for, by tenant and name.

    Parameters
    ----------
    events
        The newest of each objective.
    name
        Its name or ``TENANT/NAME``; None for all.
    tenant
        Only this one's.
    """
    found = [one for one in events if tenant in (None, one.tenant) and name in (None, one.slo, one.key)]
    return sorted(found, key=lambda one: (one.key, one.at_ms))


def row_of(one: SloStatus) -> list[str]:
    """An objective's cells."""
    own = one.budget("own")
    left = own.remaining_of_period
    rates = [f"{duration_text(burn.window_s)} {_rate(burn.burn_rate)}" for burn in one.burn if burn.window_s >= _LONG_S]
    lasts = one.exhausted_in.p50_s if one.exhausted_in is not None else None
    return [
        one.key,
        state_of(one),
        percent(one.target),
        left_text(own.compliance),
        left_text(left, 4),
        "  ".join(rates) or "-",
        "-" if lasts is None else time_text(lasts),
        ", ".join(one.firing) or "-",
        clock_text(one.at_ms),
    ]


def state_of(one: SloStatus) -> str:
    """An objective's state in a word: never that it is fine while nothing happened that could be good or bad.

    Examples
    --------
    >>> nothing = {"good": 0, "bad": 0, "total": 0, "unknown": 0, "start_ms": 0, "end_ms": 1}
    >>> told = {"tenant": "t", "slo": "s", "service": "", "at_ms": 1, "target": 0.9, "burn": []}
    >>> new = SloStatus(**told, no_data=False, budgets=[{"period": "own", **nothing}])
    >>> state_of(new), state_of(new.model_copy(update={"no_data": True}))
    ('no events', 'no data')
    """
    if one.no_data:
        return "no data"
    if any(not name.startswith("budget-") for name in one.firing):
        return "firing"
    if not one.budget("own").total:
        return "no events"
    left = one.budget("own").remaining_of_period
    return "spent" if left is not None and left <= 0 else "fine"


def _rate(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.3g}"


def _print(shown: Sequence[SloStatus], *, in_detail: bool, as_json: bool, follow: bool) -> None:
    columns = Columns(HEAD, _WIDTHS)
    if follow and not as_json:
        sys.stdout.write(columns.line(HEAD) + "\n")
    if follow or as_json:
        _print_lines(columns, shown, as_json=as_json)
    elif in_detail:
        for one in shown:
            print_status(one, state_of(one))
    else:
        _print_table(shown)


def _print_table(shown: Sequence[SloStatus]) -> None:
    if not shown:
        wide_console().print("no status yet: the role burn tells one once slices are counted")
        return
    table = Table(*HEAD, box=None)
    for one in shown:
        key, state, *cells = row_of(one)
        table.add_row(key, Text(state, _STYLE[state]), *cells)
    wide_console().print(table)


def _print_lines(columns: Columns, shown: Sequence[SloStatus], *, as_json: bool) -> None:
    for one in shown:
        line = one.to_bytes().decode() if as_json else columns.line(row_of(one))
        sys.stdout.write(line + "\n")
    sys.stdout.flush()

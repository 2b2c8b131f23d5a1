"""The health of entities as tables and JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Final

from rich.table import Table
from rich.text import Text

from integrations.kafka.connection import KafkaSettings
from metrics_ai.event_listing import clock_text, number_text, range_text, wide_console
from metrics_ai.explain.cases import UnknownIdError
from metrics_ai.explain.words import series_text, unit_text
from metrics_ai.topic_reader import Latest, TopicReader
from models.golden import SIGNALS
from schemas.events import EntityHealth, SignalHealth
from schemas.topics import HEALTH

HEAD: Final = ("state", "entity", "since", *SIGNALS, "why")
STATE_STYLE: Final = {"critical": "bold red", "degraded": "yellow", "healthy": "green", "gone": "dim"}
_ORDER: Final = tuple(STATE_STYLE)


def list_health(kafka: KafkaSettings, entity: str | None, tenant: str | None, *, as_json: bool) -> None:
    """Print how entities are; those that are gone only where one is asked for.

    Raises
    ------
    UnknownIdError
        If no entity has that name.
    """
    latest: Latest[EntityHealth] = Latest()
    with TopicReader(kafka, HEALTH, EntityHealth) as reader:
        latest.take(list(reader.to_end()))
    shown = chosen(latest.events(), entity, tenant)
    if entity is not None and not shown:
        raise UnknownIdError(f"nothing is known of an entity {entity!r}", "metrics-ai health lists all")
    if as_json:
        for one in shown:
            sys.stdout.write(one.to_bytes().decode() + "\n")
    elif entity is None:
        print_table(shown)
    else:
        for one in shown:
            print_entity(one)


def chosen(events: Iterable[EntityHealth], entity: str | None, tenant: str | None) -> list[EntityHealth]:
    """Those that are asked for, the worst first.

    Parameters
    ----------
    events
        The newest of each entity.
    entity
        A whole name (``node:h1``), or what stands behind its kind or its cluster (``h1``); None for all that are here.
    tenant
        Only this one's.
    """
    found = [
        one
        for one in events
        if (tenant is None or one.tenant == tenant)
        and (one.state != "gone" if entity is None else _is_named(one.entity, entity))
    ]
    return sorted(found, key=lambda one: (_ORDER.index(one.state), one.entity, one.tenant))


def _is_named(whole: str, wanted: str) -> bool:
    return whole == wanted or whole.endswith((f":{wanted}", f"/{wanted}"))


def row_of(one: EntityHealth) -> list[str]:
    """An entity's cells.

    Examples
    --------
    >>> row_of(EntityHealth(tenant="t", entity="node:h1", state="healthy", since_ms=1_795_446_000_000, at_ms=0))
    ['healthy', 'node:h1', '2026-11-23 15:00:00Z', '-', '-', '-', '-', '']
    """
    states = {signal.signal: signal for signal in one.signals}
    more = f" (and {one.reason_count - 1} more)" if one.reason_count > 1 else ""
    return [
        one.state,
        one.entity,
        _since_text(one),
        *(_signal_text(states.get(name)) for name in SIGNALS),
        one.reasons[0].text + more if one.reasons else "",
    ]


def _since_text(one: EntityHealth) -> str:
    return "-" if one.since_ms is None else clock_text(one.since_ms)


def _signal_text(one: SignalHealth | None) -> str:
    if one is None:
        return "-"
    return one.state if one.score is None else f"{number_text(one.value or 0.0)}{unit_text(one.unit)} ({one.score:.1f})"


def print_table(shown: Sequence[EntityHealth]) -> None:
    """A row an entity."""
    console = wide_console()
    if not shown:
        console.print("no entities")
        return
    table = Table(*HEAD, box=None)
    for one in shown:
        state, *cells = row_of(one)
        table.add_row(Text(state, STATE_STYLE[state]), *cells)
    console.print(table)


def print_entity(one: EntityHealth) -> None:
    """All that is said of one entity."""
    console = wide_console()
    since = "" if one.since_ms is None else f" since {_since_text(one)}"
    head = Text.assemble(f"{one.entity} is ", (one.state, STATE_STYLE[one.state]), since)
    console.print(head)
    table = Table("signal", "state", "worst series", "value", "expected", "score", box=None)
    for signal in one.signals:
        table.add_row(signal.signal, signal.state, *_worst(signal))
    if one.signals:
        console.print(table)
    for reason in one.reasons:
        console.print(f"{reason.state}: {reason.text} [{reason.anomaly_id}]")
    if (more := one.reason_count - len(one.reasons)) > 0:
        console.print(f"and {more} more")


def _worst(one: SignalHealth) -> list[str]:
    if one.metric is None or one.value is None or one.score is None:
        return ["", "", "", ""]
    series = series_text(one.metric, one.labels)
    return [series, f"{number_text(one.value)}{unit_text(one.unit)}", range_text(one.expected), f"{one.score:.1f}"]

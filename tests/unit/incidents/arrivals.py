"""What may arrive at the decide stage, drawn by chance: episodes, turns of objectives' alerts, settings, orders."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

from hypothesis import strategies as st

from incidents.decide import DecideOperator, DecideSettings
from schemas.command_events import Command
from schemas.events import Anomaly, Setting
from schemas.slo_events import SloAlert
from streams.operator import Output

Event = Anomaly | SloAlert
Entry = Event | Setting | Command | int
SETTINGS = DecideSettings(members_listed=3, publish_at_once_members=2)
LATENCY = "http_request_duration_seconds"
# The grid hits windows exactly: 300 s and 900 s are multiples of 100 s.
STARTS = st.integers(0, 40).map(lambda n: 1000 + 100 * n)


@st.composite
def episodes(draw: st.DrawFn) -> list[dict[str, Any]]:
    """States of one episode, as arguments of ``anomaly``; some are lost."""
    start = draw(STARTS)
    who = {
        "metric": draw(st.sampled_from(["node_cpu_ratio", "node_memory_ratio", "requests", LATENCY])),
        "node": draw(st.sampled_from(["h1", "h2", "h3", ""])),
        "tenant": draw(st.sampled_from(["a", "a", "a", "b"])),
        "start_s": start,
    }
    service = {"h1": "checkout-service", "h3": "cart-service"}.get(who["node"])
    if service or who["metric"] == LATENCY:
        labels = {"node": who["node"], "service": service or "checkout-service"}
        who["labels"] = who["dims"] = {name: value for name, value in labels.items() if value}
    kind = draw(st.sampled_from(["anomaly", "anomaly", "anomaly", "drift", "missing", "P0", "P1", "safety"]))
    if kind in ("drift", "missing"):
        who |= {"kind": kind, "detector": kind, "priority": "P3"}
    elif kind != "anomaly":
        priority = "P0" if kind == "safety" else kind
        who |= {"kind": "limit", "detector": f"Rule{kind}", "priority": priority, "safety": kind == "safety"}
    hour = st.lists(st.tuples(st.just(1000 * start), st.integers(0, 3)), min_size=1, max_size=2)
    states: list[dict[str, Any]] = [{"score": 2.0, "recent": draw(st.none() | hour)}]
    at = start
    for _ in range(draw(st.integers(0, 3))):
        at += draw(st.integers(0, 60))
        severity = draw(st.sampled_from(["info", "warning", "critical"]))
        states.append({"state": "update", "at_s": at, "score": draw(st.floats(1, 9)), "severity": severity})
    if draw(st.booleans()):
        reason = draw(st.sampled_from(["recovered", "silent"]))
        states.append({"state": "end", "at_s": at + draw(st.integers(1, 900)), "score": 0.5, "end_reason": reason})
    kept = draw(st.lists(st.sampled_from(range(len(states))), min_size=1, max_size=6))
    return [who | states[position] for position in kept]


@st.composite
def turns(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Turns of one alert of an objective, as arguments of ``slo_alert``; some are lost."""
    start = draw(STARTS)
    slo = draw(st.sampled_from(["checkout", "cart"]))
    who = {
        "alert": draw(st.sampled_from(["page-quick", "page-slow", "budget-0.25", "sla", "no-data"])),
        "slo": slo,
        "service": f"{slo}-service",
        "tenant": draw(st.sampled_from(["a", "a", "a", "b"])),
        "start_s": start,
    }
    spent_by = st.lists(st.sampled_from(["node:h1", "node:h2", "node:h3"]), max_size=2, unique=True)
    states: list[dict[str, Any]] = []
    at = start
    for state in ("start", *["update"] * draw(st.integers(0, 2)), *["end"] * draw(st.integers(0, 1))):
        since_s = draw(st.one_of(st.none(), st.integers(0, 5).map(lambda n: max(0, start - 400 * n))))
        told = {"spent_by": draw(spent_by), "burn_rate": draw(st.floats(1, 20)), "frozen": draw(st.booleans())}
        priority = draw(st.sampled_from(["P0", "P1", "P2", "P3"]))
        states.append({"state": state, "at_s": at, "since_s": since_s, "priority": priority, **told})
        at += draw(st.integers(1, 1500))
    kept = draw(st.lists(st.sampled_from(range(len(states))), min_size=1, max_size=4))
    return [who | states[position] for position in kept]


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The same states in two orders, repeats included."""
    told = [*draw(st.lists(episodes(), min_size=4, max_size=12)), *draw(st.lists(turns(), max_size=5))]
    states = list(itertools.chain.from_iterable(told))
    repeats = draw(st.lists(st.sampled_from(states), max_size=6))
    return draw(st.permutations(states)), draw(st.permutations(states + repeats))


@st.composite
def versions(draw: st.DrawFn) -> list[Setting]:
    """Correlation settings that hold from some time on."""
    windows = {"entity_window_s": st.sampled_from([50, 200, 900, 2000]), "signal_window_s": st.sampled_from([50, 500])}
    windows["spender_window_s"] = st.sampled_from([100, 2000])
    body = st.fixed_dictionaries({}, optional={**windows, "resolve_after_s": st.sampled_from([0, 100])})
    starts = draw(st.lists(st.integers(0, 50).map(lambda n: 100_000 * n), max_size=3))
    return [Setting(subject="correlation", valid_from_ms=start, body=draw(body)) for start in starts]


def feed(operator: DecideOperator, events: Iterable[Event], ticks_s: Sequence[int]) -> list[Output]:
    """Apply anomalies and alerts of objectives, with ticks spread among them in their order."""
    outputs = []
    ticks = list(ticks_s)
    for position, one in enumerate(events):
        outputs += apply(operator, one)
        if position % 3 == 2 and ticks:
            outputs += operator.on_tick(ticks.pop(0) * 1000)
    return outputs


def apply(operator: DecideOperator, entry: Entry) -> list[Output]:
    match entry:
        case Command():
            return operator.on_command(entry)
        case Anomaly():
            return operator.on_anomaly(entry)
        case SloAlert():
            return operator.on_slo_alert(entry)
        case Setting():
            return operator.on_setting(entry)
        case _:
            return operator.on_tick(entry * 1000)

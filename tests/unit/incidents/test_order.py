"""Whatever the order, the repeats and the kills: the same alerts and incidents."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incidents.decide import DecideOperator, DecideSettings
from incidents.lifecycle import MOVES, Asked
from incidents.objectives import alert_labels
from incidents.settings import Correlation, CorrelationHistory
from schemas.command_events import (
    Command,
    CommandBody,
    MergeIncidents,
    MoveIncident,
    NoteIncident,
    PostAlerts,
    PostedAlert,
    SplitIncident,
)
from schemas.events import Anomaly, Setting
from schemas.incident_events import Alert, Incident
from schemas.slo_events import SloAlert
from schemas.topics import ALERTS, INCIDENTS
from streams.operator import Output

Event = Anomaly | SloAlert
Entry = Event | Setting | Command | int
Make = Callable[..., Event]
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
    states: list[dict[str, Any]] = [{"score": 2.0}]
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


@pytest.fixture(scope="session")
def make(anomaly: Callable[..., Anomaly], slo_alert: Callable[..., SloAlert]) -> Make:
    """Makes a state of an episode, or a turn of an objective's alert."""

    def made(**one: Any) -> Event:
        return slo_alert(**one) if "alert" in one else anomaly(**one)

    return made


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


def outcome(operator: DecideOperator) -> tuple[list[dict[str, Any]], list[tuple[object, ...]]]:
    """What must agree: alerts but for the incident's id and key, incidents by what they hold and what was paged for."""
    alerts = [one.model_dump(exclude={"incident_id", "page_key"}) for one in operator.alerts()]
    own = {one.id for one in operator.alerts() if one.safety}
    by_incident: dict[str | None, set[str]] = {}
    for one in operator.alerts():
        by_incident.setdefault(one.incident_id, set()).add(f"{one.tenant}/{one.id}")
    incidents: list[tuple[object, ...]] = [
        (
            sorted(by_incident[one.id]),
            one.model_dump(exclude={"id", "aliases", "revision", "page_keys"}),
            sorted(own.intersection(one.page_keys)),
            not own.issuperset(one.page_keys),
        )
        for one in operator.incidents()
    ]
    return alerts, sorted(incidents, key=repr)


@given(
    orders=arrivals(),
    ticks=st.lists(st.integers(900, 8000), max_size=4),
    set_before=versions(),
    asked=st.lists(st.sampled_from(list(MOVES)), max_size=3),
)
@settings(max_examples=100, deadline=None)
def test_any_order_and_any_repeats_make_the_same_alerts_and_incidents(
    make: Make,
    orders: tuple[list[dict[str, Any]], list[dict[str, Any]]],
    ticks: list[int],
    set_before: list[Setting],
    asked: list[Asked],
) -> None:
    outcomes = []
    for order, spread, version_order in zip(orders, (sorted(ticks), []), (1, -1), strict=True):
        operator = DecideOperator(SETTINGS, 0, 1)
        for one in set_before[::version_order]:
            operator.on_setting(one)
        feed(operator, [make(**one) for one in order], spread)
        operator.on_tick(8_000_000)
        homes = [one.incident_id for one in operator.alerts() if one.incident_id is not None]
        for to in asked[: len(homes)]:
            operator.on_command(asking(f"ask-{to}", 8_000_500, MoveIncident(incident_id=homes[0], to=to)))
        outcomes.append(outcome(operator))
        operator.on_tick(9_000_000)
        outcomes[-1] = outcomes[-1], outcome(operator)
    assert outcomes[0] == outcomes[1]


def asking(number: str, at_ms: int, body: CommandBody, tenant: str = "a") -> Command:
    return Command(id=number, tenant=tenant, at_ms=at_ms, by="ada", body=body)


@given(orders=arrivals(), set_before=versions())
@settings(max_examples=60, deadline=None)
def test_an_incident_is_a_connected_component_of_its_alerts(
    make: Make, orders: tuple[list[dict[str, Any]], list[dict[str, Any]]], set_before: list[Setting]
) -> None:
    operator = DecideOperator(SETTINGS, 0, 1)
    history = CorrelationHistory(SETTINGS)
    for setting in set_before:
        operator.on_setting(setting)
        history.put(setting.valid_from_ms, setting.body)
    feed(operator, [make(**one) for one in orders[0]], [])
    objectives = known_of(make(**one) for one in orders[0])
    alerts = [one for one in operator.alerts() if one.priority != "P3"]
    assert all((one.incident_id is None) == (one.priority == "P3") for one in operator.alerts())
    groups = {one.id + one.tenant: {one.id + one.tenant} for one in alerts}
    for one, other in itertools.combinations(alerts, 2):
        holds = history.at(max(one.started_ms, other.started_ms))
        related = are_near(one, other, holds) or are_linked(one, other, objectives, holds)
        if related and one.tenant == other.tenant:
            joined = groups[one.id + one.tenant] | groups[other.id + other.tenant]
            groups |= dict.fromkeys(joined, joined)
    expected = {frozenset(group) for group in groups.values()}
    found: dict[str | None, set[str]] = {}
    for one in alerts:
        found.setdefault(one.incident_id, set()).add(one.id + one.tenant)
    assert {frozenset(group) for group in found.values()} == expected


class Known(NamedTuple):
    """What all turns of an objective's alert say together."""

    until_ms: int
    since_ms: int
    spenders: set[str]


def known_of(events: Iterable[Event]) -> dict[tuple[str, str, int], Known]:
    """By signal, what is the alert's own label, and start."""
    found: dict[tuple[str, str, int], Known] = {}
    for one in events:
        if isinstance(one, SloAlert):
            key = f"slo:{one.slo}", alert_labels(one)["alertname"] + one.tenant + one.alert, one.started_ms
            since_ms = one.started_ms if one.since_ms is None else one.since_ms
            was = found.get(key, Known(one.at_ms, since_ms, set()))
            spenders = was.spenders | {each.who for each in one.spenders}
            found[key] = Known(max(was.until_ms, one.at_ms), min(was.since_ms, since_ms), spenders)
    return found


def of_objective(alert: Alert, objectives: dict[tuple[str, str, int], Known]) -> Known | None:
    names = {
        "SloBurn": alert.labels.get("tier"),
        "SloBudgetLow": "budget-0.25",
        "SloBroken": "sla",
        "SloNoData": "no-data",
    }
    name = alert.labels["alertname"]
    return objectives.get((alert.signal, f"{name}{alert.tenant}{names.get(name)}", alert.started_ms))


def is_standing(alert: Alert) -> bool:
    return alert.labels["alertname"] in {"SloBudgetLow", "SloBroken"}


def are_near(one: Alert, other: Alert, holds: Correlation) -> bool:
    """Whether two alerts are related by their entity, their signal or, one being a symptom, their service."""
    gap_s = abs(one.started_ms - other.started_ms) / 1000
    same_entity = one.entity == other.entity and one.entity != "unknown"
    same_series = one.signal == other.signal and one.entity == other.entity
    near = (same_entity or same_series) and gap_s <= holds.entity_window_s
    near = near or (one.signal == other.signal and gap_s <= holds.signal_window_s)
    same_service = one.labels.get("service", "") == other.labels.get("service")
    noticed = "symptom" in (one.role, other.role)
    near = near or (same_service and noticed and gap_s <= SETTINGS.cause_window_s)
    return near and not is_standing(one) and not is_standing(other)


def are_linked(one: Alert, other: Alert, objectives: dict[tuple[str, str, int], Known], holds: Correlation) -> bool:
    """Whether two alerts are of one objective at a time, or one spent the other's budget."""
    first, second = sorted((one, other), key=lambda each: (each.started_ms, each.tenant, each.id))
    earlier, later = of_objective(first, objectives), of_objective(second, objectives)
    alike = one.signal == other.signal and is_standing(one) == is_standing(other)
    lasted = earlier and later and (second.started_ms <= earlier.until_ms or later.since_ms <= first.started_ms)
    if alike and lasted:
        return True
    is_close = abs(one.started_ms - other.started_ms) / 1000 <= holds.spender_window_s
    return is_close and any(
        known is not None and not is_standing(symptom) and cause.entity in known.spenders
        for symptom, known, cause in ((first, earlier, second), (second, later, first))
    )


class Wish(NamedTuple):
    """What somebody asks of whatever there is: the incidents and alerts are named by their numbers."""

    kind: str
    number: int
    to: Asked

    def body(self, operator: DecideOperator) -> CommandBody | None:
        """The command, if there is something that it can be about."""
        if self.kind == "post":
            ends_ms = None if self.to == "open" else 2_000_000 + 400_000 * self.number
            labels = {"alertname": "Posted", "node": f"h{self.number % 3}", "severity": "page"}
            return PostAlerts(alerts=[PostedAlert(labels=labels, starts_ms=1_500_000, ends_ms=ends_ms)])
        found = [one for one in operator.incidents() if one.tenant == "a"]
        if not found:
            return None
        one, other = (found[number % len(found)] for number in (self.number, self.number + 1))
        match self.kind:
            case "move":
                return MoveIncident(incident_id=one.id, to=self.to)
            case "merge":
                return MergeIncidents(incident_id=one.id, other_id=other.id)
            case "split":
                return SplitIncident(incident_id=one.id, alert_ids=[each.alert_id for each in one.members[1:]] or ["x"])
            case _:
                return NoteIncident(incident_id=one.id, note="n")


WISHES = st.lists(
    st.builds(
        Wish,
        kind=st.sampled_from(["move", "move", "merge", "split", "note", "post"]),
        number=st.integers(0, 5),
        to=st.sampled_from(list(MOVES)),
    ),
    max_size=20,
)


@given(
    orders=arrivals(),
    checkpoints=st.sets(st.integers(0, 30), min_size=3),
    kills=st.sets(st.integers(3, 40), min_size=3),
    ticks=st.lists(st.integers(900, 8000), max_size=8),
    wishes=WISHES,
)
@settings(max_examples=100, deadline=None)
def test_kills_and_repeats_since_the_checkpoint_change_no_record(
    make: Make,
    orders: tuple[list[dict[str, Any]], list[dict[str, Any]]],
    checkpoints: set[int],
    kills: set[int],
    ticks: list[int],
    wishes: list[Wish],
) -> None:
    log: list[Entry] = [make(**one) for one in orders[1]]
    setting = Setting(subject="correlation", valid_from_ms=2_000_000, body={"entity_window_s": 120})
    log.insert(0, setting)
    for position, tick in enumerate(sorted(ticks)):
        log.insert(position * 3, tick)
    log.append(9000)
    log = with_wishes(log, wishes)

    undisturbed = DecideOperator(SETTINGS, 0, 1)
    expected = [one for entry in log for one in apply(undisturbed, entry)]
    killed, seen = run_with_kills(log, checkpoints, kills)

    assert seen == {one.id: one for one in expected}
    assert killed.alerts() == undisturbed.alerts()
    assert killed.incidents() == undisturbed.incidents()


def with_wishes(log: Sequence[Entry], wishes: Sequence[Wish]) -> list[Entry]:
    """The log with commands among it, about whatever there is when they come; some come twice."""
    operator = DecideOperator(SETTINGS, 0, 1)
    whole: list[Entry] = []
    for position, entry in enumerate(log):
        body = wishes[position].body(operator) if position < len(wishes) else None
        asked = [] if body is None else [asking(f"c{position // 2 * 2}", 1_000_000 + 150_000 * position, body)]
        for one in (entry, *asked):
            apply(operator, one)
            whole.append(one)
    return whole


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


def run_with_kills(
    log: Sequence[Entry], checkpoints: set[int], kills: set[int]
) -> tuple[DecideOperator, dict[str, Output]]:
    """Apply the log; at each kill go back to the last checkpoint. Records by id; one id must say one thing."""
    seen: dict[str, Output] = {}
    blocks: dict[str, bytes | None] = {}
    saved, position = 0, 0
    operator = DecideOperator(SETTINGS, 0, 1)
    todo = set(kills)
    while position < len(log):
        for one in apply(operator, log[position]):
            assert seen.setdefault(one.id, one) == one
        if position in checkpoints:
            blocks |= dict(operator.take_blocks())
            saved = position + 1
        position += 1
        if position - 1 in todo:
            todo.discard(position - 1)
            operator, position = restored(blocks), saved
    return operator, seen


def restored(blocks: dict[str, bytes | None]) -> DecideOperator:
    operator = DecideOperator(SETTINGS, 0, 1)
    for key, value in blocks.items():
        if value is None:
            continue
        assert len(value) < 1_000_000
        operator.load_block(key, value)
    operator.finish_load()
    return operator


@given(orders=arrivals(), ticks=st.lists(st.integers(900, 8000), max_size=8))
@settings(max_examples=60, deadline=None)
def test_after_the_last_tick_the_topics_say_what_the_state_says(
    make: Make, orders: tuple[list[dict[str, Any]], list[dict[str, Any]]], ticks: list[int]
) -> None:
    operator = DecideOperator(SETTINGS, 0, 1)
    outputs = feed(operator, [make(**one) for one in orders[1]], sorted(ticks))
    outputs += operator.on_tick(9_000_000)
    last = {(one.topic.name, one.key): one.value for one in outputs}
    incidents = [Incident.from_bytes(value) for (topic, _), value in last.items() if topic == INCIDENTS.name]
    loose = {"updated_ms"}
    said = {one.id: one.model_dump(exclude=loose) for one in incidents if one.state != "merged"}
    assert said == {one.id: one.model_dump(exclude=loose) for one in operator.incidents()}
    aliases = {one.id: one.merged_into for one in incidents if one.state == "merged"}
    assert {alias for one in operator.incidents() for alias in one.aliases} == set(aliases)
    assert all(target in said or target in aliases for target in aliases.values())
    assert len([key for key in last if key[0] == ALERTS.name]) == len(
        {(a.tenant, a.fingerprint) for a in operator.alerts()}
    )

"""Whatever the order, the repeats and the kills: the same alerts and incidents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from incidents.decide import DecideOperator
from incidents.lifecycle import MOVES, Asked
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
from schemas.events import Setting
from schemas.incident_events import Incident
from schemas.topics import ALERTS, INCIDENTS
from streams.operator import Output
from tests.unit.incidents.arrivals import SETTINGS, Entry, Event, apply, arrivals, feed, versions

Make = Callable[..., Event]


def outcome(operator: DecideOperator) -> tuple[list[dict[str, Any]], list[tuple[object, ...]]]:
    """What must agree: alerts but for the incident's id and key, incidents by what they hold and what was paged for."""
    given = {"incident_id", "page_key"}
    alerts = [
        one.model_dump(exclude={*given, "id"} if one.labels["alertname"] == "ClusterPattern" else given)
        for one in operator.alerts()
    ]
    own = {one.id for one in operator.alerts() if one.safety}
    by_incident: dict[str | None, set[str]] = {}
    for one in operator.alerts():
        if one.labels["alertname"] == "ClusterPattern":
            continue
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

"""Whatever order alerts and incidents come in, whatever comes twice, whoever is restarted: a page is opened once."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from incidents.dispatch.operator import DispatchOperator
from incidents.dispatch.settings import DispatchSettings
from incidents.routing.reading import routing_from
from schemas.incident_events import Alert, Incident
from schemas.notification_events import Notification
from schemas.topics import NOTIFICATIONS
from streams.operator import Output
from tests.unit.incidents.dispatch.conftest import ROUTES, T0_MS, make_alert, make_incident, make_member

Step = Alert | Incident


@dataclass
class History:
    """What decide tells of some incidents: transactions, each of an alert and what it makes of its incident."""

    transactions: list[list[Step]] = field(default_factory=list)
    paged: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, seed: int, count: int) -> History:
        """Incidents of one to three alerts each, which begin and end within minutes."""
        chance = random.Random(seed)
        told: list[tuple[float, list[Step]]] = []
        history = cls()
        for number in range(count):
            name = f"i{number}"
            begins = chance.uniform(0, 100)
            ends = begins + chance.uniform(1, 100)
            priority = "P0" if chance.random() < 0.8 else "P2"
            if priority == "P0":
                history.paged.add(name)
            members = chance.randrange(1, 4)
            times = [begins + member * (ends - begins) / 5 for member in range(members)]
            given = [
                {"node": f"{name}-{member}", "priority": priority, "incident_id": name, "since_s": at_s}
                for member, at_s in enumerate(times)
            ]
            alerts = [make_alert(at_s=at_s, **of) for at_s, of in zip(times, given, strict=True)]
            for member, at_s in enumerate(times):
                listed = [make_member(alert) for alert in alerts[: member + 1]]
                incident = make_incident(name, revision=member + 1, priority=priority, members=listed)
                told.append((at_s, [alerts[member], incident]))
                told.append((ends, [make_alert(at_s=ends, state="resolved", **given[member])]))
            listed = [make_member(alert) for alert in alerts]
            last = make_incident(name, revision=members + 1, priority=priority, members=listed, state="resolved")
            told.append((ends + 1, [last]))
        told.sort(key=lambda one: one[0])
        history.transactions = [steps for _, steps in told]
        return history


@dataclass
class Pager:
    """The outbox's far end: what is older than what it knows is a repeat."""

    open: set[str] = field(default_factory=set)
    opens: Counter[str] = field(default_factory=Counter)
    _done: Counter[str] = field(default_factory=Counter)

    def take(self, outputs: list[Output]) -> None:
        for one in (Notification.from_bytes(output.value) for output in outputs if output.topic is NOTIFICATIONS):
            place = f"{one.receiver} {one.dedup_key}"
            if one.receiver != "page" or one.sequence <= self._done[place]:
                continue
            self._done[place] = one.sequence
            if one.action == "resolve":
                self.open.discard(one.dedup_key)
            elif one.dedup_key not in self.open:
                self.open.add(one.dedup_key)
                self.opens[one.dedup_key] += 1


class Life:
    """A stage that reads two topics as it likes, is killed, and then reads a stretch of both, and its ticks, again.

    A tick holds once both topics were read as far as they had been when it was written; either may be read further.
    """

    def __init__(self, history: History, seed: int) -> None:
        steps = [step for one in history.transactions for step in one]
        self.topics = [[one for one in steps if isinstance(one, kind)] for kind in (Alert, Incident)]
        self.ends = [[0, 0]]
        for one in history.transactions:
            alerts = sum(isinstance(step, Alert) for step in one)
            self.ends.append([self.ends[-1][0] + alerts, self.ends[-1][1] + len(one) - alerts])
        self.chance = random.Random(seed)
        self.pager = Pager()
        self.visible = 0
        self.at = [0, 0]
        self.ticks: list[tuple[int, list[int]]] = []
        self.ticked = 0
        self.saved = ([0, 0], 0, 0)
        self.blocks: dict[str, bytes] = {}
        self.outbox: list[Notification] = []
        self.operator = self._fresh()
        self.now_ms = T0_MS
        self.tick()
        self.save()

    @staticmethod
    def _fresh() -> DispatchOperator:
        return DispatchOperator(DispatchSettings(), routing_from(ROUTES, "routes.yaml"), 0, 1)

    def save(self) -> None:
        for key, value in self.operator.take_blocks():
            if value is None:
                self.blocks.pop(key, None)
            else:
                self.blocks[key] = value
        self.saved = list(self.at), self.ticked, len(self.outbox)

    def die(self) -> None:
        """What was told since the last checkpoint was told; the state knows nothing of it."""
        self.operator = self._fresh()
        for key, value in self.blocks.items():
            self.operator.load_block(key, value)
        self.operator.finish_load()
        self.at, self.ticked = list(self.saved[0]), self.saved[1]
        for one in self.outbox[self.saved[2] :]:
            assert self.operator.on_told(one) == []

    def write(self) -> None:
        """Let some more transactions become visible."""
        self.visible = min(len(self.ends) - 1, self.visible + self.chance.randrange(0, 12))

    def read(self) -> None:
        """Some records of what is visible, of either topic."""
        for _ in range(self.chance.randrange(0, 12)):
            self._read_one()

    def catch_up(self) -> None:
        """All of what is visible."""
        while self._read_one():
            pass

    def tick(self) -> None:
        """Time passes, which is written once all that is visible was read."""
        self.catch_up()
        self.now_ms += self.chance.randrange(1, 4) * 1000
        self.ticks.append((self.now_ms, list(self.at)))
        self._apply_ticks()

    def _told(self, outputs: list[Output]) -> None:
        self.outbox += [Notification.from_bytes(one.value) for one in outputs if one.topic is NOTIFICATIONS]
        self.pager.take(outputs)

    def _read_one(self) -> bool:
        left = [which for which in (0, 1) if self.at[which] < self.ends[self.visible][which]]
        if not left:
            return False
        which = self.chance.choice(left)
        one = self.topics[which][self.at[which]]
        self.at[which] += 1
        self._told(self.operator.on_alert(one) if isinstance(one, Alert) else self.operator.on_incident(one))
        self._apply_ticks()
        return True

    def _apply_ticks(self) -> None:
        while self.ticked < len(self.ticks):
            at_ms, after = self.ticks[self.ticked]
            if self.at[0] < after[0] or self.at[1] < after[1]:
                return
            self.ticked += 1
            self._told(self.operator.on_tick(at_ms))


MOVES = ["write", "read", "catch_up", "tick", "tick", "save", "die"]


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**9), st.integers(1, 12), st.lists(st.sampled_from(MOVES), max_size=80))
def test_each_incident_that_pages_is_paged_once_and_ended(seed: int, count: int, moves: list[str]) -> None:
    history = History.of(seed, count)
    life = Life(history, seed)
    for move in moves:
        getattr(life, move)()
    while life.visible < len(history.transactions):
        life.write()
        life.tick()
    for _ in range(60):
        life.tick()
    assert set(life.pager.opens) == history.paged
    assert set(life.pager.opens.values()) <= {1}
    assert life.pager.open == set()

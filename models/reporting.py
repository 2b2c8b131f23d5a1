"""What the walk and the detectors on top of it reported, as anomalies in the order of a batch's rows."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np

from models import episodes as e
from models.audit import audit_entry
from models.chosen import ChosenBank, ChosenEvent
from models.drift import DriftBank
from models.entities.bank import EntityBank, Name
from models.entities.layout import PATIENCE
from models.entities.verdict import entity_anomaly
from models.health import HealthBook
from models.rule_book import RuleBook
from models.settings import DetectSettings
from models.trace import SKIPPED
from models.verdict import Minute, Subject, Told, chosen_anomaly, drift_anomalies, rule_anomaly, window_anomaly
from models.versions import AUDIT_RULE
from models.vital_verdict import vital_anomaly
from models.vitals import FIRST_VITAL, MISSING
from schemas.batch import SampleBatch
from schemas.events import Anomaly, AuditEntry, EntityHealth, GoldenSignal
from schemas.ids import decide_partition, event_id
from schemas.topics import ANOMALIES, AUDIT, HEALTH
from streams.bank import SeriesBank
from streams.layout import HOT_DIRTY, Array
from streams.operator import Output

Found = list[tuple[int, int, Anomaly]]
"""Anomalies with their row, and their order within it."""


class Drift(NamedTuple):
    """A drift that a batch's row told: the row, and the end of the minute."""

    row: int
    end_ms: int


Drifts = dict[int, list[Drift]]
"""By slot, in the order of rows."""
# What chosen detectors say of a row comes after all else.
LAST: Final = 1 << 40
MINUTE_MS: Final = 60_000


def _drifted_by(ints: list[int], drifts: Drifts) -> int:
    """When a series was last told to drift, as of an event; silence is told before its row's minute is closed."""
    before = ints[e.I_ROW] + (ints[e.I_CODE] != e.END_SILENT)
    return max([ints[e.I_DRIFTED], *(one.end_ms for one in drifts.get(ints[e.I_SLOT], ()) if one.row < before)])


def recent_points(work: Any, at: int) -> list[tuple[int, float]]:
    """The hour that led to a reported start, oldest first; what no reader of JSON could read is left out."""
    count = int(work["recent_count"][at])
    times, values = work["recent_ms"][at, :count].tolist(), work["recent"][at, :count].tolist()
    return [(time_ms, value) for time_ms, value in zip(times, values, strict=True) if math.isfinite(value)]


def _is_of_silence(ints: list[int]) -> bool:
    """Whether it tells of the time before its row: what silence ended, and that there was one."""
    missed = ints[e.I_RULE] == FIRST_VITAL - MISSING and ints[e.I_CODE] == e.START
    return missed or ints[e.I_CODE] == e.END_SILENT


class Reporting:
    """The part of the detect operator that tells."""

    settings: DetectSettings
    bank: SeriesBank
    drift: DriftBank
    chosen: ChosenBank
    entities: EntityBank
    health: HealthBook
    partitions: int
    _rules: RuleBook
    _work: Array
    _extra: Counter[str]
    _audit: list[AuditEntry]
    _anew: set[int]
    """Rows at which a series that chosen detectors watch begins anew."""

    def _judge_chosen(self, batch: SampleBatch, slots: Array, rows: Array, told: Array) -> Found:
        """Hand on what the walk took of the series that chosen detectors watch, and where one began anew."""
        found: Found = []
        for row in sorted(self._anew.union(rows[told["verdict"][rows] != SKIPPED].tolist())):
            slot, time_ms = int(slots[batch.series[row]]), int(batch.timestamp_ms[row])
            events: list[ChosenEvent] = []
            if row in self._anew:
                events += self.chosen.start_anew(slot, time_ms)
            if told["verdict"][row] != SKIPPED:
                events += self.chosen.step(slot, time_ms, float(told["value"][row]))
            found += [(row, LAST, self._chosen_anomaly(slot, event)) for event in events]
        return found

    def _chosen_anomaly(self, slot: int, event: ChosenEvent) -> Anomaly:
        return chosen_anomaly(event, self._subject(slot), self.settings.updates)

    def _subject(self, slot: int) -> Subject:
        identity = self.bank.identities[slot]
        assert identity is not None
        return Subject(identity.series, int(self.bank.slots[slot]["id"]))

    def _collect(self) -> Found:
        """What the walk reported, as (row, order, anomaly); the report is then empty."""
        work = self._work[0]
        events, minutes = int(work["events"]), int(work["minutes"])
        work["events"] = work["minutes"] = 0
        found: Found = []
        ints, floats = work["ints"][:events].tolist(), work["floats"][:events].tolist()
        drifts: Drifts = defaultdict(list)
        if minutes:
            found += self._learn_minutes(minutes, events, drifts)
        for at, told in enumerate(map(Told, ints, floats)):
            if told.ints[e.I_RULE] == AUDIT_RULE:
                self._audit.append(audit_entry(told, self._subject(told.ints[e.I_SLOT])))
                continue
            order = at if _is_of_silence(told.ints) else at + 2 * events + 2
            told.ints[e.I_DRIFTED] = _drifted_by(told.ints, drifts)
            anomaly = self._anomaly(told)
            if told.ints[e.I_CODE] == e.START:
                anomaly = anomaly.model_copy(update={"recent": recent_points(work, at)})
            found.append((told.ints[e.I_ROW], order, anomaly))
        self._note_drifts(drifts)
        return found

    def take_audit(self) -> list[AuditEntry]:
        """What the last batch wrote down, in the order of its samples; nothing the second time."""
        taken, self._audit = self._audit, []
        return taken

    def _audit_outputs(self) -> list[Output]:
        return [
            Output(AUDIT, self._home(one.tenant), one.tenant, one.to_bytes(), one.at_ms, one.id)
            for one in self.take_audit()
        ]

    def _note_drifts(self, drifts: Drifts) -> None:
        """Keep a series' last drift, unless it has begun anew since."""
        for slot, told in drifts.items():
            row = self.bank.slots[slot]
            if told[-1].end_ms >= row["first_ms"] > 0:
                row["drifted_ms"] = told[-1].end_ms
                row["dirty"] |= HOT_DIRTY

    def _anomaly(self, told: Told) -> Anomaly:
        about = self._subject(told.ints[e.I_SLOT])
        if (rule := told.ints[e.I_RULE]) >= 0:
            return rule_anomaly(told, about, self._rules.entries[rule].rule)
        if rule <= FIRST_VITAL:
            return vital_anomaly(told, about)
        return window_anomaly(told, about)

    def _learn_minutes(self, minutes: int, events: int, drifts: Drifts) -> Found:
        """Feed closed minutes to entities and drift detectors; those of series that begin anew do, too."""
        closed, sizes = self._work["closed"][0, :minutes], self._work["closed_z"][0, :minutes]
        anew = np.flatnonzero(sizes[:, 3] == 0.0).tolist()
        self._anew.update(row for slot, row in closed[anew, :2].tolist() if slot in self.chosen)
        self._extra["closed_buckets"] += int(np.count_nonzero(sizes[:, 3] > 0.0))
        found: Found = []
        for start, end in pairwise([-1, *anew, minutes]):
            if self.settings.drift.enabled:
                known = start + 1 + np.flatnonzero(sizes[start + 1 : end, 3] > 0.0)
                found += self._learn_drift(closed[known], sizes[known], events, drifts)
            if end < minutes:
                self.drift.forget(int(closed[end, 0]))
        return found + self._learn_entities(closed, sizes)

    def _learn_entities(self, closed: Array, sizes: Array) -> Found:
        found: Found = []
        for findings in self.entities.learn(closed, sizes, self.bank.slots["first_ms"]):
            for one in findings:
                if (anomaly := self._entity_anomaly(one)) is not None:
                    found.append((int(one["row"]), LAST + len(found), anomaly))
        return found

    def _entity_anomaly(self, finding: Any) -> Anomaly | None:
        name = self.entities.names[int(finding["entity"])]
        assert name is not None
        ids = [int(finding["lead"]), *finding["id"][: finding["count"]].tolist()]
        series = {key: self._subject(slot).series for key, slot in self.entities.slots_of(name, ids).items()}
        return entity_anomaly(finding, name, series)

    def _learn_drift(self, closed: Array, sizes: Array, events: int, drifts: Drifts) -> Found:
        found: Found = []
        for at, since_ms in self.drift.learn(closed[:, 0], sizes[:, 0], closed[:, 2]):
            slot, row, end_ms = closed[at, :3].tolist()
            drifts[slot].append(Drift(row, end_ms))
            mean, center, size = sizes[at, 1:].tolist()
            minute = Minute(end_ms, mean, center, size, since_ms)
            for state, one in enumerate(drift_anomalies(minute, self._subject(slot), self.settings.drift.detector)):
                found.append((row, events + state, one))
        return found

    def _outputs(self, anomalies: Sequence[Anomaly]) -> list[Output]:
        outputs: list[Output] = []
        for one in anomalies:
            told = f"{one.id}/{one.state}/{one.at_ms}"
            outputs.append(Output(ANOMALIES, self._home(one.tenant), one.key, one.to_bytes(), one.at_ms, told))
            health = self.health.absorb(one, self._signals(Name(one.tenant, one.entity), one.at_ms))
            if health is not None:
                outputs.append(self._health_output(health))
        return outputs

    def _home(self, tenant: str) -> int:
        return decide_partition(tenant, self.partitions)

    def _signals(self, name: Name, at_ms: int) -> list[GoldenSignal]:
        """The golden signals of an entity, as far as they are known whatever comes in which order."""
        return self.entities.signals_of(name, self.bank.slots["first_ms"], at_ms - PATIENCE * MINUTE_MS)

    def _tell_health(self, at_ms: int) -> list[Output]:
        """Entities that are new or gone, and those of which nothing was told for a day."""
        gone = [self.health.forget(name, at_ms) for name in self.entities.take_gone()]
        told = [self.health.tell(name, now, self._signals(name, now)) for name, now in self.health.on_tick(at_ms)]
        return [self._health_output(one) for one in (*gone, *told) if one is not None]

    def _health_output(self, one: EntityHealth) -> Output:
        key = f"{one.tenant}/{one.entity}"
        told = event_id("health", key, one.at_ms, one.to_bytes())
        return Output(HEALTH, self._home(one.tenant), key, one.to_bytes(), one.at_ms, told)

"""The detect stage: one partition's series, judged by five windows, drift detectors and threshold rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from models.audit import BASELINES_SUBJECT, ask_back, request_of
from models.bucket_counters import with_buckets
from models.detect_state import DetectState
from models.entities.bank import Name
from models.maintenance import windows_of
from models.priors import PRIORS_SUBJECT, priors_of
from models.reporting import Found
from models.rules import ThresholdRule, rules_of
from models.settings import DetectSettings
from models.trace import NO_TRACE, make_trace
from models.walk import MAX_TIME_MS, sweep, walk
from schemas.batch import SampleBatch, decode_batch
from schemas.errors import SchemaError
from schemas.events import Anomaly, Setting, Tick
from schemas.series import Series
from schemas.topics import DETECT_TICKS, SAMPLES, SETTINGS, Topic
from streams.bank import Newcomer
from streams.intake import COUNT_NAMES
from streams.layout import Array
from streams.operator import Output

__all__ = ["DetectOperator", "DetectSettings", "ThresholdRule"]

# Identity longer than this would not fit a checkpoint's record; such series are dropped and counted.
MAX_TEXT: Final = 16_000
# Samples further ahead of a tick than the gateway lets through do not move time.
MAX_AHEAD_MS: Final = 300_000
RULES_SUBJECT: Final = "threshold_rules"
MAINTENANCE_SUBJECT: Final = "maintenance"


class DetectOperator(DetectState):
    """One partition of the detect stage.

    Results depend on each series' own order of samples alone: neither on where a batch was cut nor on how series
    interleave. A sample that comes again changes nothing.

    Parameters
    ----------
    settings
        When a series is anomalous.
    partition, partitions
        Which of how many; anomalies go to their tenant's partition.
    counting
        Counts what passes through for objectives.

    Examples
    --------
    >>> operator = DetectOperator(DetectSettings(windows={"5m": {"warmup_s": 60}}), 0, 1)
    >>> cpu = Series("t", "node_cpu_ratio", {}, {"node": "h1"})
    >>> values = np.concatenate([np.tile([0.09, 0.11], 60), np.full(8, 0.97)])
    >>> batch = SampleBatch(
    ...     "t", np.array([cpu.id], np.uint64), [cpu.text], np.zeros(128, np.int32),
    ...     1_700_000_000_000 + 1000 * np.arange(128), values,
    ... )
    >>> [(one.state, one.kind, one.severity) for one in operator.step_batch(batch)]
    [('start', 'spike', 'critical')]
    """

    inputs: tuple[Topic, ...] = (SAMPLES, SETTINGS, DETECT_TICKS)

    @property
    def series_count(self) -> int:
        """Series that are known now."""
        return len(self.bank)

    @property
    def counts(self) -> dict[str, int]:
        """What became of the samples so far, by name; series and buckets, too."""
        counts = dict(zip(COUNT_NAMES, self._work["counts"][0].tolist(), strict=True))
        counts |= self.histograms.counts | self.counting.counts
        counts |= {
            "river_updates": self.drift.updates,
            "rules_dropped": self._rules.dropped,
            "maintenance_dropped": self._maintenance.dropped,
        }
        return counts | {name: self._extra[name] for name in ("closed_buckets", "forgotten", "text_too_long")}

    def step(self, topic: str, value: bytes | None) -> list[Output]:
        """Apply one record of an input topic.

        Raises
        ------
        SchemaError
            If it cannot be read; the state is then unchanged.
        """
        if value is None:
            raise SchemaError(f"an empty record on {topic}")
        if topic == SAMPLES.name:
            found = self.step_batch(decode_batch(value))
            return [*self._outputs(found), *self._audit_outputs(), *self._counted]
        if topic == DETECT_TICKS.name:
            at_ms = Tick.from_bytes(value).at_ms
            found = self.on_tick(at_ms)
            return [*self._outputs(found), *self._tell_health(at_ms), *self._audit_outputs(), *self._counted]
        self.apply_setting(Setting.from_bytes(value))
        return []

    def step_batch(self, batch: SampleBatch, told: Array = NO_TRACE) -> list[Anomaly]:
        """Apply a batch; the anomalies that start, go on or end with it, in the order of its samples.

        Parameters
        ----------
        batch
            Samples.
        told
            Becomes what was found of each row (``models.trace``), if there is one for each.
        """
        self._audit = []
        self._counted = []
        self._anew.clear()
        if batch.is_histogram:
            batch = with_buckets(batch, self.histograms.derive(batch, self._newest_ms), self.counting.bounds)
        if not len(batch):
            return []
        slots = self._slots(batch)
        columns = (
            slots,
            np.array(batch.series, np.int32),
            np.array(batch.timestamp_ms, np.int64),
            np.array(batch.value, np.float64),
        )
        times = columns[2][(columns[2] > 0) & (columns[2] < MAX_TIME_MS)]
        self._work["frontier_ms"] = self._newest_ms
        self._newest_ms = max(self._newest_ms, int(times.max(initial=0)))
        self._tables = (*self._tables[:3], self._maintenance.table(times))
        found: Found = []
        start = 0
        watched = [at for at, slot in enumerate(slots.tolist()) if slot in self.chosen] if self.chosen else []
        if watched and not len(told):
            told = make_trace(len(batch))
        while start < len(batch):
            start = walk(self.bank.slots, columns, start, self._tables, self._work, told)
            found += self._collect()
        if watched:
            found += self._judge_chosen(batch, slots, np.flatnonzero(np.isin(batch.series, watched)), told)
        told_of = [one for _, _, one in sorted(found, key=lambda item: item[:2])]
        self._counted = self.counting.take(batch, slots, told_of)
        return told_of

    def _slots(self, batch: SampleBatch) -> npt.NDArray[np.int32]:
        """A slot for each of the batch's series; -1 beyond the limit."""
        slots = self.bank.slots_of(batch.series_ids)
        absent = np.flatnonzero(slots < 0)
        if not len(absent):
            return slots
        room = self.settings.max_series - self.bank.tenants.get(batch.tenant, 0)
        fresh: dict[int, Newcomer] = {}
        for position, series_id in zip(absent.tolist(), batch.series_ids[absent].tolist(), strict=True):
            if series_id not in fresh and len(fresh) < room:
                text = str(batch.series_text[position])
                if len(text) > MAX_TEXT:
                    self._extra["text_too_long"] += 1
                    continue
                series = Series.from_text(batch.tenant, text)
                fresh[series_id] = Newcomer(series, series_id, text, self._family(series))
        if fresh:
            self._register(list(fresh.values()))
        return self.bank.slots_of(batch.series_ids)

    def _register(self, fresh: Sequence[Newcomer]) -> None:
        slots = self.bank.add(fresh)
        self.drift.grow(self.bank.capacity)
        self.entities.grow(self.bank.capacity)
        for slot, one in zip(slots, fresh, strict=True):
            self.entities.watch(slot, one.series, one.id)
            self.health.watch(Name(one.series.tenant, one.series.entity))
            self.chosen.watch(slot, one.series)
            self.counting.watch(slot, one.series)
            if positions := self._rules.watching(one.series):
                self._rules.attach(self.bank, slot, positions)
            self.bank.slots["maintenance"][slot] = self._maintenance.group_of(one.series)

    def on_tick(self, at_ms: int) -> list[Anomaly]:
        """Let time pass: series that stopped end what is open, and are forgotten later.

        Time is the samples' own: a tick moves it on only while no newer samples come, so that a stage that
        catches up ends nothing early.
        """
        seen_ms, tick_ms = self._anchor
        if self._newest_ms != seen_ms:
            self._anchor = seen_ms, tick_ms = self._newest_ms, at_ms
        # Samples from the future age nobody.
        now_ms = min(seen_ms + max(0, at_ms - tick_ms), at_ms + MAX_AHEAD_MS)
        found: list[Anomaly] = []
        silent_ms = np.zeros(self.bank.used, np.int64)
        self._tables = (*self._tables[:3], self._maintenance.table(np.array([now_ms])))
        start = 0
        while start < self.bank.used:
            start = sweep(self.bank.slots, start, now_ms, self._tables, self._work, silent_ms)
            found += [one for _, _, one in self._collect()]
        times_ms = self.bank.slots["newest_ms"][: self.bank.used] + silent_ms
        found += [self._chosen_anomaly(slot, event) for slot, event in self.chosen.silence(times_ms)]
        forget_ms = int(self.settings.forget_after_s * 1000)
        forgotten = np.flatnonzero(silent_ms > forget_ms).tolist()
        ended = map(self._entity_anomaly, self.entities.silence(times_ms, forgotten))
        found += [one for one in ended if one is not None]
        for slot in forgotten:
            self.counting.forget(slot)  # while the bank still knows whose it was
            self.bank.forget(slot)
            self.drift.forget(slot)
            self.chosen.forget(slot)
            self.entities.forget(slot)
            self._extra["forgotten"] += 1
        self.histograms.forget(now_ms, forget_ms)
        found.sort(key=lambda one: (one.at_ms, one.series_id, one.detector))
        self._counted = self.counting.on_tick(at_ms, now_ms, found)
        return found

    def apply_setting(self, setting: Setting) -> None:
        """Threshold rules, maintenance or priors from an event time on; other subjects are somebody else's.

        Raises
        ------
        SchemaError
            If it cannot be read.
        """
        self.counting.apply_setting(setting)
        if setting.subject == RULES_SUBJECT:
            self._replace_rules(rules_of(setting), setting.valid_from_ms)
        elif setting.subject == BASELINES_SUBJECT:
            ask_back(self.bank, request_of(setting), setting.valid_from_ms)
        elif setting.subject == PRIORS_SUBJECT:
            self._priors.replace(priors_of(setting), setting.valid_from_ms)
            self._tabulate_families()
        elif setting.subject == MAINTENANCE_SUBJECT:
            windows = windows_of(setting)
            try:
                self._maintenance.replace(windows, setting.valid_from_ms, self._newest_ms, self.bank)
            except ValueError as error:
                raise SchemaError(str(error)) from error

"""The detect stage: one partition's series, judged by five windows, drift detectors and threshold rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from models.audit import BASELINES_SUBJECT, ask_back, request_of
from models.chosen import ChosenBank
from models.drift import DriftBank
from models.entities.bank import EntityBank, Name
from models.families import family_of
from models.health import HealthBook
from models.histograms import HistogramBank
from models.maintenance import windows_of
from models.maintenance_book import MaintenanceBook
from models.params import family_records, make_work, pace_of, params_record
from models.priors import PRIORS_SUBJECT, PriorBook, priors_of, shipped_priors
from models.registry import make_detector
from models.reporting import Found, Reporting
from models.rule_book import RuleBook
from models.rules import ThresholdRule, rules_of
from models.settings import DetectSettings
from models.trace import NO_TRACE, make_trace
from models.walk import MAX_TIME_MS, sweep, walk
from schemas.batch import SampleBatch, decode_batch
from schemas.errors import CheckpointError, SchemaError
from schemas.events import Anomaly, Setting, Tick
from schemas.series import Series
from schemas.topics import DETECT_TICKS, SAMPLES, SETTINGS, Topic
from streams.bank import Newcomer, SeriesBank
from streams.intake import COUNT_NAMES
from streams.layout import HOT_DIRTY, Array
from streams.operator import Output

__all__ = ["DetectOperator", "DetectSettings", "ThresholdRule"]

STATE_VERSION: Final = 1
# Identity longer than this would not fit a checkpoint's record; such series are dropped and counted.
MAX_TEXT: Final = 16_000
# Metrics whose family is remembered: names may come and go without end.
FAMILIES_KEPT: Final = 50_000
# Samples further ahead of a tick than the gateway lets through do not move time.
MAX_AHEAD_MS: Final = 300_000
RULES_SUBJECT: Final = "threshold_rules"
MAINTENANCE_SUBJECT: Final = "maintenance"


class DetectOperator(Reporting):
    """One partition of the detect stage.

    Results depend on each series' own order of samples alone: neither on where a batch was cut nor on how series
    interleave. A sample that comes again changes nothing.

    Parameters
    ----------
    settings
        When a series is anomalous.
    partition, partitions
        Which of how many; anomalies go to their tenant's partition.

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

    def __init__(self, settings: DetectSettings, partition: int, partitions: int) -> None:
        self.settings = settings
        self.partition = partition
        self.partitions = partitions
        self.bank = SeriesBank()
        self.drift = DriftBank(settings.drift)
        self.chosen = ChosenBank(settings.detectors, make_detector, pace_of(settings))
        self.entities = EntityBank(settings.entities)
        self.health = HealthBook()
        self.histograms = HistogramBank(settings.max_series)
        self._families = settings.all_families()
        self._family_cache: dict[tuple[str, str, str], int] = {}
        self._rules = RuleBook(settings.all_rules(), settings.updates.every_s)
        self._maintenance = MaintenanceBook(
            settings.maintenance, settings.calendar, int(settings.forget_after_s * 1000)
        )
        self._priors = PriorBook(shipped_priors() if settings.shipped_priors else None)
        self._tables = (
            params_record(settings),
            family_records(self._families, self._priors),
            self._rules.records(),
            self._maintenance.table(np.zeros(0, np.int64)),
        )
        self._work = make_work()
        self._extra: Counter[str] = Counter()
        self._audit = []
        self._anew = set()
        self._newest_ms = 0
        self._anchor = (0, 0)
        self._loaded_meta: dict[str, Any] | None = None

    @property
    def series_count(self) -> int:
        """Series that are known now."""
        return len(self.bank)

    @property
    def counts(self) -> dict[str, int]:
        """What became of the samples so far, by name; series and buckets, too."""
        counts = dict(zip(COUNT_NAMES, self._work["counts"][0].tolist(), strict=True))
        counts |= self.histograms.counts
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
            return [*self._outputs(self.step_batch(decode_batch(value))), *self._audit_outputs()]
        if topic == DETECT_TICKS.name:
            at_ms = Tick.from_bytes(value).at_ms
            return [*self._outputs(self.on_tick(at_ms)), *self._tell_health(at_ms), *self._audit_outputs()]
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
        self._anew.clear()
        if batch.is_histogram:
            batch = self.histograms.derive(batch, self._newest_ms)
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
        return [one for _, _, one in sorted(found, key=lambda item: item[:2])]

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
            if positions := self._rules.watching(one.series):
                self._rules.attach(self.bank, slot, positions)
            self.bank.slots["maintenance"][slot] = self._maintenance.group_of(one.series)

    def _family(self, series: Series) -> int:
        key = (series.metric, series.unit, series.type)
        if key not in self._family_cache:
            if len(self._family_cache) >= FAMILIES_KEPT:
                self._family_cache.clear()
            self._family_cache[key] = family_of(self._families, *key)
        return self._family_cache[key]

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
            self.bank.forget(slot)
            self.drift.forget(slot)
            self.chosen.forget(slot)
            self.entities.forget(slot)
            self._extra["forgotten"] += 1
        self.histograms.forget(now_ms, forget_ms)
        return sorted(found, key=lambda one: (one.at_ms, one.series_id, one.detector))

    def apply_setting(self, setting: Setting) -> None:
        """Threshold rules, maintenance or priors from an event time on; other subjects are somebody else's.

        Raises
        ------
        SchemaError
            If it cannot be read.
        """
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

    def _replace_rules(self, rules: Sequence[ThresholdRule], from_ms: int) -> None:
        self._rules.replace(rules, from_ms, self._newest_ms, self.bank)
        self._tables = (*self._tables[:2], self._rules.records(), self._tables[3])

    def _tabulate_families(self) -> None:
        self._tables = (self._tables[0], family_records(self._families, self._priors), *self._tables[2:])

    def mark_all(self) -> None:
        """Let the next ``take_blocks`` bring the whole state."""
        self.bank.mark_all()
        self.drift.mark_all()
        self.chosen.mark_all()
        self.entities.mark_all()
        self.health.mark_all()
        self.histograms.mark_all()

    def take_blocks(self) -> list[tuple[str, bytes | None]]:
        """Copy out the records that changed since the last call."""
        banks = (self.bank, self.drift, self.chosen, self.entities, self.health, self.histograms)
        blocks = [block for bank in banks for block in bank.take_blocks()]
        return [*blocks, ("meta", msgspec.json.encode(self._meta()))]

    def _meta(self) -> dict[str, Any]:
        return {
            "version": STATE_VERSION,
            "used": self.bank.used,
            "newest_ms": self._newest_ms,
            "anchor": self._anchor,
            "drift": self.settings.drift.model_dump(mode="json"),
            "calendar": self.settings.calendar.model_dump(mode="json"),
            "families": [one.model_dump(mode="json") for one in self._families],
            "configured": [one.model_dump(mode="json") for one in self._rules.configured],
            "rules": self._rules.state(),
            "maintenance": self._maintenance.state(),
            "priors": self._priors.state(),
        }

    def load_block(self, key: str, value: bytes) -> None:
        """Put a record back.

        Raises
        ------
        CheckpointError
            If it is of another version.
        """
        kind = key.split("/", 1)[0]
        if kind == "meta":
            self._loaded_meta = msgspec.json.decode(value)
        elif kind in {"drift", "river"}:
            self.drift.load_block(key, value)
        elif kind == "chosen":
            self.chosen.load_block(key, value)
        elif kind in {"entities", "entity_names"}:
            self.entities.load_block(key, value)
        elif kind == "health":
            self.health.load_block(key, value)
        elif kind == "histograms":
            self.histograms.load_block(key, value)
        else:
            self.bank.load_block(key, value)

    def finish_load(self) -> None:
        """Make what is derived: index, free slots, detectors; and take notice of changed settings.

        Raises
        ------
        CheckpointError
            If the state is of another version.
        """
        meta = self._loaded_meta
        if meta is None:
            return
        if meta["version"] != STATE_VERSION:
            raise CheckpointError(f"state of version {meta['version']}, this reads {STATE_VERSION}")
        self.bank.finish_load(meta["used"])
        self._load_drift(meta["drift"])
        self.chosen.finish_load(self._series_by_slot())
        self._load_entities()
        self._newest_ms = meta["newest_ms"]
        self._anchor = (meta["anchor"][0], meta["anchor"][1])
        if meta["families"] != [one.model_dump(mode="json") for one in self._families]:
            for slot, identity in self.bank.live():
                row = self.bank.slots[slot]
                row["family"] = self._family(identity.series)
                row["dirty"] |= HOT_DIRTY
        if meta["calendar"] != self.settings.calendar.model_dump(mode="json"):
            self.bank.forget_hours()
        self._priors.load(meta.get("priors", ()))
        self._tabulate_families()
        self._rules.load(meta["rules"])
        if meta["configured"] != [one.model_dump(mode="json") for one in self._rules.configured]:
            self._replace_rules(self._rules.configured, self._newest_ms + 1)
        if not self._maintenance.load(meta["maintenance"]):
            self._maintenance.replace(self.settings.maintenance, self._newest_ms + 1, self._newest_ms, self.bank)
        self._tables = (*self._tables[:2], self._rules.records(), self._tables[3])

    def _load_entities(self) -> None:
        """Entities find their series again; those of which nothing was told yet are new."""
        held = [(slot, series, int(self.bank.slots["id"][slot])) for slot, series in self._series_by_slot()]
        self.entities.grow(self.bank.capacity)
        self.entities.finish_load(held)
        for _, series, _ in held:
            self.health.watch(Name(series.tenant, series.entity))

    def _series_by_slot(self) -> Iterator[tuple[int, Series]]:
        return ((slot, identity.series) for slot, identity in self.bank.live())

    def _load_drift(self, made_with: dict[str, Any]) -> None:
        """Detectors as they were; with other settings they begin anew, and their old records are overwritten."""
        changed = made_with != self.settings.drift.model_dump(mode="json")
        if changed:
            self.drift = DriftBank(self.settings.drift)
        self.drift.grow(self.bank.capacity)
        self.drift.finish_load()
        if changed:
            self.drift.mark_blocks(self.bank.used)

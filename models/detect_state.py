"""What the detect operator keeps, and its state as blocks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
import numpy as np

from models.chosen import ChosenBank
from models.counting import Counting, NoCounting
from models.drift import DriftBank
from models.entities.bank import EntityBank, Name
from models.families import family_of
from models.health import HealthBook
from models.histograms import HistogramBank
from models.maintenance_book import MaintenanceBook
from models.params import family_records, make_work, pace_of, params_record
from models.priors import PriorBook, shipped_priors
from models.registry import make_detector
from models.reporting import Reporting
from models.rule_book import RuleBook
from models.rules import ThresholdRule
from models.settings import DetectSettings
from schemas.errors import CheckpointError
from schemas.series import Series
from streams.bank import SeriesBank
from streams.layout import HOT_DIRTY
from streams.operator import Output

STATE_VERSION: Final = 1
# Metrics whose family is remembered: names may come and go without end.
FAMILIES_KEPT: Final = 50_000


class DetectState(Reporting):
    """The banks and books of one partition, and how they come and go as bytes."""

    def __init__(
        self, settings: DetectSettings, partition: int, partitions: int, counting: Counting | None = None
    ) -> None:
        self.settings = settings
        self.counting = counting or NoCounting()
        self.partition = partition
        self.partitions = partitions
        self.bank = SeriesBank()
        self.counting.know(self.bank.live)
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
        self._counted: list[Output] = []
        self._anew = set()
        self._newest_ms = 0
        self._anchor = (0, 0)
        self._loaded_meta: dict[str, Any] | None = None

    def _family(self, series: Series) -> int:
        key = (series.metric, series.unit, series.type)
        if key not in self._family_cache:
            if len(self._family_cache) >= FAMILIES_KEPT:
                self._family_cache.clear()
            self._family_cache[key] = family_of(self._families, *key)
        return self._family_cache[key]

    def _replace_rules(self, rules: Sequence[ThresholdRule], from_ms: int) -> None:
        self._rules.replace(rules, from_ms, self._newest_ms, self.bank)
        self._tables = (*self._tables[:2], self._rules.records(), self._tables[3])

    def _tabulate_families(self) -> None:
        self._tables = (self._tables[0], family_records(self._families, self._priors), *self._tables[2:])

    @property
    def _banks(self) -> tuple[SeriesBank, DriftBank, ChosenBank, EntityBank, HealthBook, HistogramBank]:
        return self.bank, self.drift, self.chosen, self.entities, self.health, self.histograms

    def mark_all(self) -> None:
        """Let the next ``take_blocks`` bring the whole state."""
        for one in (*self._banks, self.counting):
            one.mark_all()

    def take_blocks(self) -> list[tuple[str, bytes | None]]:
        """Copy out the records that changed since the last call."""
        blocks = [block for one in (*self._banks, self.counting) for block in one.take_blocks()]
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
        elif kind == self.counting.prefix:
            self.counting.load_block(key, value)
        else:
            self._bank_of(kind).load_block(key, value)

    def _bank_of(self, kind: str) -> DriftBank | ChosenBank | EntityBank | HealthBook | HistogramBank | SeriesBank:
        named: dict[str, DriftBank | ChosenBank | EntityBank | HealthBook | HistogramBank] = {
            "drift": self.drift,
            "river": self.drift,
            "chosen": self.chosen,
            "entities": self.entities,
            "entity_names": self.entities,
            "health": self.health,
            "histograms": self.histograms,
        }
        return named.get(kind, self.bank)

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
        for slot, series, _ in held:
            self.health.watch(Name(series.tenant, series.entity))
            self.counting.watch(slot, series)
        self.counting.finish_load()

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

"""The entities of a partition: whose series they are, which of these are judged together, and their records."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec
import numpy as np

from models.entities.feed import feed, silence
from models.entities.layout import (
    BY_MEMBER,
    DUE,
    ENTITY,
    FINDING,
    LATER,
    LEAST,
    MEMBERS,
    PATIENCE,
    make_entities,
)
from models.entities.settings import EntitySettings
from models.golden import SIGNALS, signal_of
from schemas.errors import CheckpointError
from schemas.events import GoldenSignal
from schemas.series import Series
from streams.blocks import pack, unpack
from streams.layout import Array

_KEY: Final = "entities"
_NAMES: Final = "entity_names"
_BLOCK: Final = 16
"""Entities that share a record of a checkpoint."""
_ROOM: Final = 32
_MINUTE_MS: Final = 60_000
_NEVER_MS: Final = 2**62
# Of one metric so many series are taken before others of it wait for all other metrics.
_GOLDEN_FEW: Final = 4
_WITNESSES: Final = 4


class Name(NamedTuple):
    """Whose entity, and which."""

    tenant: str
    entity: str


class _Kind(NamedTuple):
    """What a series is about; most series share it with many others."""

    metric: str
    signal: GoldenSignal | None


_kind = lru_cache(maxsize=10_000)(_Kind)


@dataclass(slots=True)
class _Group:
    """The slots of an entity's series by their ids, and where its record is; -1 for none."""

    name: Name
    index: int = -1
    series: dict[int, int] = field(default_factory=dict)
    witnesses: dict[GoldenSignal, list[int]] = field(default_factory=dict)
    """Slots of some of its series of each golden signal."""


def _grown(old: Array) -> Array:
    """The same records and as many more; what lies between their fields stays zero."""
    records = make_entities(2 * len(old))
    records[: len(old)] = old
    return records


class EntityBank:
    """Records of entities, fed closed minutes.

    Parameters
    ----------
    settings
        When the signals of an entity no longer fit together.
    """

    def __init__(self, settings: EntitySettings) -> None:
        self.settings = settings
        self.records: Array = make_entities(_BLOCK)
        self.names: list[Name | None] = []
        self._params = settings.record()
        self._groups: dict[Name, _Group] = {}
        self._free: list[int] = []
        self._where = (np.full(0, -1, np.int32), np.full(0, -1, np.int32))
        self._findings = np.zeros(_ROOM, FINDING)
        self._name_of: list[Name | None] = []
        self._kind_of: list[_Kind | None] = []
        self._names_dirty = False
        self._gone: dict[Name, None] = {}
        self._loaded: list[tuple[int, str, str]] = []

    def __len__(self) -> int:
        """Entities that have a record."""
        return len(self.names) - len(self._free)

    def grow(self, slots: int) -> None:
        """Have room for so many slots of series."""
        if slots > len(self._where[0]):
            more = np.full(slots - len(self._where[0]), -1, np.int32)
            self._where = (np.concatenate([self._where[0], more]), np.concatenate([self._where[1], more]))
            self._name_of.extend([None] * len(more))
            self._kind_of.extend([None] * len(more))

    def watch(self, slot: int, series: Series, series_id: int) -> None:
        """Let a slot's series be one of its entity's."""
        entity = series.entity
        if entity == "unknown":
            return
        name = Name(series.tenant, entity)
        group = self._groups.get(name)
        if group is None:
            group = self._groups[name] = _Group(name)
        group.series[series_id] = slot
        self._name_of[slot] = group.name
        self._kind_of[slot] = _kind(series.metric, signal_of(series.metric, series.labels))
        self._note_witness(group, slot)
        if self.settings.enabled:
            self._admit(slot, name, group)

    def _note_witness(self, group: _Group, slot: int) -> None:
        """Let a slot's series stand for its golden signal, if few do."""
        kind = self._kind_of[slot]
        if kind and kind.signal and len(held := group.witnesses.setdefault(kind.signal, [])) < _WITNESSES:
            held.append(slot)

    def _admit(self, slot: int, name: Name, group: _Group) -> None:
        """Let a series be judged with the others, once there are enough."""
        if group.index < 0 and len(group.series) >= LEAST:
            group.index = self._take_record(name)
            self._where[0][list(group.series.values())] = group.index
        if group.index >= 0:
            self._where[0][slot] = group.index
            self.records[group.index]["choose"] = DUE
            self.records[group.index]["dirty"] = 1

    def _take_record(self, name: Name) -> int:
        if self._free:
            index = heapq.heappop(self._free)
            self.names[index] = name
        else:
            index = len(self.names)
            self.names.append(name)
            if index >= len(self.records):
                self.records = _grown(self.records)
        self._names_dirty = True
        return index

    def forget(self, slot: int) -> None:
        """A series is gone; with its last one, so is the entity."""
        self._where[0][slot] = self._where[1][slot] = -1
        name, self._name_of[slot], self._kind_of[slot] = self._name_of[slot], None, None
        if name is None:
            return
        group = self._groups[name]
        group.series = {key: one for key, one in group.series.items() if one != slot}
        group.witnesses = {}
        for one in group.series.values():
            self._note_witness(group, one)
        if group.index >= 0:
            self.records[group.index]["choose"] = DUE
            self.records[group.index]["dirty"] = 1
        if group.series:
            return
        del self._groups[name]
        self._gone[name] = None
        if group.index >= 0:
            self.records[group.index] = make_entities(1)[0]
            self.records[group.index]["dirty"] = 1
            self.names[group.index] = None
            heapq.heappush(self._free, group.index)
            self._names_dirty = True

    def take_gone(self) -> list[Name]:
        """Entities whose last series went since the last call, and that are not back."""
        gone = [name for name in self._gone if name not in self._groups]
        self._gone.clear()
        return gone

    def __contains__(self, name: object) -> bool:
        return name in self._groups

    def slots_of(self, name: Name, ids: Iterable[int]) -> dict[int, int]:
        """The slots of those of an entity's series that are still here, by series id."""
        known = self._groups[name].series
        return {key: known[key] for key in ids if key in known}

    def signals_of(self, name: Name, first_ms: Array, by_ms: int) -> list[GoldenSignal]:
        """The golden signals that an entity had series of by a time."""
        group = self._groups.get(name)
        held = {} if group is None else group.witnesses
        return [one for one in SIGNALS if any(0 < int(first_ms[slot]) <= by_ms for slot in held.get(one, ()))]

    def learn(self, closed: Array, sizes: Array, first_ms: Array) -> Iterator[Array]:
        """Hand on closed minutes, in order; what is found, as ``FINDING`` records.

        Parameters
        ----------
        closed, sizes
            As ``WORK`` has them.
        first_ms
            When each slot's series began.
        """
        if not len(self.names):
            return
        at = np.zeros(3, np.int64)
        while True:
            code = feed(self.records, (closed, sizes), self._where, self._params, self._findings, at)
            if code >= 0:
                self._choose(code, first_ms)
                continue
            yield self._findings[: at[1]].copy()
            at[1] = 0
            if code == -1:
                return

    def silence(self, times_ms: Array, forgotten: Collection[int] = ()) -> Array:
        """End what is open of entities that closed no minute for long, by the time of each slot's series.

        And of those whose series are about to be forgotten, all of them: nobody could end it afterwards.
        """
        open_ones = np.flatnonzero(self.records["state"][: len(self.names)])
        if not len(open_ones):
            return self._findings[:0]
        findings = np.zeros(len(open_ones), FINDING)
        own_ms = np.zeros(len(self.names), np.int64)
        members = np.flatnonzero(self._where[0][: len(times_ms)] >= 0)
        np.maximum.at(own_ms, self._where[0][members], times_ms[members])
        own_ms[[index for index in open_ones.tolist() if self._are_all(forgotten, index)]] = _NEVER_MS
        told = silence(self.records, open_ones, own_ms // _MINUTE_MS, self._params, findings)
        return findings[:told]

    def _are_all(self, slots: Collection[int], index: int) -> bool:
        """Whether slots hold all series of an entity."""
        name = self.names[index]
        return name is not None and set(self._groups[name].series.values()).issubset(slots)

    def _choose(self, index: int, first_ms: Array) -> None:
        """Choose an entity's members: golden signals first, few of each metric before many of one."""
        name = self.names[index]
        assert name is not None
        record, group = self.records[index], self._groups[name]
        minute = int(record["minute"]) + 1
        known = set(record["id"][: record["count"]].tolist())
        by = (minute - PATIENCE) * _MINUTE_MS
        able = {key: slot for key, slot in group.series.items() if key in known or 0 < int(first_ms[slot]) <= by}
        nth: Counter[str] = Counter()
        ranked = []
        for key, slot in sorted(able.items()):
            one = self._kind_of[slot]
            assert one is not None
            ranked.append((not (one.signal and nth[one.metric] < _GOLDEN_FEW), nth[one.metric], one.metric, key))
            nth[one.metric] += 1
        chosen = sorted(key for *_, key in sorted(ranked)[:MEMBERS])
        record["choose"] = 0 if len(able) == len(group.series) else LATER
        record["dirty"] = 1
        if chosen != record["id"][: record["count"]].tolist():
            self._seat(index, chosen, minute)
        self._place(index)

    def _seat(self, index: int, chosen: list[int], minute: int) -> None:
        """Move what is known of members to their new places; who is new counts two patiences later."""
        record = self.records[index]
        old = {key: place for place, key in enumerate(record["id"][: record["count"]].tolist())}
        fresh = make_entities(1)[0]
        for name in ENTITY.names or ():
            if name not in {*BY_MEMBER, "ring", "cov", "precision"}:
                fresh[name] = record[name]
        stay = [(place, old[key]) for place, key in enumerate(chosen) if key in old]
        to, source = np.array([one[0] for one in stay], int), np.array([one[1] for one in stay], int)
        for name in BY_MEMBER:
            fresh[name][to] = record[name][source]
        fresh["ring"][:, to] = record["ring"][:, source]
        for name in ("cov", "precision"):
            fresh[name][np.ix_(to, to)] = record[name][np.ix_(source, source)]
        fresh["id"][: len(chosen)] = chosen
        fresh["count"] = len(chosen)
        joined = [place for place, key in enumerate(chosen) if key not in old]
        fresh["since"][joined] = minute + 2 * PATIENCE
        self.records[index] = fresh

    def _place(self, index: int) -> None:
        """Say which slot has which place."""
        name = self.names[index]
        assert name is not None
        places = {
            key: place for place, key in enumerate(self.records[index]["id"][: self.records[index]["count"]].tolist())
        }
        for key, slot in self._groups[name].series.items():
            self._where[1][slot] = places.get(key, -1)

    def mark_all(self) -> None:
        """Call everything changed."""
        self.records["dirty"][: len(self.names)] = 1
        self._names_dirty = bool(self.names)

    def take_blocks(self) -> Iterator[tuple[str, bytes]]:
        """``entities/B``, the records that changed; ``entity_names``, whose they are."""
        used = len(self.names)
        for block in np.unique(np.flatnonzero(self.records["dirty"][:used]) // _BLOCK).tolist():
            span = self.records[block * _BLOCK : min(used, (block + 1) * _BLOCK)]
            span["dirty"] = 0
            yield f"{_KEY}/{block}", pack([span])
        if self._names_dirty:
            self._names_dirty = False
            yield _NAMES, msgspec.json.encode([(at, *name) for at, name in enumerate(self.names) if name is not None])

    def load_block(self, key: str, value: bytes) -> None:
        """Put a record of ``take_blocks`` back.

        Raises
        ------
        CheckpointError
            If it cannot be read.
        """
        if key == _NAMES:
            try:
                self._loaded = msgspec.json.decode(value, type=list[tuple[int, str, str]])
            except msgspec.MsgspecError as error:
                raise CheckpointError(f"names of entities cannot be read: {error}") from error
            return
        start = int(key.split("/")[1]) * _BLOCK
        while start + _BLOCK > len(self.records):
            self.records = _grown(self.records)
        (rows,) = unpack(value, [self.records[:0]], key)
        self.records[start : start + len(rows)] = rows

    def finish_load(self, series: Iterable[tuple[int, Series, int]]) -> None:
        """Find the entities' series again, given slots, series and ids; an entity without any is gone."""
        if not self.settings.enabled:
            self.records, self._loaded = make_entities(_BLOCK), []
        for index, tenant, entity in self._loaded:
            self.names.extend([None] * (index + 1 - len(self.names)))
            self.names[index] = Name(tenant, entity)
            self._groups[Name(tenant, entity)] = _Group(Name(tenant, entity), index)
        self._loaded = []
        self._free = [index for index, name in enumerate(self.names) if name is None]
        due = self.records["choose"].copy()
        known = len(self.names)
        for slot, one, series_id in series:
            self.watch(slot, one, series_id)
        self.records["choose"][:known] = due[:known]
        self.records["dirty"][:known] = 0
        for index, name in enumerate(self.names):
            if name is not None:
                self._place(index)

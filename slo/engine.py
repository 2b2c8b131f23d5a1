"""The burn stage's core: counts of slices in, budgets and alerts out.

Time is that of the events. A record of a slice says that the slice is over in its partition, a tick that time has
come so far; a slice is closed ``grace_s`` after its end by the newest of them, and alerts are judged then, once a
slice. A count that comes later, by up to ``lateness_s``, still lands in its slice and changes every window that holds
it; alerts take notice with the next slice that closes: what was said is not unsaid, and nothing is dated back.

The counts are a function of the set of records that came in time, whatever their order: whole ones bit for bit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Final, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from schemas.slo_events import SloSlice
from slo.bank import Bank, ends_of
from slo.burn import Transition
from slo.definition import Slo
from slo.moving import pack_up, put_in, take_out
from slo.packing import COLUMNS, FloatArray
from slo.params import BankSpec, Member, spec_of
from slo.profiles import period_s, tiers_of
from slo.slices import IntArray
from slo.status import Figures, Status

_HOUR_S: Final = 3600


class EngineSettings(BaseModel):
    """How slices are closed and how long they are kept."""

    model_config = ConfigDict(frozen=True)
    lateness_s: Annotated[
        int,
        Field(ge=0, le=3600, description="So late a count is still taken: as late as a sample, and ``abreast_s``."),
    ] = 900
    abreast_s: Annotated[
        int,
        Field(ge=0, le=3600, description="A partition further ahead waits for others; half the lateness at most."),
    ] = 300
    grace_s: Annotated[float, Field(ge=0, le=600, description="So long after its end a slice is closed.")] = 2.0
    fine_s: Annotated[
        int,
        Field(ge=4 * _HOUR_S, description="Windows up to this long are exact to the slice; longer ones to the minute."),
    ] = 4 * 86_400
    status_every_s: Annotated[int, Field(gt=0, description="How often a status is told, event time.")] = 5
    bank_slots: Annotated[int, Field(gt=0, description="SLOs whose arrays lie together.")] = 256
    block_rows: Annotated[int, Field(gt=0, description="Slices that are closed in one go, when many are.")] = 60

    @property
    def abreast_ms(self) -> int:
        """How far ahead of the slowest partition slices are taken."""
        return min(self.abreast_s * 1000, self.lateness_s * 500)


class Outcome(NamedTuple):
    """What a step had to say."""

    alerts: list[Transition]
    statuses: list[Status]


class _Rows(NamedTuple):
    """Slots of a bank, and the rows of a record that are for them."""

    slots: IntArray
    picked: IntArray


class Place(NamedTuple):
    """Where an SLO is kept."""

    bank: int
    slot: int


class Engine:
    """Budgets and burn rates of many SLOs.

    Parameters
    ----------
    slos
        Objectives; ``define`` and ``remove`` change them.
    settings
        Lateness, grace, retention.

    Examples
    --------
    >>> engine = Engine([])
    >>> engine.on_tick(1_000)
    Outcome(alerts=[], statuses=[])
    """

    def __init__(self, slos: Iterable[Slo] = (), settings: EngineSettings | None = None) -> None:
        self.settings = settings or EngineSettings()
        self.now_ms: int | None = None
        self.banks: dict[int, Bank] = {}
        self.places: dict[str, Place] = {}
        self.counts: Counter[str] = Counter()
        self.next_bank = 0
        self.told: dict[int, int] = {}
        self.heard: dict[str, tuple[int, int]] = {}
        self._waiting: dict[str, Slo] = {}
        self._known_routes: dict[tuple[int, int], tuple[list[str], dict[int, _Rows]]] = {}
        for slo in slos:
            self.define(slo)

    def define(self, slo: Slo) -> list[Transition]:
        """Add an objective, or change one: it keeps its counts if it counts the same events in the same slices.

        Returns
        -------
        list of Transition
            The ends of alerts that were open and that it has no more.
        """
        if self.now_ms is None:
            self._waiting[slo.key] = slo
            return []
        self._known_routes.clear()
        member = member_of(slo)
        place = self.places.get(slo.key)
        if place is None:
            self._settle_in(member)
            return []
        bank = self.banks[place.bank]
        if not counts_alike(bank.members[place.slot].slo, slo):
            ends = self.remove(slo.key)
            self._settle_in(member)
            return ends
        opened = bank.opened(place.slot)
        if self.spec(member) == bank.spec:
            bank.change(place.slot, member)
        else:
            history = take_out(bank, place.slot)
            self._drop(slo.key)
            place = self._settle_in(member)
            put_in(self.banks[place.bank], place.slot, history)
            pack_up(self.banks.values())
        return self.banks[place.bank].reopen(place.slot, opened)

    def remove(self, key: str) -> list[Transition]:
        """Forget an objective, if there is one; the ends of alerts that were open."""
        self._waiting.pop(key, None)
        self._known_routes.clear()
        place = self.places.get(key)
        if place is None:
            return []
        ends = ends_of(key, self.banks[place.bank].opened(place.slot), self.now_ms or 0)
        self._drop(key)
        return ends

    def knows(self, key: str) -> bool:
        """Whether there is such an objective."""
        return key in self.places or key in self._waiting

    def slo(self, key: str) -> Slo | None:
        """An objective as it is defined now."""
        place = self.places.get(key)
        return self._waiting.get(key) if place is None else self.banks[place.bank].members[place.slot].slo

    def takes(self, key: str, slice_ms: int) -> bool:
        """Whether counts of a slice would still be taken for an objective."""
        place = self.places.get(key)
        return place is not None and not self._is_late(slice_ms, self.banks[place.bank])

    @property
    def longest_wait_s(self) -> float:
        """How long nothing is measured until all that are not measured have been said to be so."""
        return max((bank.longest_wait_s for bank in self.banks.values()), default=0.0)

    @property
    def slos(self) -> list[Slo]:
        """The objectives, by key."""
        known = {key: self.banks[bank].members[slot].slo for key, (bank, slot) in self.places.items()}
        return [slo for _, slo in sorted((known | self._waiting).items())]

    def on_slice(self, record: SloSlice) -> Outcome:
        """Take what one partition counted in one slice; its rows for SLOs that are not known here are dropped.

        So is one that repeats what was said before its partition had counted as much as it has now: after a restart
        it says everything since its checkpoint again.
        """
        if self._is_repeat(record):
            self.counts["repeated"] += 1
            return Outcome([], [])
        slice_ms = record.slice_s * 1000
        found = self._advance(record.slice_ms)
        row = record.slice_ms // slice_ms
        values = np.zeros((len(record.slos), COLUMNS))
        values[:, 0] = record.bad
        values[:, 1] = values[:, 0] + record.good
        if record.unknown:
            values[:, 2] = record.unknown
        routes, spenders = self._routes(record), self._spenders(record)
        for number, rows in routes.items():
            if self._is_late(record.slice_ms, self.banks[number]):
                self.counts["late"] += len(rows.slots)
            else:
                at = row, record.partition
                self.banks[number].put(at, rows.slots, values[rows.picked], spenders.get(number, {}))
        self.counts["unknown_slo"] += len(record.slos) - sum(len(rows.slots) for rows in routes.values())
        later = self._advance(record.slice_ms + slice_ms)
        return Outcome(found.alerts + later.alerts, found.statuses + later.statuses)

    def on_tick(self, at_ms: int) -> Outcome:
        """Let time pass."""
        return self._advance(at_ms)

    def on_runs(self, start_ms: int, counts: Mapping[str, FloatArray]) -> Outcome:
        """Take a history at once: by SLO, shape (slices, columns: bad, total, unknown); NaN is not measured.

        For evaluation and benchmarks: slices that are not closed yet, that no record is about, all of one length; of
        other SLOs that are kept beside these ones they are not measured.
        """
        alerts, statuses = self._advance(start_ms)
        places = {key: self.places[key] for key in counts}
        shape = self.banks[next(iter(places.values())).bank].spec.shape
        slice_ms, block = shape.slice_s * 1000, shape.block_rows
        length = max(map(len, counts.values()))
        for at in range(0, length, block):
            first = start_ms // slice_ms + at
            rows = min(block, length - at)
            for number in sorted({place.bank for place in places.values()}):
                bank = self.banks[number]
                part = np.full((rows, bank.store.slots, COLUMNS), np.nan)
                for key, place in places.items():
                    if place.bank == number:
                        part[:, place.slot] = counts[key][at : at + rows]
                bank.put_run(first, part)
            more = self._advance((first + rows) * slice_ms + round(self.settings.grace_s * 1000))
            alerts, statuses = alerts + more.alerts, statuses + more.statuses
        return Outcome(alerts, statuses)

    def status(self, key: str) -> Status | None:
        """How an objective stands after the slice that was closed last; None before there is one."""
        place = self.places.get(key)
        return None if place is None else Figures(self.banks[place.bank]).status(place.slot)

    def spec(self, member: Member) -> BankSpec:
        """Which bank an SLO belongs to."""
        settings, slice_s = self.settings, member.slo.slice_s
        block = min(settings.block_rows, max(60, _HOUR_S // slice_s))
        ahead = 2 + -(-round(settings.grace_s * 1000) // (slice_s * 1000))
        return spec_of(member, settings.fine_s, settings.lateness_s, (block, ahead))

    @property
    def nbytes(self) -> int:
        """Bytes of all slices that are kept."""
        return sum(bank.store.nbytes + bank.sums.sums.nbytes for bank in self.banks.values())

    def _advance(self, at_ms: int) -> Outcome:
        if self.now_ms is None:
            self.now_ms = at_ms
            waiting, self._waiting = self._waiting, {}
            for _, slo in sorted(waiting.items()):
                self.define(slo)
        self.now_ms = max(self.now_ms, at_ms)
        alerts: list[Transition] = []
        statuses: list[Status] = []
        for number, bank in self.banks.items():
            until = self._closed(bank.spec, self.now_ms)
            if until > bank.store.closed:
                turned = bank.close_until(until)
                alerts += turned
                statuses += self._tell(number, bank, turned)
        return Outcome(sorted(alerts, key=lambda one: (one.at_ms, one.slo, one.alert)), statuses)

    def _tell(self, number: int, bank: Bank, turned: Sequence[Transition]) -> list[Status]:
        """The statuses that are due: all of a bank every so often, and those whose alerts turned."""
        every_ms = self.settings.status_every_s * 1000
        end_ms = bank.store.closed * bank.spec.shape.slice_s * 1000
        due = end_ms // every_ms > self.told.get(number, -1) // every_ms
        slots = sorted(bank.members) if due else sorted({self.places[one.slo].slot for one in turned})
        if due:
            self.told[number] = end_ms
        if not slots:
            return []
        figures = Figures(bank)
        return [figures.status(slot) for slot in slots]

    def _is_repeat(self, record: SloSlice) -> bool:
        newest_ms, counted = self.heard.get(record.key, (-1, 0))
        if record.slice_ms > newest_ms:
            self.heard[record.key] = record.slice_ms, record.counted
            return False
        self.heard[record.key] = newest_ms, max(counted, record.counted)
        return record.counted < counted

    def _is_late(self, begins_ms: int, bank: Bank) -> bool:
        slice_ms = bank.spec.shape.slice_s * 1000
        oldest_ms = (self.now_ms or 0) - self.settings.lateness_s * 1000
        return begins_ms // slice_ms < bank.store.begin or begins_ms + slice_ms < oldest_ms

    def _spenders(self, record: SloSlice) -> dict[int, dict[int, list[tuple[str, float]]]]:
        """A record's spenders by bank and slot."""
        found: dict[int, dict[int, list[tuple[str, float]]]] = {}
        for key, told in record.spenders.items():
            place = self.places.get(key)
            if place is not None:
                found.setdefault(place.bank, {})[place.slot] = [(one.entity, one.bad) for one in told]
        return found

    def _routes(self, record: SloSlice) -> dict[int, _Rows]:
        """Which slots of which bank a record's rows are for; a partition's records mostly name the same SLOs."""
        known = self._known_routes.get((record.partition, record.slice_s))
        if known is None or known[0] != record.slos:
            known = self._known_routes[record.partition, record.slice_s] = record.slos, self._route(record)
        return known[1]

    def _route(self, record: SloSlice) -> dict[int, _Rows]:
        found: dict[int, tuple[list[int], list[int]]] = {}
        for at, key in enumerate(record.slos):
            place = self.places.get(key)
            if place is not None and self.banks[place.bank].spec.shape.slice_s == record.slice_s:
                slots, picked = found.setdefault(place.bank, ([], []))
                slots.append(place.slot)
                picked.append(at)
        return {bank: _Rows(np.array(slots), np.array(picked)) for bank, (slots, picked) in sorted(found.items())}

    def _closed(self, spec: BankSpec, at_ms: int) -> int:
        """The first row that is not closed at an event time."""
        return (at_ms - round(self.settings.grace_s * 1000)) // (spec.shape.slice_s * 1000)

    def _settle_in(self, member: Member) -> Place:
        spec = self.spec(member)
        room = (one for one, bank in self.banks.items() if bank.spec == spec and self._has_room(bank))
        number = next(room, None)
        if number is None:
            number, self.next_bank = self.next_bank, self.next_bank + 1
            self.banks[number] = Bank(spec, self._closed(spec, self.now_ms or 0))
        place = self.places[member.slo.key] = Place(number, self.banks[number].add(member))
        return place

    def _has_room(self, bank: Bank) -> bool:
        return len(bank.members) < self.settings.bank_slots

    def _drop(self, key: str) -> None:
        place = self.places.pop(key)
        self.banks[place.bank].remove(place.slot)
        if not self.banks[place.bank].members:
            del self.banks[place.bank]
            self.told.pop(place.bank, None)


def member_of(slo: Slo) -> Member:
    """An SLO with its tiers."""
    return Member(slo, tiers_of(slo.alerts, period_s(slo.window)))


def counts_alike(old: Slo, new: Slo) -> bool:
    """Whether both count the same events, in the same slices, in the same way."""
    return (old.indicator, old.method, old.slice_s, old.slice_target) == (
        new.indicator,
        new.method,
        new.slice_s,
        new.slice_target,
    )

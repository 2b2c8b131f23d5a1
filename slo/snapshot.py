"""The engine's state as named blocks: what changed goes out, and a fresh engine takes it back, bit for bit.

::

    clock                     event time
    slo/KEY                   a definition, and where it is kept
    bank/N                    sums, alerts and the like of all its SLOs
    bank/N/day/D, .../hour/H  who spent their budgets
    bank/N/filling/0          minutes that are not packed yet
    bank/N/row/R              what partitions counted in a slice that still takes counts
    bank/N/fine/C, .../coarse/C   packed slices and minutes, written once

Sums of windows are in ``bank/N``: nothing is summed anew at a start.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from schemas.errors import CheckpointError
from slo.bank import Bank
from slo.definition import Slo
from slo.engine import Engine, Place, member_of
from slo.ledger import Ledger, Names
from slo.packing import COLUMNS

VERSION: Final = 1
_CLOCK: Final = "clock"
_SLO: Final = "slo/"
_BANK: Final = "bank/"

Body = dict[str, Any]


class EngineBlocks:
    """The blocks of an engine.

    Parameters
    ----------
    engine
        Whose; to be restored it is fresh, without objectives, of the settings that it had.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._written: set[str] = set()
        self._rows: dict[int, set[int]] = {}
        self._defined: dict[str, tuple[Slo, Place | None]] = {}
        self._loaded: dict[str, bytes] = {}

    def take_blocks(self) -> list[tuple[str, bytes | None]]:
        """Copy out the blocks that changed since the last call; None says that what had the key is gone."""
        engine = self._engine
        clock = {"now_ms": engine.now_ms, "next_bank": engine.next_bank, "heard": engine.heard}
        found: dict[str, bytes | None] = {_CLOCK: pack(clock)}
        for slo in engine.slos:
            place = engine.places.get(slo.key)
            known, known_place = self._defined.get(slo.key, (None, None))
            if known is not slo or known_place != place:
                self._defined[slo.key] = slo, place
                found[_SLO + slo.key] = definition_block(slo, place)
        for number, bank in engine.banks.items():
            found |= self._bank_blocks(number, bank)
        for key in [one for one in self._written if self._is_gone(one)]:
            found[key] = None
        for key, value in found.items():
            if value is None:
                self._written.discard(key)
                self._defined.pop(key.removeprefix(_SLO), None)
            else:
                self._written.add(key)
        return sorted(found.items())

    def load_block(self, key: str, value: bytes) -> None:
        """Put one block back, in any order.

        Raises
        ------
        CheckpointError
            If it is of a kind that is not known here.
        """
        if key != _CLOCK and not key.startswith((_SLO, _BANK)):
            raise CheckpointError(f"a block named {key!r}", "Run the release that wrote it, or a newer one")
        self._loaded[key] = value

    def finish_load(self) -> None:
        """Make the engine of what was loaded.

        Raises
        ------
        CheckpointError
            If a block cannot be read.
        """
        loaded, self._loaded = self._loaded, {}
        if _CLOCK not in loaded:
            return
        engine, clock = self._engine, unpack(loaded[_CLOCK])
        engine.now_ms, engine.next_bank = clock["now_ms"], clock["next_bank"]
        engine.heard = {key: (newest_ms, counted) for key, (newest_ms, counted) in clock["heard"].items()}
        for key in sorted(loaded):
            if key.startswith(_SLO):
                self._place(key, loaded[key], loaded)
        for key in sorted(loaded):
            if key.startswith(_BANK):
                self._fill(key, loaded[key])
        # In the order in which they were made: new objectives take the first place that is free.
        engine.banks = dict(sorted(engine.banks.items()))
        for bank in engine.banks.values():
            bank.store.rejudge()
            bank.index_spenders()
            _clean(bank)
        self._written = set(loaded)
        self._rows = _rows_of(loaded)
        self._defined = {slo.key: (slo, engine.places.get(slo.key)) for slo in engine.slos}

    def _fill(self, key: str, value: bytes) -> None:
        number, *rest = key.split("/")[1:]
        bank = self._engine.banks.get(int(number))
        if bank is not None and rest:
            _load_part(bank, rest[0], int(rest[1]), value)

    def _is_gone(self, key: str) -> bool:
        """Whether what a block is of is no more."""
        kind, _, rest = key.partition("/")
        if kind + "/" == _BANK:
            return int(rest.partition("/")[0]) not in self._engine.banks
        return key != _CLOCK and not self._engine.knows(rest)

    def _place(self, key: str, value: bytes, loaded: dict[str, bytes]) -> None:
        """Give an SLO the place that it had, in its bank, which is made with the first of them."""
        engine, body = self._engine, unpack(value)
        try:
            slo = Slo.model_validate_json(body["slo"])
        except ValidationError as error:
            raise CheckpointError(f"block {key} holds no objective: {error}") from error
        if body["place"] is None:
            engine.define(slo)
            return
        place = Place(*body["place"])
        member = member_of(slo)
        if place.bank not in engine.banks:
            state = unpack(loaded.get(f"{_BANK}{place.bank}", b""))
            engine.banks[place.bank] = _bank_of(Bank(engine.spec(member), state["closed"]), state)
            engine.told[place.bank] = state["told"]
        engine.banks[place.bank].restore(place.slot, member)
        engine.places[slo.key] = place

    def _bank_blocks(self, number: int, bank: Bank) -> dict[str, bytes | None]:
        head = f"{_BANK}{number}"
        found: dict[str, bytes | None] = {head: pack(_state(bank) | {"told": self._engine.told.get(number, -1)})}
        rows = self._rows.get(number, set())
        for row in sorted(bank.dirty_rows | {row for row in rows if row < bank.store.begin}):
            found[f"{head}/row/{row}"] = _row(bank, row) if row >= bank.store.begin else None
        self._rows[number] = {row for row in rows | bank.dirty_rows if row >= bank.store.begin}
        for name, archive in (("fine", bank.store.fine), ("coarse", bank.store.coarse)):
            for chunk in sorted(archive.dirty):
                found[f"{head}/{name}/{chunk}"] = archive.chunks.get(chunk)
            archive.dirty.clear()
        for kind, number_of in sorted(bank.dirty_buckets):
            ledgers = {slot: _buckets(ledger, kind).get(number_of) for slot, ledger in bank.ledgers.items()}
            named = {slot: names for slot, names in ledgers.items() if names is not None}
            found[f"{head}/{kind}/{number_of}"] = pack({"ledgers": named}) if named else None
        if bank.store.filling_changed:
            found[f"{head}/filling/0"] = pack({"slots": bank.store.slots, "rows": bank.store.filling.tobytes()})
        _clean(bank)
        return found


def _rows_of(keys: Iterable[str]) -> dict[int, set[int]]:
    """The rows of each bank that blocks are of."""
    found: dict[int, set[int]] = {}
    for number, kind, row in (key.split("/")[1:] for key in keys if key.startswith(_BANK) and key.count("/") == 3):
        if kind == "row":
            found.setdefault(int(number), set()).add(int(row))
    return found


def _buckets(ledger: Ledger, kind: str) -> dict[int, Names]:
    return ledger.hours if kind == "hour" else ledger.days


def definition_block(slo: Slo, place: Sequence[int] | None) -> bytes:
    """A definition, and the bank and slot where it is kept."""
    return pack({"slo": slo.model_dump_json().encode(), "place": list(place) if place else None})


def _clean(bank: Bank) -> None:
    """Call all of a bank unchanged; slices that take no more counts go with the next call, when they are packed."""
    bank.dirty_rows.clear()
    bank.dirty_buckets.clear()
    bank.store.fine.dirty.clear()
    bank.store.coarse.dirty.clear()
    bank.store.filling_changed = False


def _state(bank: Bank) -> Body:
    store, period = bank.store, bank.sums.period
    arrays = _arrays(bank)
    return {
        "closed": store.closed,
        "begin": store.begin,
        "slots": store.slots,
        "fractional": store.fractional,
        "period_ms": period.start_ms if period else None,
        "arrays": {name: [value.dtype.str, list(value.shape), value.tobytes()] for name, value in arrays.items()},
    }


def _arrays(bank: Bank) -> dict[str, npt.NDArray[Any]]:
    store, lanes = bank.store, bank.lanes
    return {
        "sums": bank.sums.sums,
        "since": store.since,
        "born": store.born,
        "last": bank.last,
        "state": lanes.state,
        "priority": lanes.priority,
        "started_ms": lanes.started_ms,
    }


def _bank_of(bank: Bank, state: Body) -> Bank:
    bank.make_room(state["slots"])
    store = bank.store
    store.begin, store.fractional = state["begin"], state["fractional"]
    arrays = {
        name: np.frombuffer(data, np.dtype(kind)).reshape(shape).copy()
        for name, (kind, shape, data) in state["arrays"].items()
    }
    bank.sums.sums, bank.last = arrays["sums"], arrays["last"]
    store.since, store.born = arrays["since"], arrays["born"]
    lanes = bank.lanes
    lanes.state, lanes.priority, lanes.started_ms = arrays["state"], arrays["priority"], arrays["started_ms"]
    if state["period_ms"] is not None:
        bank.sums.turn_to(state["period_ms"])
    return bank


def _row(bank: Bank, row: int) -> bytes:
    store, at = bank.store, row % bank.store.ring_rows
    cells = store.cells.get(row)
    body: Body = {
        "slots": store.slots,
        "cells": {partition: cell.tobytes() for partition, cell in (cells or {}).items()},
        "spenders": bank.spenders.get(row, {}),
    }
    if cells is None:
        body |= {"raw": store.raw[at].tobytes(), "present": store.present[at].tobytes()}
    return pack(body)


def _load_part(bank: Bank, kind: str, number: int, value: bytes) -> None:
    store = bank.store
    if kind == "fine":
        store.fine.load(number, value)
    elif kind == "coarse":
        store.coarse.load(number, value)
    elif kind == "filling":
        body = unpack(value)
        packed = np.frombuffer(body["rows"]).reshape(-1, body["slots"], COLUMNS)
        store.filling[:, : body["slots"]] = packed
    elif kind in {"hour", "day"}:
        for slot, names in unpack(value)["ledgers"].items():
            if slot in bank.ledgers:
                _buckets(bank.ledgers[slot], kind)[number] = names
    elif number >= store.begin:
        _load_row(bank, number, unpack(value))


def _load_row(bank: Bank, row: int, body: Body) -> None:
    store = bank.store
    slots, at = body["slots"], row % store.ring_rows
    for partition, data in body["cells"].items():
        cell = np.full((store.slots, COLUMNS), np.nan)
        cell[:slots] = np.frombuffer(data).reshape(slots, COLUMNS)
        store.cells.setdefault(row, {})[partition] = cell
    if "raw" in body:
        store.raw[at, :slots] = np.frombuffer(body["raw"]).reshape(slots, COLUMNS)
        store.present[at, :slots] = np.frombuffer(body["present"], bool)
    if body["spenders"]:
        bank.spenders[row] = {
            partition: {slot: [(who, bad) for who, bad in spent] for slot, spent in kept.items()}
            for partition, kept in body["spenders"].items()
        }


def pack(body: Body) -> bytes:
    """A block of a map."""
    return zlib.compress(msgspec.msgpack.encode({"v": VERSION, **body}), 1)


def unpack(value: bytes) -> Body:
    """The map of a block.

    Raises
    ------
    CheckpointError
        If it is none, or of a version that is not known here.
    """
    try:
        body = msgspec.msgpack.decode(zlib.decompress(value), type=dict[str, Any])
    except (zlib.error, msgspec.MsgspecError) as error:
        raise CheckpointError(f"a block of objectives cannot be read: {error}") from error
    if body.get("v") != VERSION:
        raise CheckpointError(f"a block of version {body.get('v')}", "Run the release that wrote it, or a newer one")
    return body

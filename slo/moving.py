"""An SLO's history on its way from one bank to another, when its definition asks for other windows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from slo.bank import Bank
from slo.ledger import Ledger
from slo.packing import COLUMNS, Archive, FloatArray, unpack
from slo.slices import NEVER, BoolArray

Chunks = dict[int, FloatArray]


class History(NamedTuple):
    """All that is known of one SLO, its alerts aside: those of other tiers are other alerts."""

    fine: Chunks
    coarse: Chunks
    filling: FloatArray
    raw: FloatArray
    judged: FloatArray
    present: BoolArray
    cells: dict[int, dict[int, FloatArray]]
    spenders: dict[int, dict[int, list[tuple[str, float]]]]
    since: int
    last: int
    ledger: Ledger


def take_out(bank: Bank, slot: int) -> History:
    """Copy an SLO's history."""
    store = bank.store
    at = np.arange(store.begin, store.begin + store.ring_rows) % store.ring_rows
    born = int(store.born[slot])
    spenders = {
        row: {part: slots[slot] for part, slots in parts.items() if slot in slots}
        for row, parts in bank.spenders.items()
    }
    return History(
        fine=_column(store.fine, slot, born),
        coarse=_column(store.coarse, slot, born // store.shape.coarse_rows),
        filling=store.filling[:, slot].copy(),
        raw=store.raw[at, slot].copy(),
        judged=store.judged[at, slot].copy(),
        present=store.present[at, slot].copy(),
        cells={row: {part: cell[slot].copy() for part, cell in cells.items()} for row, cells in store.cells.items()},
        spenders=spenders,
        since=int(store.since[slot]),
        last=int(bank.last[slot]),
        ledger=bank.ledgers[slot],
    )


def put_in(bank: Bank, slot: int, history: History) -> None:
    """Give a slot that is free of counts a history; its bank has closed as many slices as the one it came from."""
    store = bank.store
    at = np.arange(store.begin, store.begin + store.ring_rows) % store.ring_rows
    store.raw[at, slot] = history.raw
    store.judged[at, slot] = history.judged
    store.present[at, slot] = history.present
    store.filling[:, slot] = history.filling
    for row, cells in history.cells.items():
        for partition, cell in cells.items():
            kept = store.cells.setdefault(row, {})
            kept.setdefault(partition, np.full((store.slots, COLUMNS), np.nan))[slot] = cell
    for row, parts in history.spenders.items():
        for partition, spenders in parts.items():
            bank.spenders.setdefault(row, {}).setdefault(partition, {})[slot] = spenders
    _set_column(store.fine, slot, history.fine)
    _set_column(store.coarse, slot, history.coarse)
    packed = (one for chunks in (history.fine, history.coarse) for one in chunks.values())
    whole = all(bool((np.rint(one) == one).all()) for one in (history.judged, history.filling, *packed))
    store.fractional = store.fractional or not whole
    store.since[slot], store.born[slot], bank.last[slot] = history.since, -NEVER, history.last
    bank.ledgers[slot] = history.ledger
    bank.index_spenders()
    bank.touch(slot)
    bank.sums.rebuild(slot)


def _column(archive: Archive, slot: int, born: int) -> Chunks:
    found = {}
    for number, data in archive.chunks.items():
        chunk = unpack(data, archive.slots)[:, slot].copy()
        chunk[np.arange(number * archive.chunk_rows, (number + 1) * archive.chunk_rows) < born] = 0.0
        if chunk.any():
            found[number] = chunk
    return found


def _set_column(archive: Archive, slot: int, chunks: Chunks) -> None:
    """Make a slot's chunks these; what an earlier SLO left there goes."""
    blank = np.zeros((archive.chunk_rows, COLUMNS))
    for number in sorted({*archive.chunks, *chunks}):
        archive.set_column(number * archive.chunk_rows, chunks.get(number, blank), slot)

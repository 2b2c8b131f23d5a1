"""An SLO's history on its way from one bank to another, when its definition asks for other windows.

Mostly many move at once, from one bank to another: what is packed of both lies open meanwhile, until time goes on.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np

from slo.bank import Bank
from slo.ledger import Ledger
from slo.packing import COLUMNS, Archive, FloatArray
from slo.slices import NEVER, BoolArray

MOST_OPEN_BYTES: Final = 256 * 2**20

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


def pack_up(banks: Iterable[Bank], most_bytes: int = MOST_OPEN_BYTES) -> None:
    """Pack again what lies open for SLOs that move, where it is too much: one bank of days may be 100 MB."""
    archives = [archive for bank in banks for archive in (bank.store.fine, bank.store.coarse)]
    if sum(one.open_nbytes for one in archives) > most_bytes:
        for one in archives:
            one.shut()


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
        fine=_columns(store.fine, slot, born),
        coarse=_columns(store.coarse, slot, born // store.shape.coarse_rows),
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
    store.fine.set_columns(history.fine, slot)
    store.coarse.set_columns(history.coarse, slot)
    packed = [one for chunks in (history.fine, history.coarse) for one in chunks.values()]
    counts = np.concatenate([history.judged, history.filling, *packed])
    whole = bool((np.rint(counts) == counts).all())
    store.fractional = store.fractional or not whole
    store.since[slot], store.born[slot], bank.last[slot] = history.since, -NEVER, history.last
    bank.ledgers[slot] = history.ledger
    bank.index_spenders()
    bank.touch(slot)
    bank.sums.rebuild(slot)


def _columns(archive: Archive, slot: int, born: int) -> Chunks:
    found = archive.columns(slot)
    for number, chunk in found.items():
        chunk[np.arange(number * archive.chunk_rows, (number + 1) * archive.chunk_rows) < born] = 0.0
    return {number: chunk for number, chunk in found.items() if chunk.any()}

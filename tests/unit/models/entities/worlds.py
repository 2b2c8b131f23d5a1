"""Seeded entities whose series go together, as closed minutes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.entities.bank import EntityBank
from models.entities.settings import EntitySettings
from schemas.series import Series
from streams.layout import Array

FIRST_MINUTE = 28_333_335
QUICK = EntitySettings(warmup_s=14_400)


@dataclass(frozen=True)
class Closed:
    """A closed minute of a series."""

    slot: int
    minute: int
    mean: float
    counts: bool = True


def series_of(entities: int, each: int) -> list[Series]:
    """Series of nodes, entity by entity."""
    return [Series("t", f"m{at}", {}, {"node": f"n{node}"}) for node in range(entities) for at in range(each)]


def bank_of(series: Sequence[Series], settings: EntitySettings = QUICK) -> EntityBank:
    """A bank that knows them."""
    bank = EntityBank(settings)
    bank.grow(256)
    for slot, one in enumerate(series):
        bank.watch(slot, one, one.id)
    return bank


def together(minutes: int, each: int, seed: int, noise: float = 0.3) -> Array:
    """``[minutes, each]``: a shared signal with a daily cycle, and noise of each one's own."""
    rng = np.random.default_rng(seed)
    shared = np.zeros(minutes)
    for at, step in enumerate(rng.normal(0, 0.3, minutes)):
        shared[at] = 0.95 * shared[at - 1] + step
    shared += 1.5 * np.sin(2 * np.pi * np.arange(minutes) / 1440)
    sizes = rng.lognormal(0, 1, each)
    made: Array = 20 * sizes + sizes * (shared[:, None] + rng.normal(0, noise, (minutes, each)))
    return made


def learn(bank: EntityBank, closed: Sequence[Closed], first_minute: int = FIRST_MINUTE) -> list[dict[str, Any]]:
    """Feed closed minutes; findings without their rows."""
    rows = np.array([(one.slot, at, (one.minute + 1) * 60_000, one.counts) for at, one in enumerate(closed)], np.int64)
    sizes = np.array([(0.0, one.mean, 0.0, 1.0) for one in closed])
    first_ms = np.full(256, (first_minute - 60) * 60_000)
    return [
        {name: one[name].tolist() for name in found.dtype.names or () if name != "row"}
        for found in bank.learn(rows.reshape(-1, 4), sizes.reshape(-1, 4), first_ms)
        for one in found
    ]


def minute_by_minute(values: Array, slot: int = 0) -> list[Closed]:
    """All series close each minute together."""
    return [
        Closed(slot + place, FIRST_MINUTE + at, float(mean))
        for at, row in enumerate(values)
        for place, mean in enumerate(row)
    ]

"""The bank of the detect stage over generated entities, and what it found."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from benchmarks.entities.worlds import Array
from models.entities.bank import EntityBank
from models.entities.settings import EntitySettings
from models.episodes import START
from schemas.series import Series

FIRST_MINUTE: Final = 28_000_020


class Found(NamedTuple):
    """An episode: whose, when it began and was told (minutes), and who had the largest contribution."""

    entity: int
    started: int
    told: int
    first: int


class Run(NamedTuple):
    """What was found, ``scores [minutes, entities]``, and the microseconds of an entity's minute."""

    found: list[Found]
    scores: Array
    us_a_minute: float


def run(entities: Sequence[Array], settings: EntitySettings | None = None) -> Run:
    """Feed the entities' minutes to one bank, minute by minute."""
    bank = EntityBank(settings or EntitySettings())
    series = [
        Series("t", f"m{place}", {}, {"node": f"n{at}"})
        for at, values in enumerate(entities)
        for place in range(values.shape[1])
    ]
    bank.grow(-(-len(series) // 256) * 256)
    for slot, one in enumerate(series):
        bank.watch(slot, one, one.id)
    place_of = {one.id: int(one.metric[1:]) for one in series}
    values = np.concatenate(list(entities), axis=1)
    closed = np.ones((len(series), 4), np.int64)
    closed[:, 0] = np.arange(len(series))
    sizes = np.ones((len(series), 4))
    first_ms = np.full(bank_slots(len(series)), (FIRST_MINUTE - 60) * 60_000)
    found: list[Found] = []
    scores = np.zeros((len(values), len(entities)))
    spent_s = 0.0
    for minute, row in enumerate(values):
        closed[:, 2] = (FIRST_MINUTE + minute + 1) * 60_000
        sizes[:, 1] = row
        begin_s = time.process_time()
        told = list(bank.learn(closed, sizes, first_ms))
        spent_s += time.process_time() - begin_s
        for one in (one for some in told for one in some if one["code"] == START):
            first = int(one["id"][int(np.nanargmax(np.abs(one["away"])))])
            times = [int(one[name]) - FIRST_MINUTE for name in ("started", "at")]
            found.append(Found(int(one["entity"]), *times, place_of[first]))
        scores[minute] = bank.records["score"][: len(entities)]
    return Run(found, scores, spent_s / len(values) / len(entities) * 1e6)


def bank_slots(series: int) -> int:
    """Slots of a bank that has room for so many series."""
    return -(-series // 256) * 256

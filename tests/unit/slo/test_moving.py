"""Histories that move from bank to bank, as definitions ask for other windows: many at once, and none is changed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from slo.definition import AlertPolicy, Slo
from slo.engine import Engine, EngineSettings
from slo.moving import pack_up
from slo.snapshot import EngineBlocks
from tests.unit.slo.feeding import START_MS

MakeSlo = Callable[..., Slo]
SLICES = 2000
OTHER = AlertPolicy(remaining=(0.5,))


@pytest.fixture
def slos(slo: MakeSlo) -> list[Slo]:
    return [slo(f"s{number}") for number in range(12)]


@pytest.fixture
def engine(slos: list[Slo]) -> Engine:
    rng = np.random.default_rng(4)
    found = Engine(slos, EngineSettings(status_every_s=10**9))
    total = rng.integers(50, 400, (len(slos), SLICES))
    bad = rng.binomial(total, 0.001)
    none = np.zeros(SLICES)
    found.on_runs(START_MS, {one.key: np.stack([bad[n], total[n], none], 1) for n, one in enumerate(slos)})
    return found


def budgets(engine: Engine) -> dict[str, object]:
    found = {slo.key: engine.status(slo.key) for slo in engine.slos}
    return {key: one.body["budgets"] for key, one in found.items() if one is not None}


def open_bytes(engine: Engine) -> int:
    stores = [bank.store for bank in engine.banks.values()]
    return sum(store.fine.open_nbytes + store.coarse.open_nbytes for store in stores)


def restored(engine: Engine) -> Engine:
    found = Engine(settings=engine.settings)
    loader = EngineBlocks(found)
    for key, value in EngineBlocks(engine).take_blocks():
        if value is not None:
            loader.load_block(key, value)
    loader.finish_load()
    return found


def test_many_move_out_of_one_bank_and_each_keeps_its_budgets(engine: Engine, slos: list[Slo]) -> None:
    before = budgets(engine)
    for one in slos[::2]:
        engine.define(one.model_copy(update={"alerts": OTHER}))
    assert len(engine.banks) == 2
    assert budgets(engine) == before
    assert open_bytes(engine) > 0


def test_what_lies_open_is_packed_with_the_next_checkpoint_and_nothing_is_lost(engine: Engine, slos: list[Slo]) -> None:
    before = budgets(engine)
    for one in slos[3:9]:
        engine.define(one.model_copy(update={"alerts": OTHER}))
    again = restored(engine)
    assert open_bytes(engine) == 0
    assert budgets(again) == budgets(engine) == before


def test_too_much_does_not_lie_open(engine: Engine, slos: list[Slo]) -> None:
    before = budgets(engine)
    engine.define(slos[0].model_copy(update={"alerts": OTHER}))
    pack_up(engine.banks.values(), most_bytes=open_bytes(engine))
    assert open_bytes(engine) > 0
    pack_up(engine.banks.values(), most_bytes=open_bytes(engine) - 1)
    assert open_bytes(engine) == 0
    engine.define(slos[1].model_copy(update={"alerts": OTHER}))
    assert budgets(engine) == before

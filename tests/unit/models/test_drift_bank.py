from __future__ import annotations

import numpy as np
import pytest

from models.drift import DriftBank, Shift
from models.settings import DriftSettings


def _learn(bank: DriftBank, slots: list[int], value: float, end_ms: int = 60_000) -> list[Shift]:
    return bank.learn(np.array(slots, np.int64), np.full(len(slots), value), np.full(len(slots), end_ms))


def _restored(bank: DriftBank, settings: DriftSettings) -> DriftBank:
    bank.mark_all()
    other = DriftBank(settings)
    for key, value in bank.take_blocks():
        other.load_block(key, value)
    other.finish_load()
    return other


@pytest.mark.parametrize("detector", ["page_hinkley", "adwin"])
def test_detectors_that_join_a_restored_block_make_the_bytes_of_one_that_was_never_read(detector: str) -> None:
    settings = DriftSettings(detector=detector)
    bank = DriftBank(settings)
    _learn(bank, [0, 2], 0.5)
    other = _restored(bank, settings)
    for one in (bank, other):
        _learn(one, [0, 1, 2, 3], 1.5)
        one.mark_all()
    assert dict(bank.take_blocks()) == dict(other.take_blocks())


@pytest.mark.parametrize("cut", [1, 7, 20, 97, 104])
def test_since_when_a_level_is_another_outlives_restores(cut: int) -> None:
    settings = DriftSettings()
    values = np.concatenate([0.3 * np.random.default_rng(2).standard_normal(100), np.full(60, 3.0)]).tolist()

    def run(every: int) -> list[tuple[int, Shift]]:
        bank, found = DriftBank(settings), []
        for minute, value in enumerate(values):
            found += [(minute, one) for one in _learn(bank, [5, 9], value, 60_000 * (minute + 1))]
            if minute % every == every - 1:
                bank = _restored(bank, settings)
        return found

    whole = run(10**6)
    assert whole[0][0] < 140
    assert {one.since_ms for _, one in whole[:2]} == {100 * 60_000}
    assert run(cut) == whole


def test_a_fall_has_its_own_beginning_and_a_new_series_none_of_the_old_ones() -> None:
    bank = DriftBank(DriftSettings())
    for minute in range(100):
        _learn(bank, [0], 0.0, 60_000 * (minute + 1))
    bank.forget(0)
    found = []
    for minute in range(300, 400):
        found += _learn(bank, [0], -4.0 if minute >= 370 else 0.0, 60_000 * (minute + 1))
    assert found[0].since_ms == 370 * 60_000


def test_a_detector_that_cannot_tell_since_when_says_so() -> None:
    bank, found = DriftBank(DriftSettings(detector="adwin")), []
    for minute in range(300):
        found += _learn(bank, [0], 4.0 if minute >= 200 else 0.0, 60_000 * (minute + 1))
    assert found
    assert {one.since_ms for one in found} == {0}

from __future__ import annotations

import numpy as np
import pytest

from models.drift import DriftBank
from models.settings import DriftSettings


def _learn(bank: DriftBank, slots: list[int], value: float) -> None:
    bank.learn(np.array(slots, np.int64), np.full(len(slots), value))


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

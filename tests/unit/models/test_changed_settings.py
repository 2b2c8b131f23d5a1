"""Settings that changed while a worker was away hold at every later restart, too."""

from __future__ import annotations

from typing import Any

import pytest
from river.drift import ADWIN, PageHinkley

from models.detect import DetectOperator
from schemas.series import Series
from tests.unit.models.streams import START_MS, Bench, stream

CPU = Series("t", "node_cpu_ratio", {"host": "h1"}, {"node": "h1"}, "gauge", "1")
FAMILIES = [{"name": f"mine{at}", "metric": f"mine{at}"} for at in range(5)]


class Log:
    """What a compacted topic keeps of an operator's blocks."""

    def __init__(self) -> None:
        self.blocks: dict[str, bytes] = {}

    def save(self, operator: DetectOperator) -> None:
        self.blocks |= dict(operator.take_blocks())

    def restore(self, **settings: object) -> Bench:
        bench = Bench(**settings)
        for key, value in self.blocks.items():
            bench.operator.load_block(key, value)
        bench.operator.finish_load()
        return bench


@pytest.mark.parametrize("learns_between", [False, True])
def test_a_changed_drift_detector_stays_changed(learns_between: bool) -> None:
    log = Log()
    first = Bench(drift={"reference": "5m", "pickle_every": 1})
    for part in range(4):
        first.feed(stream(CPU, [0.1, 0.2] * 300, START_MS + 600_000 * part))
        log.save(first.operator)
    assert any(key.startswith("river/") for key in log.blocks)
    changed: dict[str, Any] = {"reference": "5m", "detector": "adwin"}
    second = log.restore(drift=changed)
    if learns_between:
        second.feed(stream(CPU, [0.1, 0.2] * 100, START_MS + 2_400_000))
    log.save(second.operator)
    third = log.restore(drift=changed)
    third.feed(stream(CPU, [0.1, 0.2] * 100, START_MS + 2_600_000))
    kinds = {type(one) for one in third.operator.drift._detectors if one is not None}
    assert kinds == {ADWIN}
    assert PageHinkley not in kinds


def test_families_that_changed_are_right_after_every_restart() -> None:
    log = Log()
    first = Bench(families=FAMILIES)
    first.feed(stream(CPU, [0.1, 0.2] * 50))
    log.save(first.operator)
    assert first.operator.bank.slots["family"][0] >= 5
    few: dict[str, Any] = {"shipped_families": False}
    log.save(log.restore(**few).operator)
    assert log.restore(**few).operator.bank.slots["family"][0] == 0

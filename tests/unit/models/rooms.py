"""A series of its own level, which may shift."""

from __future__ import annotations

import numpy as np
import pytest

from models.detect import DetectOperator, DetectSettings
from schemas.events import Anomaly, AuditEntry, Setting
from schemas.series import Series
from tests.unit.models.streams import START_MS, batch_of, stream

HOUR = 240
STEP_MS = 15_000
ROOM = Series("t", "room_temperature", {"room": "a"}, {"node": "a"}, "gauge", "C")


def noise(samples: int, level: float, seed: int = 7) -> np.ndarray:
    return level + np.random.default_rng(seed).normal(0, 1.0, samples)


class Room:
    """A series that goes on where it stopped."""

    def __init__(self, at_ms: int = START_MS, step_ms: int = STEP_MS) -> None:
        self.operator = DetectOperator(DetectSettings.model_validate({"drift": {"enabled": False}}), 0, 1)
        self.at_ms = at_ms
        self.step_ms = step_ms

    def feed(self, values: np.ndarray) -> list[Anomaly]:
        samples = stream(ROOM, values, self.at_ms, self.step_ms)
        self.at_ms += self.step_ms * len(values)
        found = self.operator.step_batch(batch_of(samples))
        return [one for one in found if one.detector == "windows" and one.state != "update"]

    def audit(self) -> list[AuditEntry]:
        return [one for one in self.operator.take_audit() if one.action != "limit_moved"]

    def restore(self) -> None:
        """Go on from a checkpoint."""
        restored = DetectOperator(self.operator.settings, 0, 1)
        for key, value in dict(self.operator.take_blocks()).items():
            assert value is not None
            restored.load_block(key, value)
        restored.finish_load()
        self.operator = restored

    def roll_back(self, **body: str) -> None:
        body = {"tenant": "t", "series_id": f"{ROOM.id:016x}", "action": "rollback"} | body
        self.operator.apply_setting(Setting(subject="baselines", valid_from_ms=self.at_ms, body=body))


def shifted() -> Room:
    """At 20 for six hours, then at 40 for three, which is accepted."""
    room = Room()
    assert room.feed(noise(6 * HOUR, 20.0)) == []
    assert room.audit() == []
    start, end = room.feed(noise(3 * HOUR, 40.0, 8))
    assert (start.direction, end.end_reason) == ("up", "level_shift")
    (accepted,) = room.audit()
    assert (accepted.action, accepted.version, accepted.of) == ("baseline_accepted", 1, None)
    assert accepted.before == pytest.approx(20.0, abs=1.0)
    assert accepted.after == pytest.approx(40.0, abs=4.0)
    assert accepted.why.startswith("the level has been another one since")
    return room

"""Every registered detector passes the one shared check; and the check can fail."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from pydantic import BaseModel

from models.base import Detector
from models.checks import check_detector
from models.detectors.five_windows import FiveWindows
from models.registry import make_detector, make_drift, registry
from models.settings import DetectSettings
from schemas.errors import ConfigurationError


@pytest.mark.parametrize("name", sorted(registry()))
def test_detector_holds_what_all_must_hold(name: str) -> None:
    check_detector(lambda: make_detector(name))


def test_registry_is_made_from_the_files() -> None:
    assert set(registry()) == {"adwin", "five_windows", "gaussian_scorer", "page_hinkley", "records"}


class Broken(Detector):
    """Scores the distance from the last value, and can be broken in one way at a time."""

    name: ClassVar[str] = "broken"
    Settings: ClassVar[type[BaseModel]] = DetectSettings
    fault: ClassVar[str] = ""

    def __init__(self, settings: BaseModel | None = None) -> None:
        super().__init__(settings)
        self.memory: list[float] = []
        self.scored = 0

    def score_one(self, time_ms: int, value: float) -> float:
        self.scored += 1
        if self.fault == "negative":
            return -1.0
        if self.fault == "noisy":
            return 2.0
        if self.fault == "blind":
            return 0.0
        if self.fault == "forgetful":
            return 1.5 if abs(value - 20) > 9 or len(self.memory) > 1_999 else 0.0
        if self.fault == "restless" and value > 40:
            return float(self.scored)
        far = value - 20 if self.fault == "upward" else abs(value - 20)
        return 2.0 if 9 < far < 100 else 0.0

    def learn_one(self, time_ms: int, value: float) -> None:
        if self.fault in {"forgetful", "growing"}:
            self.memory.append(value)

    def snapshot(self) -> bytes:
        return b"" if self.fault == "forgetful" else repr(self.memory).encode()

    def load(self, data: bytes) -> None:
        self.memory = []


class Mutating(Broken):
    def run(self, times_ms: Any, values: Any) -> Any:
        scores = super().run(times_ms, values)
        values += 1.0
        return scores


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("negative", "a score is negative"),
        ("noisy", "plain noise"),
        ("blind", r"a shift of \+12 sigma"),
        ("upward", "a shift of -12 sigma"),
        ("forgetful", "restored scores differ"),
        ("restless", "scoring twice"),
        ("growing", "memory grows"),
    ],
)
def test_check_fails_for(fault: str, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Broken, "fault", fault)
    with pytest.raises(AssertionError, match=sentence):
        check_detector(Broken)


def test_check_passes_a_sound_detector_and_fails_one_that_changes_its_input() -> None:
    check_detector(Broken)
    with pytest.raises(AssertionError, match="changed its input"):
        check_detector(Mutating)


def test_unknown_names_and_settings_are_the_users_fault() -> None:
    with pytest.raises(ConfigurationError, match="no detector 'kswim'"):
        make_detector("kswim")
    with pytest.raises(ConfigurationError, match="page_hinkley: threshold"):
        make_drift("page_hinkley", {"threshold": -1.0})
    with pytest.raises(ConfigurationError, match="no drift detector"):
        make_drift("five_windows")


def test_five_windows_is_silent_before_its_warm_up() -> None:
    detector = FiveWindows(DetectSettings(shipped_priors=False))
    for at in range(100):
        detector.learn_one(1_000_000 + 1000 * at, 1.0 if at % 2 else 1.1)
    assert detector.score_one(1_100_000, 900.0) == 0.0

"""River's estimators as detectors of ours: one adapter for its drift detectors, one for its scorers."""

from __future__ import annotations

import math
import pickle
from abc import abstractmethod
from typing import Any

from pydantic import BaseModel

from models.base import Detector


class RiverDrift(Detector):
    """A River drift detector: scores 2.0 on the sample at which it sees a drift, else 0.0.

    A subclass names its settings and says how to make the River object.
    """

    def __init__(self, settings: BaseModel | None = None) -> None:
        super().__init__(settings)
        self.river: Any = self.make()

    @abstractmethod
    def make(self) -> Any:
        """A fresh River object (also what ``models.drift`` keeps, one a series)."""

    def told(self, river: Any) -> dict[str, float]:
        """What such an object has learned, by name, for people; a subclass knows more of it."""
        return {"drift": float(river.drift_detected)}

    def climbed(self, river: Any) -> tuple[float, float] | None:
        """How far such an object's evidence of a rise, and of a fall, has come from where it last was at rest.

        0 or less: at the newest input it is at rest, so that what may follow begins after it. None where the detector
        cannot tell since when.
        """
        return None

    def score_one(self, time_ms: int, value: float) -> float:
        """Whether the sample learned last was a drift; the value itself is not judged."""
        return 2.0 if self.river.drift_detected else 0.0

    def learn_one(self, time_ms: int, value: float) -> None:
        """Update the River object."""
        if math.isfinite(value):
            self.river.update(value)

    def snapshot(self) -> bytes:
        """The object's pickle."""
        return pickle.dumps(self.river, protocol=5)

    def load(self, data: bytes) -> None:
        """Unpickle; only ever from our own checkpoints."""
        self.river = pickle.loads(data)  # noqa: S301


class RiverScorer(Detector):
    """A River anomaly detector of single values: its own score, as a share of a limit.

    A subclass names its settings, which have a ``limit`` and a ``warmup_samples``, and says how to make the object.
    """

    def __init__(self, settings: BaseModel | None = None) -> None:
        super().__init__(settings)
        self.river: Any = self.make()
        self.learned = 0

    @abstractmethod
    def make(self) -> Any:
        """A fresh River object."""

    def raw_score(self, value: float) -> float:
        """River's own score of a value; supervised detectors take the value itself."""
        return float(self.river.score_one(None, value))

    def score_one(self, time_ms: int, value: float) -> float:
        """River's score over the limit; 0 before the warm-up is over, and of what is no number."""
        if self.learned < self.settings.warmup_samples or not math.isfinite(value):
            return 0.0
        score = self.raw_score(value) / self.settings.limit
        return score if math.isfinite(score) else 0.0

    def learn_one(self, time_ms: int, value: float) -> None:
        """Update the River object."""
        if math.isfinite(value):
            self.river.learn_one(None, value)
            self.learned += 1

    def snapshot(self) -> bytes:
        """The object's pickle, and how much it has learned."""
        return pickle.dumps((self.river, self.learned), protocol=5)

    def load(self, data: bytes) -> None:
        """Unpickle; only ever from our own checkpoints."""
        self.river, self.learned = pickle.loads(data)  # noqa: S301

"""What a detector is: one file with its settings, a score, a way to learn, and a snapshot.

Scores keep one convention everywhere: above 1.0 = anomalous.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel


class Detector(ABC):
    """A detector of one series, a sample at a time: ``score_one`` judges before ``learn_one`` learns.

    A class with a ``name`` in a file of ``models/detectors`` is in the registry; nothing else is to be written.

    Parameters
    ----------
    settings
        An instance of the class's ``Settings``; the defaults when left out.
    """

    name: ClassVar[str]
    Settings: ClassVar[type[BaseModel]]
    samples: ClassVar[int] = 2
    """Anomalous samples in a row that make an anomaly of the stage, unless a choice says otherwise."""
    learns_anomalies: ClassVar[bool] = False
    """Whether it is handed what it found anomalous, too: it knows itself what to make of that."""

    def __init__(self, settings: BaseModel | None = None) -> None:
        self.settings: Any = settings or self.Settings()

    @abstractmethod
    def score_one(self, time_ms: int, value: float) -> float:
        """How anomalous a value is, above 1.0 = anomalous; changes nothing that later scores depend on."""

    @abstractmethod
    def learn_one(self, time_ms: int, value: float) -> None:
        """Learn a value; NaN and infinities are left out."""

    def run(self, times_ms: npt.NDArray[np.int64], values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Score, then learn, one after the other; a vectorised detector overrides this.

        Parameters
        ----------
        times_ms, values
            Shape ``[N]``; not changed.
        """
        scores = np.empty(len(values))
        for at, (time_ms, value) in enumerate(zip(times_ms.tolist(), values.tolist(), strict=True)):
            scores[at] = self.score_one(time_ms, value)
            self.learn_one(time_ms, value)
        return scores

    @abstractmethod
    def snapshot(self) -> bytes:
        """All that was learned."""

    @abstractmethod
    def load(self, data: bytes) -> None:
        """Put a snapshot back."""

    @classmethod
    def restore(cls, data: bytes, settings: BaseModel | None = None) -> Self:
        """A detector that scores as the one did that wrote the snapshot."""
        detector = cls(settings)
        detector.load(data)
        return detector

"""A fleet's priors, learned from recordings as the detect stage judges them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from metrics_ai.config import Config
from metrics_ai.recordings import Piece, RecordingOptions, RecordingReader
from metrics_ai.replay import ReplayProgress, pieces_of
from metrics_ai.tally import Tally
from models.detect import DetectOperator
from models.families import family_of
from models.prior_learning import PriorLearner
from models.trace import ANOMALOUS, SKIPPED, make_trace


@dataclass
class PriorRecordings:
    """Feeds recordings to the detect stage, and what it took of them to the learner.

    Parameters
    ----------
    config
        The tenant, the metric families, and when something is anomalous: such hours teach nothing.
    options
        How recordings are read.
    """

    config: Config
    options: RecordingOptions
    learner: PriorLearner = field(default_factory=PriorLearner)

    def __post_init__(self) -> None:
        self._operator = DetectOperator(self.config.detect, partition=0, partitions=1)
        self._families = self.config.detect.all_families()
        self.samples = 0

    def run(self, files: Sequence[Path], progress: Callable[[ReplayProgress], None] | None = None) -> Tally:
        """Learn some files, in the order of their samples; what could not be read.

        Raises
        ------
        ConfigurationError, MachineError
            If a file is missing or is not what its format says.
        """
        reader = RecordingReader(self.options, self.config.tenant, dict(self.config.ingest.identity.items()))
        for piece in pieces_of(files, reader, lambda: self.samples, progress):
            self._learn(piece)
        return reader.tally

    def _learn(self, piece: Piece) -> None:
        batch = piece.batch
        if batch is None or batch.is_histogram:
            return
        told = make_trace(len(batch))
        self._operator.step_batch(batch, told)
        self.samples += len(batch)
        taken = np.flatnonzero(told["verdict"] != SKIPPED)
        for position in np.unique(batch.series[taken]).tolist():
            rows = taken[batch.series[taken] == position]
            series = batch.series_at(position)
            family = self._families[family_of(self._families, series.metric, series.unit, series.type)]
            odd = told["verdict"][rows] == ANOMALOUS
            self.learner.add(family.name, series.id, batch.timestamp_ms[rows], told["value"][rows], odd)

"""Which series are meant, and their samples out of a recording."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from metrics_ai.config import Config
from metrics_ai.recordings import RecordingOptions, RecordingReader
from metrics_ai.replay import whole_second
from metrics_ai.tally import Tally
from models.detect import DetectOperator
from models.histograms import HistogramBank
from models.rules import matchers_of, selects
from schemas.batch import SampleBatch
from schemas.errors import ConfigurationError
from schemas.events import Anomaly
from schemas.series import Series

Wanted = Callable[[Series], bool]


def selected_by(selector: str, tenant: str | None = None) -> Wanted:
    """Whether a series is one that a selector names; dimensions count as labels where no label has their name.

    Raises
    ------
    ConfigurationError
        If it is no selector.

    Examples
    --------
    >>> wanted = selected_by('node_cpu_ratio{node=~"h.*"}')
    >>> wanted(Series("t", "node_cpu_ratio", {}, {"node": "h1"})), wanted(Series("t", "node_load1"))
    (True, False)
    """
    try:
        matchers_of(selector)
    except ValueError as error:
        raise ConfigurationError(str(error), 'Write metric, or metric{label="value", label=~"a|b"}') from error

    def wanted(series: Series) -> bool:
        return tenant in (None, series.tenant) and selects(selector, series)

    return wanted


class Selection:
    """Samples of the wanted series alone, histograms as the series that are derived from them.

    Parameters
    ----------
    wanted
        Which.
    max_histograms
        Of a tenant.

    Examples
    --------
    >>> cpu, load = Series("t", "cpu"), Series("t", "load")
    >>> ids, texts = np.array([cpu.id, load.id], np.uint64), [cpu.text, load.text]
    >>> batch = SampleBatch("t", ids, texts, np.array([0, 1, 0], np.int32), np.arange(3), np.array([0.1, 7.0, 0.2]))
    >>> picked = Selection(selected_by("cpu"), 10).of(batch)
    >>> picked.value.tolist(), picked.series_text == [cpu.text]
    ([0.1, 0.2], True)
    """

    def __init__(self, wanted: Wanted, max_histograms: int) -> None:
        self._wanted = wanted
        self._histograms = HistogramBank(max_histograms)
        self._known: dict[tuple[str, int], bool] = {}

    def of(self, batch: SampleBatch) -> SampleBatch | None:
        """What is wanted of a batch; None where that is nothing."""
        if batch.is_histogram:
            batch = self._histograms.derive(batch)
        keep = np.array([self._is_wanted(batch, at) for at in range(len(batch.series_ids))], bool)
        rows = keep[batch.series] if len(batch) else np.zeros(0, bool)
        if not rows.any():
            return None
        places = np.cumsum(keep) - 1
        return replace(
            batch,
            series_ids=batch.series_ids[keep],
            series_text=[str(batch.series_text[at]) for at in np.flatnonzero(keep).tolist()],
            series=places[batch.series[rows]].astype(np.int32),
            timestamp_ms=batch.timestamp_ms[rows],
            value=batch.value[rows],
        )

    def _is_wanted(self, batch: SampleBatch, position: int) -> bool:
        key = (batch.tenant, int(batch.series_ids[position]))
        if key not in self._known:
            self._known[key] = self._wanted(batch.series_at(position))
        return self._known[key]


class RecordedSamples:
    """The wanted series' samples of recordings; may be gone through again and again.

    Parameters
    ----------
    files, options
        What is read.
    config
        Whose it is, and how many histograms there may be.
    wanted
        Which series.
    """

    def __init__(self, files: Sequence[Path], options: RecordingOptions, config: Config, wanted: Wanted) -> None:
        self._files, self._options, self._config, self._wanted = files, options, config, wanted
        self.last_ms = 0
        self.tally = Tally()

    def batches(self, wanted: Wanted | None = None) -> Iterator[SampleBatch]:
        """Samples, in the order of the files; of fewer series if told so.

        Raises
        ------
        ConfigurationError, MachineError
            If a file is missing, or is not what its format says.
        """
        config = self._config
        reader = RecordingReader(self._options, config.tenant, dict(config.ingest.identity.items()))
        selection = Selection(wanted or self._wanted, config.detect.max_series)
        for piece in reader.read(self._files):
            if piece.batch is not None and len(piece.batch):
                self.last_ms = max(self.last_ms, int(piece.batch.timestamp_ms.max()))
                if (picked := selection.of(piece.batch)) is not None:
                    yield picked
        self.tally = reader.tally


def run(samples: RecordedSamples, config: Config) -> tuple[DetectOperator, list[Anomaly]]:
    """What detect knows after the recordings, and the anomalies that it found on the way."""
    operator = DetectOperator(config.detect, partition=0, partitions=1)
    anomalies = [one for batch in samples.batches() for one in operator.step_batch(batch)]
    if samples.last_ms:
        anomalies += operator.on_tick(whole_second(samples.last_ms))
    return operator, anomalies


def blocks_of(operator: DetectOperator) -> dict[str, bytes]:
    """An operator's whole state, as its checkpoint would hold it."""
    operator.mark_all()
    return {key: value for key, value in operator.take_blocks() if value is not None}

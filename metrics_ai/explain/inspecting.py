"""What ``inspect`` prints and draws."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from metrics_ai.config import Config
from metrics_ai.explain.checkpoint_states import checkpointed
from metrics_ai.explain.plotting import load_plots, write_plot
from metrics_ai.explain.selecting import RecordedSamples, Wanted, blocks_of, run, selected_by
from metrics_ai.explain.series_models import SeriesState
from metrics_ai.explain.series_state import DetectState
from metrics_ai.explain.state_text import state_lines, state_table
from metrics_ai.explain.telling import print_lines
from metrics_ai.explain.topic_samples import TopicSamples
from metrics_ai.explain.tracing import line_of, trace
from metrics_ai.explain.words import duration_text
from metrics_ai.recordings import RecordingOptions
from metrics_ai.replay import file_size
from metrics_ai.tally import end_without_samples, tell_rejected
from schemas.errors import ConfigurationError, MetricsAIError
from schemas.series import Series


class UnknownSeriesError(MetricsAIError):
    """No series matches a selector."""

    blame = "user"


@dataclass(frozen=True)
class Inspecting:
    """A look at series as a user asked for it.

    Parameters
    ----------
    config
        Where the broker is, and when a window speaks.
    selector, tenant
        Which series.
    as_json
        Whether programs read it.
    plot
        Where a plot goes.
    """

    config: Config
    selector: str
    tenant: str | None = None
    as_json: bool = False
    plot: Path | None = None

    def of_broker(self) -> None:
        """What the newest checkpoints hold.

        Raises
        ------
        UnknownSeriesError
            If no series matches.
        """
        wanted = self._wanted()
        parts = checkpointed(self.config.kafka, self.config.detect, wanted)
        states = self._print([state for part in parts for state in part.states()], "the newest checkpoints hold")
        if self.plot is not None:
            self._draw_live(_only(states), self.plot)

    def of_recordings(self, files: Sequence[Path], options: RecordingOptions) -> None:
        """What detect knows after recordings.

        Raises
        ------
        UnknownSeriesError
            If no series matches.
        """
        for path in files:
            file_size(path)
        samples = RecordedSamples(files, options, self.config, self._wanted())
        operator, _ = run(samples, self.config)
        part = DetectState(blocks_of(operator), self.config.detect, lambda _: True)
        if not samples.last_ms:
            tell_rejected(samples.tally.told, samples.tally.rejected)
            end_without_samples(samples.tally.skipped, samples.tally.rejected)
        states = self._print(list(part.states()), "the recordings hold")
        tell_rejected(samples.tally.told, samples.tally.rejected)
        if self.plot is not None:
            self._draw_recorded(_only(states), samples, self.plot)

    def _wanted(self) -> Wanted:
        if self.plot is not None:
            load_plots()
        return selected_by(self.selector, self.tenant)

    def _print(self, states: Sequence[SeriesState], where: str) -> Sequence[SeriesState]:
        if not states:
            forgotten = duration_text(self.config.detect.forget_after_s * 1000)
            raise UnknownSeriesError(
                f"{where} no series {self.selector!r}",
                f"Fewer labels find more; a series is forgotten {forgotten} after its last sample",
            )
        states = sorted(states, key=lambda one: (one.tenant, one.metric, sorted(one.labels.items())))
        if self.as_json:
            for one in states:
                sys.stdout.write(one.model_dump_json(exclude_none=True) + "\n")
        else:
            print_lines(state_lines(states[0]) if len(states) == 1 else state_table(states))
        return states

    def _draw_recorded(self, state: SeriesState, samples: RecordedSamples, path: Path) -> None:
        from metrics_ai.explain.pictures import trace_panel  # noqa: PLC0415  # wants Matplotlib

        only = int(state.series_id, 16)
        found = trace(list(samples.batches(lambda one: one.id == only)), self.config.detect)
        write_plot([trace_panel(state, found)], "", path)
        sys.stderr.write(f"wrote {path}\n")

    def _draw_live(self, state: SeriesState, path: Path) -> None:
        from metrics_ai.explain.pictures import state_panel  # noqa: PLC0415  # wants Matplotlib

        series = Series(state.tenant, state.metric, state.labels, state.dims, state.type, state.unit)
        line = line_of(TopicSamples(self.config.kafka, series).between(0, None), series.id)
        if not len(line):
            raise ConfigurationError("there is nothing to draw", "Samples stay on their topic for two days")
        write_plot([state_panel(state, line)], "", path)
        sys.stderr.write(f"wrote {path}\n")


def _only(states: Sequence[SeriesState]) -> SeriesState:
    if len(states) > 1:
        raise ConfigurationError(f"{len(states)} series match, a plot shows one", "Name its labels")
    return states[0]

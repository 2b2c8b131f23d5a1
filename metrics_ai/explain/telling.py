"""What ``explain`` prints and draws."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from metrics_ai.config import Config
from metrics_ai.event_listing import wide_console
from metrics_ai.explain.broker_events import BrokerEvents
from metrics_ai.explain.cases import Case, EventSource, Match, case_of, matches_of
from metrics_ai.explain.plotting import load_plots, write_plot
from metrics_ai.explain.story import json_of, story_of
from metrics_ai.explain.topic_samples import TopicSamples
from metrics_ai.explain.tracing import Line, line_of
from metrics_ai.explain.words import columns_text
from schemas.errors import ConfigurationError
from schemas.series import Series


@dataclass(frozen=True)
class Explaining:
    """An explanation as a user asked for it.

    Parameters
    ----------
    config
        Where the broker is.
    as_json
        Whether programs read it.
    plot
        Where a plot goes.
    """

    config: Config
    as_json: bool = False
    plot: Path | None = None

    def explain(self, wanted: str, tenant: str | None, source: EventSource | None = None) -> None:
        """Print what has that id; exit status 1 if that are several."""
        if self.plot is not None:
            load_plots()
        source = source or BrokerEvents(self.config.kafka)
        matches = matches_of(source, wanted, tenant)
        if len(matches) > 1:
            self._list(wanted, matches)
            raise typer.Exit(1)
        case = case_of(source, matches[0])
        if self.as_json:
            sys.stdout.write(json.dumps(json_of(case)) + "\n")
        else:
            print_lines(story_of(case))
        if self.plot is not None:
            self._draw(case, self.plot)

    def _list(self, wanted: str, matches: Sequence[Match]) -> None:
        if self.as_json:
            for one in matches:
                kind, name, tenant, what = one.row
                sys.stdout.write(json.dumps({"kind": kind, "id": name, "tenant": tenant, "what": what}) + "\n")
        else:
            print_lines(columns_text([["kind", "id", "tenant", "what"], *(one.row for one in matches)]))
        sys.stderr.write(f"metrics-ai: {len(matches)} ids begin with {wanted!r}. Give more of one of them\n")

    def _draw(self, case: Case, path: Path) -> None:
        from metrics_ai.explain.pictures import panels_of, title_of  # noqa: PLC0415  # wants Matplotlib

        panels = panels_of(case, self._line)
        if not panels:
            raise ConfigurationError("there is nothing to draw", "Its anomalies are no longer on their topic")
        write_plot(panels, title_of(case), path)
        sys.stderr.write(f"wrote {path}\n")

    def _line(self, series: Series, from_ms: int, until_ms: int | None) -> Line:
        batches = TopicSamples(self.config.kafka, series).between(from_ms, until_ms)
        return line_of(batches, series.id).between(from_ms, until_ms if until_ms is not None else sys.maxsize)


def print_lines(lines: Sequence[str]) -> None:
    """Lines as they are, however wide the terminal is; what stands in brackets is text."""
    wide_console().print("\n".join(lines), soft_wrap=True)

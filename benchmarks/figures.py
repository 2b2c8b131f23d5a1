"""The figures of the guides, drawn anew: ``python -m benchmarks.figures [--data NAB]``.

The incident of the five-minute guide as ``metrics-ai explain --plot`` draws it, and stretches of NAB's files as
``metrics-ai inspect --from FILE --plot`` draws them: observed, what the finest window that speaks expected, and the
anomalies. Each file is gone through from its first sample on, with the settings as they ship.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from metrics_ai.config import Config
from metrics_ai.explain.cases import Events, case_of, matches_of
from metrics_ai.explain.pictures import panels_of, spans_of
from metrics_ai.explain.plots import Panel, figure_of, save
from metrics_ai.explain.selecting import RecordedSamples, run
from metrics_ai.explain.tracing import Line, line_of, trace
from metrics_ai.recordings import RecordingOptions
from metrics_ai.replay import replay
from schemas.series import Series
from schemas.topics import ALERTS, ANOMALIES, INCIDENTS

GUIDES = Path(__file__).parents[1] / "docs" / "guides"


class Stretch(NamedTuple):
    """Some days of a file of NAB."""

    name: str
    file: str
    begin: str
    end: str

    def spans_ms(self) -> tuple[int, int]:
        """From when to when."""
        begin, end = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (self.begin, self.end))
        return int(begin.timestamp() * 1000), int(end.timestamp() * 1000)


STRETCHES = (
    Stretch("nab-spike", "realAWSCloudwatch/rds_cpu_utilization_e47b3b", "2014-04-12", "2014-04-15"),
    Stretch("nab-nightly", "realKnownCause/cpu_utilization_asg_misconfiguration", "2014-05-14T12", "2014-05-20"),
    Stretch("nab-machine", "realKnownCause/machine_temperature_system_failure", "2014-01-24", "2014-02-05"),
)


def draw_incident(path: Path) -> None:
    """The incident of the five-minute guide."""
    guide = (GUIDES / "five-minutes.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```$", guide, flags=re.DOTALL | re.MULTILINE)
    script = next(block for block in blocks if "checkout_latency_ms.csv" in block)
    with tempfile.TemporaryDirectory() as folder:
        recording = Path(folder) / "checkout_latency_ms.csv"
        exec(script.replace('"checkout_latency_ms.csv"', repr(str(recording))), {})  # our own guide's
        options, config = RecordingOptions(labels={"host": "web-1"}, unit="ms"), Config()
        samples = RecordedSamples([recording], options, config, lambda _: True)
        found = replay([recording], options, config)
        told = {ALERTS.name: found.alerts, INCIDENTS.name: found.incidents, ANOMALIES.name: run(samples, config)[1]}
        events = Events(told)

        def lines(series: Series, from_ms: int, until_ms: int | None) -> Line:
            return line_of(samples.batches(), series.id).between(from_ms, until_ms or sys.maxsize)

        case = case_of(events, *matches_of(events, found.incidents[0].id))
        save(figure_of(panels_of(case, lines)), path)


def draw_stretch(stretch: Stretch, data: Path, path: Path) -> None:
    """Some days of a file, as they were judged."""
    config = Config()
    samples = RecordedSamples([data / f"{stretch.file}.csv"], RecordingOptions(), config, lambda _: True)
    found = trace(list(samples.batches()), config.detect)
    from_ms, until_ms = stretch.spans_ms()
    line = found.line.between(from_ms, until_ms)
    inside = (found.band.times_ms >= from_ms) & (found.band.times_ms <= until_ms)
    band = replace(
        found.band, times_ms=found.band.times_ms[inside], low=found.band.low[inside], high=found.band.high[inside]
    )
    anomalies = [one for one in found.anomalies if one.detector == "windows" and from_ms <= one.started_ms <= until_ms]
    worst = max(anomalies, key=lambda one: one.score)
    panel = Panel(stretch.file, line, worst.explanation, band=band, spans=spans_of(anomalies, line))
    save(figure_of([panel]), path)


def main(arguments: list[str]) -> int:
    """Draw what there is data for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.figures", description=__doc__)
    parser.add_argument("--data", type=Path, help="NAB's folder; without it the figure of the recording alone")
    parser.add_argument("--out", type=Path, default=GUIDES)
    given = parser.parse_args(arguments)
    draw_incident(given.out / "explained.svg")
    for stretch in STRETCHES if given.data else ():
        draw_stretch(stretch, given.data, given.out / f"{stretch.name}.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

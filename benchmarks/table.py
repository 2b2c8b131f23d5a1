"""The numbers as the README shows them, between two marks, so that a test can compare them with the results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
LATEST = ROOT / "benchmarks" / "results" / "latest.json"
BEGIN, END = "<!-- numbers: written by make bench -->", "<!-- end of numbers -->"

Numbers = Mapping[str, float | int | str]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table.

    Parameters
    ----------
    key
        In the results.
    what
        For people.
    budget
        The bound, and whether it is the least or the most; None where there is none.
    """

    key: str
    what: str
    budget: float | None = None
    least: bool = True
    unit: str = "samples/s"

    def row(self, numbers: Numbers) -> str | None:
        """The table's row, with a mark where the budget is missed; None where it was not measured."""
        value = numbers.get(self.key)
        if not isinstance(value, int | float):
            return None
        shown = f"{value:,.{0 if abs(value) >= 100 else 1 if abs(value) >= 1 else 2}f}"
        if self.budget is None:
            bound = ""
        else:
            met = value >= self.budget if self.least else value <= self.budget
            bound = f"{'≥' if self.least else '≤'} {self.budget:,g}" + ("" if met else " **missed**")
        return f"| {self.what} | {shown} {self.unit} | {bound} | `{self.key}` |"


LINES = (
    Line("pipeline_raw_samples_per_s", "Pipeline to anomalies from raw messages (the least of three)", 200_000),
    Line("pipeline_native_json_samples_per_s", "... native JSON, one sample a message"),
    Line("pipeline_telegraf_json_samples_per_s", "... Telegraf JSON"),
    Line("pipeline_otlp_samples_per_s", "... OTLP protobuf"),
    Line("pipeline_columnar_samples_per_s", "Pipeline to anomalies from columnar batches", 500_000),
    Line("detect_samples_per_s_core_50k", "Detect operator alone, 50,000 series, one core", 700_000),
    Line("detect_samples_per_s_core_500k", "Detect operator alone, 500,000 series, one core", 500_000),
    Line("bytes_per_series", "Memory a series, by peak RSS", 12_288, least=False, unit="bytes"),
    Line("ratio_vs_faust", "Five-window job: times plain Faust", 10, unit="x"),
    Line("ratio_vs_quix", "Five-window job: times Quix Streams' windows", 10, unit="x"),
    Line("ratio_vs_quix_rings", "Five-window job: times Quix Streams with hand-written rings", 5, unit="x"),
    Line("job_ours_samples_per_s", "... ours"),
    Line("job_faust_samples_per_s", "... plain Faust, two workers"),
    Line("job_quix_samples_per_s", "... Quix Streams' windows, two workers"),
    Line("job_quix_rings_samples_per_s", "... Quix Streams with rings, two workers"),
    Line("latency_p50_ms_quarter_load", "Sample to anomaly, a quarter of the load, p50", unit="ms"),
    Line("latency_p99_ms_quarter_load", "... p99", unit="ms"),
    Line("latency_p50_ms_half_load", "Sample to anomaly, half load, p50", unit="ms"),
    Line("latency_p99_ms_half_load", "... p99", 2000, least=False, unit="ms"),
    Line("recovery_100k_series_s", "kill -9 to caught up, 100,000 series", 60, least=False, unit="s"),
    Line("slo_counting_cost", "Counting for 100 objectives, share of the detect stage", 0.15, least=False, unit="of 1"),
    Line("slo_round_s", "A slice of 10,000 objectives on 4 partitions, one core", 5, least=False, unit="s"),
    Line("slo_bytes_per_slo", "Memory an objective, 31 days of slices", unit="bytes"),
    Line("slo_status_latency_p50_s", "End of a slice to its status, p50", unit="s"),
    Line("slo_status_latency_p95_s", "... p95", unit="s"),
    Line("slo_status_latency_max_s", "... the longest", 10, least=False, unit="s"),
    Line("storm_right_ratio", "Storm of 10,000 alerts in 60 s: in the right incident", 0.95, unit="of 1"),
    Line("storm_notifications_per_cause_max", "... notifications a cause, at most", 3, least=False, unit=""),
    Line("storm_sample_to_outbox_p95_s", "... sample to outbox, p95", 5, least=False, unit="s"),
    Line("storm_cpu_s", "... CPU of decide, route and notify", unit="s"),
    Line("storm_alertmanager_cpu_s", "... of an Alertmanager with the same alerts", unit="s"),
    Line("up_ready_s", "`metrics-ai up` to everything consumes", 15, least=False, unit="s"),
)


def table(numbers: Numbers) -> str:
    """The machine and the numbers, as Markdown.

    Examples
    --------
    >>> Line("a", "A", 10).row({"a": 12})
    '| A | 12.0 samples/s | ≥ 10 | `a` |'
    """
    machine = (
        f"Measured {str(numbers['date'])[:10]} on {numbers['cores']} cores of {numbers['cpu_model']}, "
        f"{numbers['memory_gib']} GiB, {numbers['system']}, Python {numbers['python']}, "
        f"Apache Kafka {numbers['version_apache_kafka']} on the same cores "
        f"([all numbers](benchmarks/results/latest.json))."
    )
    if numbers.get("broker") != "apache":
        machine = machine.replace(f"Apache Kafka {numbers['version_apache_kafka']}", "the embedded broker")
    rows = [row for line in LINES if (row := line.row(numbers)) is not None]
    return "\n".join([machine, "", "| what | measured | budget | key |", "|---|---|---|---|", *rows])


def filled(text: str, numbers: Numbers) -> str:
    """A text whose marked part holds the numbers."""
    head, _, rest = text.partition(BEGIN)
    tail = rest.partition(END)[2]
    return f"{head}{BEGIN}\n{table(numbers)}\n{END}{tail}"


def write() -> None:
    """Put the latest numbers into the README."""
    README.write_text(filled(README.read_text(), json.loads(LATEST.read_text())))


if __name__ == "__main__":
    write()

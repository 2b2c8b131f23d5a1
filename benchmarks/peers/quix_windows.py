"""Quix Streams with its own windows: a tumbling window a width, a custom aggregator for the moments."""

from __future__ import annotations

from typing import Any

from quixstreams import Application
from quixstreams.dataframe.windows.aggregations import Aggregator

from benchmarks.peers.job import WINDOWS_S, Z_LIMIT, Moments, Report, add, read_task, z_of


class MomentsOf(Aggregator):
    """Count, mean and squared deviations of ``value``; z of the newest against what stood before it; its time."""

    def initialize(self) -> list[float]:
        return [0, 0.0, 0.0, 0.0, 0]

    def agg(self, old: list[float], new: Any, timestamp: int) -> list[float]:
        moments, value = old[:3], new["value"]
        return [*add(moments, value), z_of(moments, value), timestamp]

    def result(self, value: list[float]) -> Any:
        return value


def main() -> None:
    """Five windows of each sample's series, and a verdict where it is far off."""
    task = read_task()
    report = Report(task.report)
    app = Application(
        broker_address=task.bootstrap,
        consumer_group="quix-windows",
        auto_offset_reset="earliest",
        state_dir=task.state_dir,
        loglevel="ERROR",
        commit_interval=5.0,
    )
    samples = app.topic(task.topic, key_deserializer="str", value_deserializer="json")
    frame = app.dataframe(samples)

    def note(name: str, value: dict[str, Any], key: str) -> None:
        if key in task.watched:
            moments: Moments = value["moments"][:3]
            report.watched.setdefault(key, {})[name] = moments
            if name == "7d":
                report.newest_ms[key] = int(value["moments"][4])
        if name == "7d":  # the last of the five branches
            report.sample()

    for name, size_s in WINDOWS_S.items():
        window = frame.tumbling_window(size_s * 1000, name=name).agg(moments=MomentsOf()).current()
        window.update(lambda value, key, _at, _headers, name=name: note(name, value, key), metadata=True)
        if name == "1h":
            far = window[window["moments"].apply(lambda moments: abs(moments[3]) > Z_LIMIT)]
            far.to_topic(app.topic(task.output, value_serializer="json", key_serializer="str"))
    report.end_at_sighup()
    app.run()


if __name__ == "__main__":
    main()

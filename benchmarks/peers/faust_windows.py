"""Plain Faust: a windowed Table a window, as its documentation shows."""

from __future__ import annotations

from typing import Any

import faust
import orjson

from benchmarks.peers.job import WINDOWS_S, Z_LIMIT, Moments, Report, add, read_task, z_of

task = read_task()
report = Report(task.report)
app = faust.App(
    "faust-windows",
    broker=f"kafka://{task.bootstrap}",
    store="memory://",
    datadir=str(task.state_dir),
    topic_partitions=4,
    topic_replication_factor=1,
    topic_allow_declare=True,
    topic_disable_leader=True,
    web_enabled=False,
    consumer_auto_offset_reset="earliest",
    broker_max_poll_records=10_000,
)
samples = app.topic(task.topic, key_type=str, key_serializer="raw", value_serializer="raw")
verdicts = app.topic(task.output, value_serializer="json")
tables = {
    name: app.Table(f"window-{name}", default=lambda: [0, 0.0, 0.0], partitions=4).tumbling(size_s, expires=2 * size_s)
    for name, size_s in WINDOWS_S.items()
}


@app.agent(samples)
async def job(stream: Any) -> None:
    """Five windows of each sample's series, and a verdict where it is far off."""
    async for event in stream.events():
        key = event.key if isinstance(event.key, str) else event.key.decode()
        sample = orjson.loads(event.value)
        value = sample["value"]
        now: dict[str, Moments] = {}
        for name, table in tables.items():
            window = table[key]
            moments = window.current(event)
            if name == "1h":
                z = z_of(moments, value)
            now[name] = moments = add(moments, value)
            table[key] = moments
        if abs(z) > Z_LIMIT:
            await verdicts.send(key=key, value={"series": key, "value": value, "z": z})
        if key in task.watched:
            report.watched[key] = now
            report.newest_ms[key] = sample["timestamp"]
        report.sample()


if __name__ == "__main__":
    report.end_at_sighup()
    faust.Worker(app, loglevel="error").execute_from_commandline()

"""The five-window job by our own workers, and what their checkpoints then hold of some series."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from agents.checkpoints import read_states
from agents.log_reader import LogReader
from benchmarks.feeder import Feeder
from benchmarks.messages import Fleet, native, produce
from benchmarks.pipeline import SAMPLES_METRIC, await_samples, feed
from benchmarks.workers import PARTITIONS, READY_LIMIT_S, Workers, working
from integrations.kafka.apache import ApacheKafka
from integrations.kafka.connection import KafkaSettings
from integrations.kafka.embedded import EmbeddedBroker
from schemas.ids import series_id
from schemas.topics import DETECT_CHECKPOINTS
from streams.bank import SeriesBank
from streams.layout import LENGTHS, M2, MEAN, OFFSETS, WIDTHS_MS
from streams.rings import numbers_of

TOPIC = "ours.samples"
WARM_TICKS = 8


def run(broker: ApacheKafka | EmbeddedBroker, fleet: Fleet, ticks: int, folder: Path) -> tuple[float, Workers]:
    """Samples a second through a backlog, as the peers have one; workers are then ended.

    Both roles have seen some ticks of every series. Ingest stays away while the messages are produced; the clock runs
    from the last look at which detect had counted none of them until it has counted all.
    """
    workers = Workers(broker, folder, {TOPIC: "native"})
    with working(workers, ["ingest", "detect"]):
        feed(workers, Feeder.start(broker.bootstrap, TOPIC, "native", fleet, range(WARM_TICKS)), fleet, WARM_TICKS)
        workers.end("ingest")
        produce(broker.bootstrap, TOPIC, native(fleet, range(WARM_TICKS, ticks)))
        workers.start("ingest")
        begin = _await_first(workers, fleet.series * WARM_TICKS)
        await_samples(workers, fleet.series * ticks)
        rate = fleet.series * (ticks - WARM_TICKS) / (time.monotonic() - begin)
    return rate, workers


def _await_first(workers: Workers, before: int) -> float:
    """When detect was last seen to have counted no more than before."""
    begin = time.monotonic()

    def has_more() -> bool:
        nonlocal begin
        looked = time.monotonic()
        if workers.total("detect", SAMPLES_METRIC) > before:
            return True
        begin = looked
        return False

    workers.await_(has_more, READY_LIMIT_S, "first samples")
    return begin


def windows_of(kafka: KafkaSettings, fleet: Fleet, watched: list[int]) -> dict[int, list[list[float]]]:
    """Count, mean and squared deviations of each watched series' five windows, read from the checkpoints."""
    reader = LogReader(kafka, committed=kafka.profile == "kafka")
    states = read_states(reader, kafka.topic(DETECT_CHECKPOINTS), range(PARTITIONS), lambda: True)
    ids = {id_of(fleet, one): one for one in watched}
    found: dict[int, list[list[float]]] = {}
    for state in states.values():
        bank = _bank_of(state.blocks)
        slots = bank.slots_of(np.array(list(ids), np.uint64))
        found |= {
            series: [_window(bank, slot, window) for window in range(len(LENGTHS))]
            for series, slot in zip(ids.values(), slots.tolist(), strict=True)
            if slot >= 0
        }
    return found


def id_of(fleet: Fleet, series: int) -> int:
    """Our id of a series."""
    labels = {"host": fleet.host(series), "cpu": str(fleet.cpu(series))}
    return series_id("default", f"cpu_{fleet.field(series)}", labels)


def _bank_of(blocks: dict[str, bytes]) -> SeriesBank:
    bank = SeriesBank()
    for key, value in blocks.items():
        if key.split("/")[0] in ("hot", "warm", "ring", "names"):
            bank.load_block(key, value)
    bank.finish_load(len(bank.identities))
    return bank


def _window(bank: SeriesBank, slot: int, window: int) -> list[float]:
    """All of a window's buckets together: the closed ones, and those in the making."""
    row = bank.slots[slot]
    current = int(row["open_number"][window])
    ring = slice(OFFSETS[window], OFFSETS[window] + LENGTHS[window])
    number, closed = numbers_of(row, window), np.abs(row["ring_count"][ring])
    kept = (closed > 0) & (current - LENGTHS[window] <= number) & (number < current)
    making = row["open_count"][: window + 1] > 0
    counts = np.concatenate([closed[kept], row["open_count"][: window + 1][making]]).astype(np.float64)
    buckets = np.concatenate([row["ring"][ring][kept], row["open"][: window + 1][making]])
    mean = float((counts * buckets[:, MEAN]).sum() / counts.sum())
    squares = float(buckets[:, M2].sum() + (counts * (buckets[:, MEAN] - mean) ** 2).sum())
    return [float(counts.sum()), mean, squares]


def expected(values: np.ndarray, start_ms: int, window: int) -> np.ndarray:
    """The same from the values themselves."""
    at = start_ms + np.arange(len(values)) * 15_000
    width = WIDTHS_MS[window]
    picked: np.ndarray = values[at // width >= at[-1] // width - LENGTHS[window]]
    return picked

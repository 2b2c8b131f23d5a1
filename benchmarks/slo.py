"""How fast the burn stage's core is: 10,000 SLOs on 4 partitions, a slice of 5 s each, on one core.

First 250 SLOs live through 31 days, to weigh what is kept of them; then 40 times as many are made of their snapshot,
so that every window is full and has an edge to read. A round is a slice of all of them: four records read from JSON,
40,000 counts entered, the slice before closed, every window and budget updated, all alerts judged, and a status of
each SLO made and written as JSON. ``python -m benchmarks.slo [--results FILE] [--days N]`` prints JSON.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from benchmarks import machine
from schemas.slo_events import SloSlice
from slo.definition import RatioIndicator, RollingWindow, Slo, Source
from slo.engine import Engine, EngineSettings
from slo.snapshot import EngineBlocks, definition_block

SLOS: Final = 10_000
SEED_SLOS: Final = 250
PARTITIONS: Final = 4
SLICE_S: Final = 5
ROUNDS: Final = 60
DAYS: Final = 31
START_S: Final = 1_795_446_000
SETTINGS: Final = EngineSettings(bank_slots=SEED_SLOS, status_every_s=SLICE_S)
BAD_SHARE: Final = 0.0005
NODES: Final = 40

Numbers = dict[str, float | int | str]
Floats = npt.NDArray[np.float64]


def objectives(count: int) -> list[Slo]:
    indicator = RatioIndicator(bad=Source(metric="errors"), total=Source(metric="requests"))
    return [
        Slo(
            name=f"slo-{number}",
            service=f"service-{number % 500}",
            method="Occurrences",
            indicator=indicator,
            target=(0.99, 0.999, 0.9995)[number % 3],
            window=RollingWindow(duration_s=30 * 86_400),
        )
        for number in range(count)
    ]


def rates(count: int) -> Floats:
    """Events in a slice of a partition: 0.2 to 2,000 of them."""
    return 10.0 ** (np.arange(count) % 40 / 10.0 - 0.7)


def records(keys: list[str], rng: np.random.Generator, row: int) -> list[bytes]:
    found = []
    for partition in range(PARTITIONS):
        total = rng.poisson(rates(len(keys)))
        bad = rng.binomial(total, BAD_SHARE)
        one = SloSlice(
            partition=partition,
            slice_ms=row * SLICE_S * 1000,
            slice_s=SLICE_S,
            slos=keys,
            good=(total - bad).tolist(),
            bad=bad.tolist(),
            spenders={
                keys[one]: [{"entity": f"node-{(row + one) % NODES}", "bad": float(bad[one])}]
                for one in np.flatnonzero(bad).tolist()
            },
        )
        found.append(one.to_bytes())
    return found


def aged(days: int) -> Engine:
    """A bank's worth of SLOs after so many days."""
    engine = Engine(objectives(SEED_SLOS), SETTINGS)
    keys = [slo.key for slo in engine.slos]
    rng = np.random.default_rng(2)
    rate = PARTITIONS * rates(SEED_SLOS)
    engine.on_tick(START_S * 1000)
    rows = SETTINGS.block_rows
    bank = next(iter(engine.banks.values()))
    for at in range(0, days * 86_400 // SLICE_S, rows):
        counts = np.zeros((rows, bank.store.slots, 3))
        counts[:, :SEED_SLOS, 1] = rng.poisson(rate, (rows, SEED_SLOS))
        counts[:, :SEED_SLOS, 0] = np.minimum(
            rng.poisson(rate * BAD_SHARE, (rows, SEED_SLOS)), counts[:, :SEED_SLOS, 1]
        )
        bank.put_run(START_S // SLICE_S + at, counts)
        engine.on_tick((START_S + (at + rows) * SLICE_S) * 1000 + 2000)
    assert [engine.places[key].slot for key in keys]
    return engine


def multiplied(seed: Engine) -> Engine:
    """As many SLOs as the benchmark has, each with the history of one of the few."""
    blocks = [(key, value) for key, value in EngineBlocks(seed).take_blocks() if value is not None]
    engine = Engine([], SETTINGS)
    loader = EngineBlocks(engine)
    for key, value in blocks:
        if not key.startswith("slo/"):
            for number in range(SLOS // SEED_SLOS):
                loader.load_block(key.replace("bank/0", f"bank/{number}", 1), value)
    for number, slo in enumerate(objectives(SLOS)):
        place = [number // SEED_SLOS, number % SEED_SLOS]
        loader.load_block(f"slo/{slo.key}", definition_block(slo, place))
    loader.finish_load()
    return engine


def measure_rounds(engine: Engine, first_row: int) -> Numbers:
    keys = [slo.key for slo in objectives(SLOS)]
    rng = np.random.default_rng(1)
    took, counting, cpu, statuses = [], [], [], 0
    for row in range(first_row, first_row + ROUNDS):
        values = records(keys, rng, row)
        began, cpu_began = time.perf_counter(), time.process_time()
        outcomes = [engine.on_slice(SloSlice.from_bytes(value)) for value in values]
        told = [one for outcome in outcomes for one in outcome.statuses]
        counted = time.perf_counter()
        size = sum(len(one.to_bytes()) for one in told)
        took.append(time.perf_counter() - began)
        cpu.append(time.process_time() - cpu_began)
        counting.append(counted - began)
        statuses += len(told) if size else 0
    middle = float(np.median(took[1:]))
    return {
        "slo_round_s": round(middle, 4),
        "slo_round_cpu_s": round(float(np.median(cpu[1:])), 4),
        "slo_round_worst_s": round(max(took[1:]), 4),
        "slo_round_before_writing_s": round(float(np.median(counting[1:])), 4),
        "slo_counts_per_s": round(SLOS * PARTITIONS / middle),
        "slo_statuses_per_round": round(statuses / ROUNDS),
        "slo_peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def measure(days: int = DAYS) -> Numbers:
    began = time.perf_counter()
    seed = aged(days)
    lived_s = time.perf_counter() - began
    bank = next(iter(seed.banks.values()))
    packed = bank.store.fine.nbytes + bank.store.coarse.nbytes
    found: Numbers = {
        "slo_days": days,
        "slo_days_lived_s": round(lived_s, 1),
        "slo_packed_bytes_per_slo": round(packed / SEED_SLOS),
        "slo_bytes_per_slo": round(seed.nbytes / SEED_SLOS),
    }
    engine = multiplied(seed)
    found |= measure_rounds(engine, days * 86_400 // SLICE_S + START_S // SLICE_S)
    hot = engine.nbytes - sum(one.store.fine.nbytes + one.store.coarse.nbytes for one in engine.banks.values())
    return found | {"slo_hot_bytes_per_slo": round(hot / SLOS)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path)
    parser.add_argument("--days", type=int, default=DAYS)
    args = parser.parse_args()
    found = measure(args.days)
    if args.results:
        machine.write(args.results, found)
    json.dump(found, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()

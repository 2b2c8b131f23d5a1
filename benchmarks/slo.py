"""How fast the burn stage's core is: 10,000 SLOs on 4 partitions, a slice of 5 s each, on one core.

A round is a slice of all of them: four records read from JSON, 40,000 counts entered, the slice before closed, every
window and budget updated, all alerts judged, and a status of each SLO made and written as JSON. ``python -m
benchmarks.slo [--results FILE]`` prints JSON; with ``--days`` it first lives through so many days, to weigh what is
kept.
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

from benchmarks import machine
from schemas.slo_events import SloSlice
from slo.definition import RatioIndicator, RollingWindow, Slo, Source
from slo.engine import Engine, EngineSettings

SLOS: Final = 10_000
PARTITIONS: Final = 4
SLICE_S: Final = 5
ROUNDS: Final = 60
WARM_ROUNDS: Final = 8
MEMORY_SLOS: Final = 64
MEMORY_DAYS: Final = 31
START_S: Final = 1_795_446_000

Numbers = dict[str, float | int | str]


def objectives(count: int) -> list[Slo]:
    indicator = RatioIndicator(bad=Source(metric="errors"), total=Source(metric="requests"))
    windows = [RollingWindow(duration_s=days * 86_400) for days in (30, 28)]
    return [
        Slo(
            name=f"slo-{number}",
            service=f"service-{number % 500}",
            method="Occurrences",
            indicator=indicator,
            target=(0.99, 0.999, 0.9995)[number % 3],
            window=windows[number % 10 == 0],
        )
        for number in range(count)
    ]


def rates(count: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Events in a slice of a partition: 0.2 to 2,000 of them."""
    return 10.0 ** (np.arange(count) % 40 / 10.0 - 0.7)


def records(keys: list[str], rng: np.random.Generator, row: int) -> list[bytes]:
    found = []
    for partition in range(PARTITIONS):
        total = rng.poisson(rates(len(keys)))
        bad = rng.binomial(total, 0.0005)
        one = SloSlice(
            partition=partition,
            slice_ms=(START_S + row * SLICE_S) * 1000,
            slice_s=SLICE_S,
            slos=keys,
            good=(total - bad).tolist(),
            bad=bad.tolist(),
        )
        found.append(one.to_bytes())
    return found


def measure_rounds() -> Numbers:
    slos = objectives(SLOS)
    keys = [slo.key for slo in slos]
    engine = Engine(slos)
    rng = np.random.default_rng(1)
    engine.on_tick(START_S * 1000)
    took, counting, statuses = [], [], 0
    for row in range(ROUNDS + WARM_ROUNDS):
        values = records(keys, rng, row)
        began = time.perf_counter()
        outcomes = [engine.on_slice(SloSlice.from_bytes(value)) for value in values]
        told = [one for outcome in outcomes for one in outcome.statuses]
        counted = time.perf_counter()
        size = sum(len(one.to_bytes()) for one in told)
        took.append(time.perf_counter() - began)
        counting.append(counted - began)
        statuses += len(told) if size else 0
    middle = np.median(took[WARM_ROUNDS:])
    return {
        "slo_round_s": round(float(middle), 4),
        "slo_round_worst_s": round(float(max(took[WARM_ROUNDS:])), 4),
        "slo_round_before_writing_s": round(float(np.median(counting[WARM_ROUNDS:])), 4),
        "slo_counts_per_s": round(SLOS * PARTITIONS / float(middle)),
        "slo_statuses_per_round": round(statuses / (ROUNDS + WARM_ROUNDS)),
        "slo_young_bytes_per_slo": round(engine.nbytes / SLOS),
        "slo_peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def measure_memory(days: int) -> Numbers:
    """Bytes an SLO after so many days, of a bank's worth of them that see as much traffic as the others."""
    slos = objectives(MEMORY_SLOS)
    settings = EngineSettings(block_rows=360, status_every_s=10**9)
    engine = Engine(slos, settings)
    rng = np.random.default_rng(2)
    engine.on_tick(START_S * 1000)
    rate = PARTITIONS * rates(MEMORY_SLOS)
    slices = days * 86_400 // SLICE_S
    for at in range(0, slices, settings.block_rows):
        total = rng.poisson(rate, (settings.block_rows, MEMORY_SLOS)).astype(np.float64)
        engine.on_runs(
            (START_S + at * SLICE_S) * 1000,
            {
                slo.key: np.stack([rng.binomial(total[:, n].astype(int), 0.0005), total[:, n], 0 * total[:, n]], axis=1)
                for n, slo in enumerate(slos)
            },
        )
    packed = sum(bank.store.fine.nbytes + bank.store.coarse.nbytes for bank in engine.banks.values())
    return {
        "slo_days": days,
        "slo_bytes_per_slo": round(engine.nbytes / MEMORY_SLOS),
        "slo_packed_bytes_per_slo": round(packed / MEMORY_SLOS),
    }


def measure() -> Numbers:
    return measure_rounds() | measure_memory(MEMORY_DAYS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path)
    parser.add_argument("--days", type=int, default=MEMORY_DAYS)
    args = parser.parse_args()
    found = measure_rounds() | (measure_memory(args.days) if args.days else {})
    if args.results:
        machine.write(args.results, found)
    json.dump(found, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()

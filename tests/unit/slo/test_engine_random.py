"""Six thousand random streams, reordered, repeated, corrected, restarted and repartitioned, against a plain count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from schemas.slo_events import SloSlice
from slo.definition import AlertPolicy, BurnTier, CalendarWindow, RollingWindow, Slo
from slo.engine import Engine, EngineSettings
from slo.slices import judge
from slo.snapshot import EngineBlocks
from slo.status import Figures
from slo.windows import Calendar

Floats = npt.NDArray[np.float64]
MakeSlo = Callable[..., Slo]
STREAMS = 1000
SLICES = 90
SLICE_S = 60
START_S = 1_774_750_200 // SLICE_S * SLICE_S  # 2026-03-29, just after the clocks went forward in Berlin: 04:10
TIERS = (
    BurnTier(name="page", long_s=900, short_s=180, factor=14.4, priority="P0"),
    BurnTier(name="ticket", long_s=2700, short_s=600, factor=2.0, priority="P2"),
)
SETTINGS = EngineSettings(status_every_s=10**9)


def objectives(rng: np.random.Generator, make: MakeSlo) -> list[Slo]:
    windows = [
        RollingWindow(duration_s=3600),
        CalendarWindow(unit="day", start="2026-01-01 05:00:00", time_zone="Europe/Berlin"),
    ]
    found = []
    for number in range(STREAMS):
        method = ("Occurrences", "Timeslices", "RatioTimeslices")[number % 3]
        found.append(
            make(
                f"s{number}",
                method=method,
                slice_s=SLICE_S,
                slice_target=0.9 if method == "Timeslices" else None,
                target=float(rng.choice([0.9, 0.99, 0.999])),
                unknown=str(rng.choice(["ignore", "good", "bad"])),
                window=windows[int(rng.integers(2))],
                alerts=AlertPolicy(profile="custom", tiers=TIERS),
            )
        )
    return found


def stream(rng: np.random.Generator, *, whole: bool) -> Floats:
    """Counts of shape (slices, partitions, SLOs, columns); NaN where there is no row. Partitions change halfway."""
    total = rng.poisson(rng.choice([0.5, 20.0, 5000.0], (1, 1, STREAMS)), (SLICES, 4, STREAMS)).astype(float)
    if not whole:
        total *= rng.random(total.shape) * 1e-3
    bad = rng.binomial(1, 0.3, total.shape) * rng.random(total.shape) * total
    bad = np.floor(bad) if whole else bad
    unknown = rng.binomial(2, 0.1, total.shape).astype(float)
    counts = np.stack([bad, total, unknown], axis=-1)
    counts[rng.random(total.shape) < 0.3] = np.nan
    half = SLICES // 2
    counts[:half, 3] = counts[half:, 0] = np.nan
    return counts


def records(rng: np.random.Generator, keys: list[str], counts: Floats) -> list[SloSlice]:
    """The records of a stream in some order within lateness; some twice, some first with counts that are wrong."""
    found: list[tuple[float, SloSlice]] = []
    for row in range(SLICES):
        for partition in range(4):
            there = np.flatnonzero(~np.isnan(counts[row, partition, :, 0]))
            if not there.size:
                continue
            values = counts[row, partition, there]
            late_s = float(rng.choice([0.0, 3.0, 540.0], p=[0.4, 0.3, 0.3]) * rng.random())
            at = (row + 1) * SLICE_S + late_s
            found.append((at, record(row, partition, [keys[one] for one in there], values)))
            if rng.random() < 0.2:
                found.append((at + 20, found[-1][1]))
            if rng.random() < 0.2:
                found.append((at - 1, record(row, partition, [keys[one] for one in there], values * 2)))
    return [one for _, one in sorted(found, key=lambda pair: pair[0])]


def record(row: int, partition: int, keys: list[str], values: Floats) -> SloSlice:
    bad, total, unknown = values.T.tolist()
    good = [one - other for one, other in zip(total, bad, strict=True)]
    start_ms = (START_S + row * SLICE_S) * 1000
    return SloSlice(
        partition=partition, slice_ms=start_ms, slice_s=SLICE_S, slos=keys, good=good, bad=bad, unknown=unknown
    )


def restarted(engine: Engine, blocks: dict[str, bytes], taker: EngineBlocks) -> tuple[Engine, EngineBlocks]:
    for key, value in taker.take_blocks():
        if value is None:
            blocks.pop(key, None)
        else:
            blocks[key] = value
    fresh = Engine([], SETTINGS)
    loader = EngineBlocks(fresh)
    for key, value in sorted(blocks.items(), reverse=True):
        loader.load_block(key, value)
    loader.finish_load()
    return fresh, loader


def expected(slos: list[Slo], counts: Floats) -> dict[int | str, Floats]:
    """Bad, total and unknown by window, counted plainly."""
    raw = np.nansum(counts, axis=1)
    heard = ~np.isnan(counts[..., 0]).all(axis=1)
    since = np.where(heard.any(axis=0), heard.argmax(axis=0), SLICES)
    alive = np.arange(SLICES)[:, None] >= since
    judged = np.empty_like(raw)
    for number, slo in enumerate(slos):
        one = judge(slo.method, raw[:, [number]], np.array([slo.slice_target or 1.0]), alive[:, [number]])
        judged[:, number] = one[:, 0]
    found: dict[int | str, Floats] = {}
    for length_s in (180, 600, 900, 2700, 3600, 86_400):
        found[length_s] = judged[-(length_s // SLICE_S) :].sum(axis=0)
    calendar = Calendar(CalendarWindow(unit="day", start="2026-01-01 05:00:00", time_zone="Europe/Berlin"))
    period = calendar.at((START_S + SLICES * SLICE_S) * 1000 - 1)
    first = max(0, (period.start_ms // 1000 - START_S) // SLICE_S)
    assert 0 < first < SLICES
    found["own"] = judged[first:].sum(axis=0)
    return found


@pytest.mark.parametrize("seed", range(6))
def test_a_thousand_random_streams_are_counted_as_plainly(seed: int, slo: MakeSlo) -> None:
    rng = np.random.default_rng(seed)
    slos = objectives(rng, slo)
    keys = [one.key for one in slos]
    counts = stream(rng, whole=seed % 3 != 2)
    engine = Engine(slos, SETTINGS)
    taker, blocks = EngineBlocks(engine), {}
    engine.on_tick(START_S * 1000)
    for one in records(rng, keys, counts):
        engine.on_slice(one)
        if rng.random() < 0.01:
            engine, taker = restarted(engine, blocks, taker)
    engine.on_tick((START_S + SLICES * SLICE_S) * 1000 + 2000)
    assert engine.counts["late"] == 0
    compare(engine, slos, expected(slos, counts))


def compare(engine: Engine, slos: list[Slo], plain: dict[int | str, Floats]) -> None:
    figures = {number: Figures(bank) for number, bank in engine.banks.items()}
    for number, slo in enumerate(slos):
        place = engine.places[slo.key]
        bank = engine.banks[place.bank]
        found = figures[place.bank]
        for at, length_s in enumerate(bank.spec.rolling_s):
            if length_s <= 86_400:
                assert found.counts[at, place.slot] == pytest.approx(plain[length_s][number], rel=1e-12, abs=1e-12)
        own = plain["own"][number] if slo.window.kind == "calendar" else plain[3600][number]
        check_budget(slo, found.status(place.slot).event().budget("own"), own)


def check_budget(slo: Slo, budget: Any, own: Floats) -> None:
    bad = own[0] + (own[2] if slo.unknown == "bad" else 0.0)
    total = own[1] + (own[2] if slo.unknown != "ignore" else 0.0)
    if total == 0:
        assert budget.remaining is None
        assert budget.compliance is None
        return
    assert budget.remaining == pytest.approx(1 - bad / (total * (1 - slo.target)), rel=1e-9, abs=1e-9)
    assert budget.compliance == pytest.approx(1 - bad / total, abs=1e-12)


def test_whole_counts_are_the_same_bit_for_bit_in_any_order(slo: MakeSlo) -> None:
    rng = np.random.default_rng(77)
    slos = [one for one in objectives(rng, slo) if one.method != "RatioTimeslices"]
    counts = stream(rng, whole=True)[:, :, [int(one.name[1:]) for one in slos]][:9]
    keys = [one.key for one in slos]
    told = [
        record(row, partition, [keys[one] for one in there], counts[row, partition, there])
        for row in range(9)
        for partition in range(4)
        if (there := np.flatnonzero(~np.isnan(counts[row, partition, :, 0]))).size
    ]
    found = []
    for _ in range(3):
        engine = Engine(slos, SETTINGS)
        engine.on_tick(START_S * 1000)
        for at in rng.permutation(len(told)).tolist():
            engine.on_slice(told[at])
        engine.on_tick((START_S + SLICES * SLICE_S) * 1000)
        assert engine.counts["late"] == 0
        found.append(b"".join(bank.sums.sums.tobytes() for bank in engine.banks.values()))
    assert found[0] == found[1] == found[2]

"""What a rule's function looks back over is its window, wherever it lies between the rings' buckets."""

from __future__ import annotations

import numpy as np
import pytest

from schemas.events import Anomaly
from schemas.series import Series
from streams.layout import WIDTHS_MS
from tests.unit.models.streams import START_MS, Bench, Sample, stream


def fed(values: list[float], rule: dict[str, object], series: Series, step_s: int = 1) -> list[Anomaly]:
    bench = Bench(
        rules=[{"name": "r", "select": "m", "comparison": ">=", **rule}],
        shipped_rules=False,
        drift={"enabled": False},
        updates={"every_s": 31},
    )
    return [one for one in bench.feed(stream(series, values, step_ms=1000 * step_s)) if one.detector == "r"]


@pytest.mark.parametrize("window_s", [30, 45, 300, 301, 900, 1000, 3600, 4000, 5400, 10_000])
def test_a_steady_series_counts_the_same_at_every_moment(window_s: int) -> None:
    rule = {"function": "count", "window_s": window_s, "threshold": 0}
    found = fed([1.0] * 20_000, rule, Series("t", "m"))
    counts = [one.observed for one in found if one.at_ms - START_MS > 1000 * window_s]
    assert len(counts) > 300
    assert window_s - 1 <= min(counts) <= max(counts) <= window_s + 2


def test_an_increase_over_an_hour_and_some_is_that_of_the_window() -> None:
    rule = {"function": "increase", "window_s": 4000, "threshold": 0}
    values = [float(at) for at in range(0, 300_000, 15)]
    found = fed(values, rule, Series("t", "m", {}, {}, "counter"), 15)
    grown = [one.observed for one in found if one.at_ms - START_MS > 4_200_000]
    assert 3_970 <= min(grown) <= max(grown) <= 4_040


def measured(kind: str, function: str, window_s: int, times_s: list[int], grown: list[float]) -> list[Anomaly]:
    """What a rule sees of a series that grew by so much between the times."""
    rule = {"name": "r", "select": "m", "function": function, "window_s": window_s, "comparison": ">=", "threshold": 0}
    bench = Bench(rules=[rule], shipped_rules=False, drift={"enabled": False}, updates={"every_s": 1})
    values = np.cumsum(grown) if kind == "counter" else grown
    series = Series("t", "m", {}, {}, kind)
    rows = zip(times_s, values, strict=True)
    found = bench.feed([Sample(series, START_MS + 1000 * at_s, float(value)) for at_s, value in rows])
    return [one for one in found if one.detector == "r" and one.state != "end"]


@pytest.mark.parametrize(("in_the_gap", "in_a_sample"), [(100.0, 0.0), (0.0, 1.0)])
def test_an_increase_weighs_rates_by_their_time(in_the_gap: float, in_a_sample: float) -> None:
    """A gap of 150 s and ten samples of 15 s: together a window."""
    times_s = [*range(0, 615, 15), *range(750, 915, 15)]
    grown = [*[0.0] * 41, in_the_gap, *[0.0] * 4, in_a_sample, *[0.0] * 5]
    last = {function: measured("counter", function, 300, times_s, grown)[-1] for function in ("increase", "rate")}
    assert last["increase"].at_ms == START_MS + 900_000
    assert last["increase"].observed == pytest.approx(in_the_gap + in_a_sample, rel=1e-3)
    assert last["rate"].observed == pytest.approx((in_the_gap + in_a_sample) / 300, rel=1e-3)


@pytest.mark.parametrize("kind", ["counter", "delta"])
@pytest.mark.parametrize(("window_s", "width_ms"), [*zip([300, 900, 3600, 10_000], WIDTHS_MS[:4], strict=True)])
def test_an_increase_is_exact_but_for_the_oldest_bucket(kind: str, window_s: int, width_ms: int) -> None:
    rng = np.random.default_rng(window_s)
    times_s = np.cumsum(rng.choice([10, 15, 15, 20] if kind == "delta" else [5, 15, 15, 40, 150, 400], 2500))
    grown = np.round(rng.exponential(rng.choice([1.0, 1.0, 50.0], 2500)))
    total = np.cumsum(grown)
    bucket = (START_MS + 1000 * times_s) // width_ms
    found = measured(kind, "increase", window_s, times_s.tolist(), grown.tolist())
    checked = 0
    for one in found:
        now = int(np.searchsorted(times_s, (one.at_ms - START_MS) // 1000))
        since_s = times_s[now] - window_s
        oldest = int(np.searchsorted(times_s, since_s, "right"))
        first, last = np.searchsorted(bucket, bucket[oldest], "left"), np.searchsorted(bucket, bucket[oldest], "right")
        if first > 1:
            # Growth is spread over the time that it took; that of the oldest bucket over all of the bucket's. A bucket
            # knows its time to a two-thousandth of its width.
            most, least = total[now] - total[first - 1], total[now] - total[min(now, last - 1)]
            exact = total[now] - np.interp(since_s, times_s, total)
            assert least - 3e-3 * exact <= one.observed <= most + 3e-3 * exact
            checked += 1
    assert checked > 100 + len(found) // 2


def test_a_counters_levels_begin_at_its_first_rate() -> None:
    bench = Bench()
    series = Series("t", "requests_total", {}, {}, "counter")
    bench.feed_values(series, [100.0 * at for at in range(3)], step_ms=15_000)
    row = bench.operator.bank.slots[0]
    assert row["level"].tolist() == pytest.approx([100 / 15] * 4)
    assert row["fast"] == pytest.approx(100 / 15)


def test_a_series_that_never_moved_is_expected_where_it_was() -> None:
    found = Bench().feed_values(Series("t", "m"), [0.0] * 400 + [30.0] * 10)
    start = found[0]
    assert start.expected is not None
    assert (start.expected.low, start.expected.high) == (0.0, 0.0)
    assert start.explanation.startswith("m is 30, expected 0 (5m")
    floors = [{"name": "m", "metric": "m", "min_effect": 5.0}]
    start = Bench(families=floors).feed_values(Series("t", "m"), [0.0] * 400 + [30.0] * 10)[0]
    assert start.expected is not None
    assert (start.expected.low, start.expected.high) == (0.0, 5.0)
    assert start.score == 6.0


@pytest.mark.parametrize("how", ["recovered", "level_shift", "silent"])
def test_an_end_carries_the_windows_that_called_it_an_anomaly(how: str) -> None:
    bench = Bench(confirm={"max_freeze_s": 60})
    values = (
        [1.0, 1.1] * 600 + [9.0] * (100 if how == "level_shift" else 30) + [1.0] * (40 if how == "recovered" else 0)
    )
    found = bench.feed_values(Series("t", "m"), values)
    if how == "silent":
        bench.operator.on_tick(START_MS + 1_300_000)
        found += bench.operator.on_tick(START_MS + 1_700_000)
    end = next(one for one in found if one.state == "end")
    assert end.end_reason == how
    agreed = {window.window for one in found if one.state != "end" for window in one.windows if window.agrees}
    assert {window.window for window in end.windows if window.agrees} == agreed
    assert agreed
    assert end.expected is not None

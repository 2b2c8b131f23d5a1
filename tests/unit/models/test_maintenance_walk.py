"""Series in maintenance: nothing starts, nothing is learned, and what must always speak speaks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from models.detect import DetectOperator
from schemas.errors import SchemaError
from schemas.events import Anomaly, Setting
from schemas.series import Series
from streams.layout import CENTER, M2
from tests.unit.models.streams import QUICK, START_MS, Bench, Sample, batch_of, stream

CPU = Series("t", "node_cpu_ratio", {"host": "h1"}, {"node": "h1"}, "gauge", "1")
OTHER = Series("t", "node_cpu_ratio", {"host": "h2"}, {"node": "h2"}, "gauge", "1")
OOM = Series("t", "node_oom_kills_total", {"host": "h1"}, {"node": "h1"}, "counter", "1")
BEGIN_S, LASTS_S = 1800, 600


def at_s(seconds: int) -> str:
    return datetime.fromtimestamp(START_MS / 1000 + seconds, UTC).isoformat()


def window(**fields: object) -> dict[str, Any]:
    return {"name": "patch", "start": at_s(BEGIN_S), "duration_s": LASTS_S, "select": '{node="h1"}', **fields}


def bench_of(*windows: dict[str, Any], **fields: object) -> Bench:
    return Bench(maintenance=list(windows or [window()]), **fields)


def noise(count: int, seed: int = 1, level: float = 0.1) -> np.ndarray[Any, Any]:
    return level + np.random.default_rng(seed).normal(0, 0.005, count)


def told(found: list[Anomaly]) -> list[tuple[str, str | None]]:
    return [(one.state, one.end_reason) for one in found if one.state != "update"]


def faulty(from_s: int, to_s: int, count: int = 3600, by: float = 0.8) -> np.ndarray[Any, Any]:
    values = noise(count)
    values[from_s:to_s] += by
    return values


def test_a_fault_within_maintenance_starts_nothing_and_without_it_does() -> None:
    values = faulty(BEGIN_S + 60, BEGIN_S + 300)
    assert bench_of().feed_values(CPU, values) == []
    assert told(bench_of().feed_values(OTHER, values)) == [("start", None), ("end", "recovered")]
    assert told(Bench().feed_values(CPU, values)) == [("start", None), ("end", "recovered")]


def test_maintenance_begins_with_its_first_moment_and_is_over_at_its_end() -> None:
    values = faulty(BEGIN_S, BEGIN_S + LASTS_S + 60)
    found = bench_of().feed_values(CPU, values)
    assert [one.started_ms for one in found if one.state == "start"] == [START_MS + 1000 * (BEGIN_S + LASTS_S)]
    assert bench_of().feed_values(CPU, faulty(BEGIN_S, BEGIN_S + LASTS_S)) == []


def test_what_is_open_when_maintenance_begins_ends_and_starts_anew_if_it_outlasts_it() -> None:
    found = bench_of().feed_values(CPU, faulty(BEGIN_S - 60, BEGIN_S + LASTS_S + 60))
    assert told(found) == [("start", None), ("end", "maintenance"), ("start", None), ("end", "recovered")]
    end = next(one for one in found if one.end_reason == "maintenance")
    assert end.ended_ms == end.at_ms == START_MS + 1000 * BEGIN_S
    assert "muted by maintenance from" in end.explanation
    assert found[-1].id != end.id


def test_evidence_from_before_maintenance_does_not_count_after_it() -> None:
    values = faulty(BEGIN_S - 2, BEGIN_S)
    values[BEGIN_S + LASTS_S] += 0.8
    assert bench_of().feed_values(CPU, values) == []
    values[BEGIN_S + LASTS_S : BEGIN_S + LASTS_S + 3] = 0.9
    start = bench_of().feed_values(CPU, values)[0]
    assert start.started_ms == START_MS + 1000 * (BEGIN_S + LASTS_S)


def test_a_series_knows_after_maintenance_what_it_knew_before() -> None:
    bench, quiet = bench_of(), bench_of()
    values = noise(BEGIN_S + LASTS_S)
    quiet.feed_values(CPU, values)
    values[BEGIN_S:] = 0.95
    bench.feed_values(CPU, values[:BEGIN_S])
    before = bench.operator.bank.slots[0].copy()
    bench.feed(stream(CPU, values[BEGIN_S:], START_MS + 1000 * BEGIN_S))
    after = bench.operator.bank.slots[0]
    for name in ("base", "base_ready", "base_ms", "habit", "level", "fast", "since_ms", "evidence", "rule_firing"):
        np.testing.assert_array_equal(after[name], before[name], name)
    after = bench.operator.bank.slots[0]
    values = noise(3600, seed=2)
    for one in (bench, quiet):
        assert one.feed(stream(CPU, values, START_MS + 1000 * (BEGIN_S + LASTS_S))) == []
    # Whatever the values within were, all that is learned afterwards is the same.
    for name in ("base", "habit", "level", "fast"):
        np.testing.assert_array_equal(after[name], quiet.operator.bank.slots[0][name], name)
    assert bench.operator.counts["in_maintenance"] == LASTS_S


def test_a_later_fault_is_measured_by_the_old_baseline() -> None:
    values = faulty(BEGIN_S, BEGIN_S + LASTS_S)
    values[BEGIN_S + LASTS_S + 120 :] += 0.8
    start = bench_of().feed_values(CPU, values)[0]
    assert start.started_ms == START_MS + 1000 * (BEGIN_S + LASTS_S + 120)
    assert start.expected is not None
    assert start.expected.center == pytest.approx(0.1, abs=0.01)


def test_minutes_within_maintenance_reach_no_drift_detector() -> None:
    drift = {"reference": "15m", "options": {"min_instances": 4, "delta": 0.2, "threshold": 1}}
    values = faulty(BEGIN_S, BEGIN_S + LASTS_S, by=0.15)
    assert "drift" in {one.kind for one in Bench(drift=drift).feed_values(CPU, values)}
    bench = bench_of(drift=drift)
    assert bench.feed_values(CPU, values) == []
    assert bench.operator.counts["closed_buckets"] < 3600 / 60 - LASTS_S / 60


def test_a_counter_has_its_rate_right_after_maintenance() -> None:
    counter = Series("t", "requests_total", {}, {"node": "h1"}, "counter", "1")
    rates = np.full(3600, 100.0)
    rates[BEGIN_S : BEGIN_S + LASTS_S] = 50_000.0
    bench = bench_of()
    assert bench.feed_values(counter, np.cumsum(rates)) == []
    assert bench.operator.bank.slots[0]["value"] == 100.0


def test_a_level_that_is_accepted_after_maintenance_takes_nothing_of_it() -> None:
    bench = bench_of(window(duration_s=LASTS_S + 10), confirm={"max_freeze_s": 60})
    values = faulty(BEGIN_S, BEGIN_S + LASTS_S + 10, count=BEGIN_S + LASTS_S + 100, by=50.0)
    values[BEGIN_S + LASTS_S + 10 :] += 0.8
    assert told(bench.feed_values(CPU, values)) == [("start", None), ("end", "level_shift")]
    row = bench.operator.bank.slots[0]
    assert (row["ring"][:, M2] < 0).any()
    assert not (row["ring_count"][row["ring"][:, M2] < 0] > 0).any()
    assert row["base"][0, CENTER] == pytest.approx(0.9, abs=0.01)


RULES = [
    {"name": "plain", "select": "node_cpu_ratio", "threshold": 0.5},
    {"name": "averaged", "select": "node_cpu_ratio", "function": "avg", "window_s": 300, "threshold": 0.3},
    {"name": "hourly", "select": "node_cpu_ratio", "function": "max", "window_s": 3600, "threshold": 0.5},
    {
        "name": "few",
        "select": "node_cpu_ratio",
        "function": "count",
        "comparison": "<",
        "window_s": 900,
        "threshold": 800,
    },
]


def test_threshold_rules_see_nothing_of_maintenance() -> None:
    rules = {"rules": RULES, "windows": {name: {"enabled": False, "warmup_s": 0} for name in QUICK}}
    values = faulty(BEGIN_S, BEGIN_S + LASTS_S)
    late = START_MS + 1000 * 900
    assert [one.detector for one in bench_of(**rules).feed_values(CPU, values) if one.at_ms >= late] == []
    there = {one.detector for one in Bench(**rules).feed_values(CPU, values) if one.at_ms >= late}
    assert there == {"plain", "averaged", "hourly"}


def test_a_rule_that_fires_when_maintenance_begins_ends_and_fires_anew() -> None:
    found = bench_of(rules=RULES[:1]).feed_values(CPU, faulty(BEGIN_S - 60, BEGIN_S + LASTS_S + 60))
    of_rule = [(one.state, one.end_reason, one.at_ms) for one in found if one.detector == "plain"]
    ends = [one for one in of_rule if one[0] == "end"]
    assert ends[0] == ("end", "maintenance", START_MS + 1000 * BEGIN_S)
    starts = [one[2] for one in of_rule if one[0] == "start"]
    assert starts == [START_MS + 1000 * (BEGIN_S - 60), START_MS + 1000 * (BEGIN_S + LASTS_S)]


@pytest.mark.parametrize("window_s", [300, 3600])
def test_an_oom_kill_speaks_in_maintenance(window_s: int) -> None:
    kills = np.zeros(400)
    kills[200:] = 1
    rule = {"name": "oom", "select": "node_oom_kills_total", "function": "increase", "threshold": 0, "safety": True}
    bench = bench_of(rules=[{**rule, "window_s": window_s}])
    found = bench.feed(stream(OOM, kills, START_MS + 15_000 * 40, step_ms=15_000))
    start_s = 15 * 240
    bench = bench_of(window(start=at_s(start_s - 300)), rules=[{**rule, "window_s": window_s}])
    muted = bench.feed(stream(OOM, kills, START_MS + 15_000 * 40, step_ms=15_000))
    for events in (found, muted):
        starts = {one.detector: one.at_ms for one in events if one.state == "start" and one.safety}
        assert starts == {"oom": START_MS + 1000 * start_s, "oom_kill": START_MS + 1000 * start_s}
    ends = [one.at_ms for one in muted if one.state == "end" and one.detector == "oom"]
    assert all(end >= START_MS + 1000 * start_s + 240_000 for end in ends)


def test_a_late_sample_from_maintenance_is_not_learned_and_one_from_before_is() -> None:
    bench = bench_of()
    bench.feed_values(CPU, noise(BEGIN_S + LASTS_S + 20))
    begin_ms = START_MS + 1000 * (BEGIN_S + LASTS_S)
    before = bench.operator.bank.slots[0]["open_count"].copy()
    bench.feed([Sample(CPU, begin_ms - 500, 0.9)])
    np.testing.assert_array_equal(bench.operator.bank.slots[0]["open_count"], before)
    bench.feed([Sample(CPU, begin_ms + 500, 0.1)])
    assert bench.operator.bank.slots[0]["open_count"].sum() == before.sum() + 1
    assert bench.operator.counts["in_maintenance"] == LASTS_S + 1
    assert bench.operator.counts["accepted_late"] == 2


def test_a_series_that_is_born_in_maintenance_is_young_when_it_ends() -> None:
    bench = bench_of()
    values = faulty(0, LASTS_S - 100, count=LASTS_S)
    assert bench.feed(stream(CPU, values, START_MS + 1000 * (BEGIN_S + 100))) == []
    row = bench.operator.bank.slots[0]
    assert row["first_ms"] == START_MS + 1000 * (BEGIN_S + LASTS_S - 1)
    assert row["base"][0, 0] == pytest.approx(0.1, abs=0.01)


def test_windows_overlap_and_touch_as_one() -> None:
    windows = [window(name=f"w{at}", start=at_s(BEGIN_S + 200 * at), duration_s=200 + at) for at in range(12)]
    bench = bench_of(*windows)
    assert bench.feed_values(CPU, faulty(BEGIN_S, BEGIN_S + 2400, count=4500)) == []
    assert bench.operator.counts["in_maintenance"] == 2411


def test_a_window_is_of_its_tenant() -> None:
    mine = bench_of(window(tenant="t"))
    assert mine.feed_values(CPU, faulty(BEGIN_S, BEGIN_S + 60)) == []
    assert bench_of(window(tenant="u")).feed_values(CPU, faulty(BEGIN_S, BEGIN_S + 60)) != []


def set_windows(operator: DetectOperator, at_ms: int, *windows: dict[str, Any]) -> None:
    operator.apply_setting(Setting(subject="maintenance", valid_from_ms=at_ms, body={"windows": list(windows)}))


def restored(operator: DetectOperator, **settings: object) -> DetectOperator:
    operator.mark_all()
    fresh = Bench(**settings).operator
    for key, value in operator.take_blocks():
        fresh.load_block(key, value)
    fresh.finish_load()
    return fresh


@pytest.mark.parametrize("restarts", [False, True])
def test_maintenance_comes_and_goes_by_a_setting(restarts: bool) -> None:
    operator = Bench().operator
    operator.step_batch(batch_of([*stream(CPU, noise(900)), *stream(OTHER, noise(900))]))
    set_windows(operator, START_MS, window())
    # From the middle of the window on, it is another host's.
    set_windows(operator, START_MS + 1000 * (BEGIN_S + 300), window(select='{node="h2"}'))
    if restarts:
        operator = restored(operator)
    values = faulty(BEGIN_S, BEGIN_S + LASTS_S)[900:]
    own, other = (operator.step_batch(batch_of(stream(one, values, START_MS + 900_000))) for one in (CPU, OTHER))
    assert [one.started_ms for one in own if one.state == "start"] == [START_MS + 1000 * (BEGIN_S + 300)]
    assert [one.started_ms for one in other if one.state == "start"] == [START_MS + 1000 * BEGIN_S]
    assert [one.end_reason for one in other if one.state == "end"] == ["maintenance"]


def test_maintenance_that_the_configuration_no_longer_holds_ends_with_the_restart() -> None:
    first = bench_of()
    first.feed_values(CPU, noise(BEGIN_S + 100))
    kept, gone = restored(first.operator, maintenance=[window()]), restored(first.operator)
    fault = batch_of(stream(CPU, [0.9] * 60, START_MS + 1000 * (BEGIN_S + 100)))
    assert kept.step_batch(fault) == []
    assert told(gone.step_batch(fault)) == [("start", None)]


@pytest.mark.parametrize(
    ("windows", "says"),
    [
        ([{"name": "x"}], r"maintenance: 0\.start: Field required"),
        ([window(), window()], r"maintenance: names: .*of one name: patch"),
        ([window(rrule="FREQ=HOURLY")], r"maintenance: 0\.rrule: .*FREQ is one of"),
        ([window(days=["holiday"])], "patch is on holidays; set holidays or calendar"),
    ],
)
def test_a_setting_that_cannot_be_read_is_refused_and_changes_nothing(windows: list[dict[str, Any]], says: str) -> None:
    bench = bench_of()
    with pytest.raises(SchemaError, match=says):
        set_windows(bench.operator, START_MS, *windows)
    assert bench.feed_values(CPU, faulty(BEGIN_S, BEGIN_S + 60)) == []


def test_a_holiday_is_muted_and_the_day_before_is_not() -> None:
    holidays = window(start="2026-01-01T00:00", duration_s=86_400, days=["holiday"])
    bench = bench_of(holidays, calendar={"time_zone": "Europe/Berlin", "country": "DE"})
    begin_ms = int(datetime(2026, 12, 24, tzinfo=UTC).timestamp() * 1000) - 3_600_000
    values = noise(2 * 1440)
    for noon in (720, 720 + 1440):
        values[noon : noon + 20] += 0.8
    found = bench.feed(stream(CPU, values, begin_ms, step_ms=60_000))
    assert [one.started_ms for one in found if one.state == "start"] == [begin_ms + 720 * 60_000]
    assert bench.operator.counts["in_maintenance"] == 1440


def test_samples_of_many_years_in_one_batch_meet_their_own_windows() -> None:
    yearly = window(start="2000-01-01T00:00", rrule="FREQ=YEARLY", duration_s=3600)
    bench = bench_of(yearly)
    years = range(2001, 2031)
    times = [int(datetime(year, 1, 1, 0, 30, tzinfo=UTC).timestamp() * 1000) for year in years]
    bench.feed([Sample(CPU, one + later, 0.5) for one in times for later in (0, 3_600_000)])
    assert bench.operator.counts["in_maintenance"] == len(years)

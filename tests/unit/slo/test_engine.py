"""What comes late, twice or corrected; objectives that come, change and go; state that is put back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from schemas.errors import CheckpointError
from schemas.slo_events import Spender
from slo.definition import AlertPolicy, CalendarWindow, RatioIndicator, RollingWindow, Slo, Source
from slo.engine import Engine, EngineSettings, Outcome
from slo.snapshot import EngineBlocks
from tests.unit.slo.feeding import KEY, START_MS, Feed

MakeFeed = Callable[..., Feed]
MakeSlo = Callable[..., Slo]
DAY_S = 86_400
OPEN = ["budget-0.25", "budget-0.5", "page-quick", "page-slow", "ticket-quick", "ticket-slow"]


def counted(engine: Engine, key: str = KEY, period: str = "daily") -> tuple[float, float]:
    budget = engine.status(key).event().budget(period)
    return budget.bad, budget.total


def test_a_status_is_told_with_every_slice_and_says_when_it_is_of(feed: MakeFeed) -> None:
    counting = feed()
    counting.go(3)
    assert [one.at_ms for one in counting.statuses[-3:]] == [START_MS + 5000 * n for n in (1, 2, 3)]
    assert {one.slo for one in counting.statuses} == {KEY}


def test_statuses_may_be_told_less_often(feed: MakeFeed) -> None:
    counting = feed(EngineSettings(status_every_s=60))
    counting.go(24)
    assert len(counting.statuses) in {2, 3}


def test_a_slice_waits_for_its_partitions_as_long_as_the_grace(feed: MakeFeed) -> None:
    counting = feed()
    counting.go(1)
    at_ms = counting.at_ms
    for partition in (0, 1):
        outcome = counting.engine.on_slice(counting.record(at_ms, 0.0, 10.0, partition=partition))
        assert outcome == Outcome([], [])
    assert counting.engine.on_tick(at_ms + 6999) == Outcome([], [])
    assert counting.engine.on_tick(at_ms + 7000).statuses[0].body["budgets"][0]["total"] == 120.0


def test_a_later_record_of_a_slice_and_partition_replaces_the_earlier(feed: MakeFeed) -> None:
    counting = feed()
    counting.go(10)
    engine = counting.engine
    for bad in (9.0, 2.0, 2.0):
        engine.on_slice(counting.record(START_MS, bad, 50.0))
    assert counted(engine) == (2.0, 950.0)
    engine.on_slice(counting.record(START_MS, 1.0, 1.0, partition=7))
    assert counted(engine) == (3.0, 951.0)


def test_what_is_later_than_a_quarter_of_an_hour_is_dropped_and_counted(feed: MakeFeed) -> None:
    counting = feed()
    counting.go(300)
    engine = counting.engine
    now_ms = counting.at_ms
    for back_s in (890, 915):
        engine.on_slice(counting.record(now_ms - back_s * 1000, 1.0, 1.0, partition=1))
    assert counted(engine) == (1.0, 30_001.0)
    assert engine.counts["late"] == 1


def test_a_late_count_changes_the_windows_that_hold_it_and_no_other(feed: MakeFeed) -> None:
    counting = feed()
    counting.go(300)
    counting.engine.on_slice(counting.record(counting.at_ms - 400_000, 7.0, 7.0, partition=1))
    burn = {one["window_s"]: one["bad"] for one in counting.engine.status(KEY).body["burn"]}
    assert burn[300] == 0.0
    assert burn[1800] == burn[3600] == burn[3 * DAY_S] == 7.0


def test_rows_of_objectives_that_are_not_known_are_counted_and_dropped(feed: MakeFeed) -> None:
    counting = feed()
    counting.go(1)
    counting.engine.on_slice(counting.record(START_MS, 1.0, 1.0, slos=["default/other"]))
    assert counting.engine.counts["unknown_slo"] == 1


def test_a_repartitioned_slice_is_the_sum_of_its_parts(feed: MakeFeed) -> None:
    counting = feed()
    counting.go(1)
    for partition, bad in enumerate((1.0, 2.0, 3.0)):
        counting.engine.on_slice(counting.record(counting.at_ms, bad, 10.0, partition=partition))
    counting.engine.on_tick(counting.at_ms + 7000)
    assert counted(counting.engine) == (6.0, 130.0)


@pytest.mark.parametrize(
    "fields",
    [
        {"target": 0.9},
        {"unknown": "bad"},
        {"window": RollingWindow(duration_s=28 * DAY_S)},
        {"window": CalendarWindow(unit="month", start="2026-01-01 00:00:00")},
        {"alerts": AlertPolicy(profile="pyrra")},
        {"sla": 0.5, "labels": {"team": "shop"}},
    ],
)
def test_a_definition_that_counts_the_same_keeps_its_counts(
    feed: MakeFeed, slo: MakeSlo, fields: dict[str, Any]
) -> None:
    counting = feed()
    counting.go(1500, bad=1.0)
    counting.engine.define(slo(**fields))
    counting.go(10, bad=1.0)
    burn = {one["window_s"]: one["bad"] for one in counting.engine.status(KEY).body["burn"]}
    assert counted(counting.engine) == (1510.0, 151_000.0)
    assert counted(counting.engine, period="own") == (1510.0, 151_000.0)
    assert burn.get(3600, 720.0) == 720.0
    assert burn[max(burn)] == 1510.0
    counting.engine.on_slice(counting.record(counting.at_ms - 500_000, 5.0, 105.0))
    assert counted(counting.engine) == (1514.0, 151_005.0)


@pytest.mark.parametrize(
    "fields",
    [
        {"slice_s": 10},
        {"method": "RatioTimeslices"},
        {"indicator": RatioIndicator(bad=Source(metric="failures"), total=Source(metric="requests"))},
    ],
)
def test_a_definition_that_counts_something_else_begins_anew(
    feed: MakeFeed, slo: MakeSlo, fields: dict[str, Any]
) -> None:
    counting = feed()
    counting.go(20, bad=1.0)
    counting.engine.define(slo(**fields))
    counting.engine.on_tick(counting.at_ms + 20_000)
    assert counted(counting.engine) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("fields", "ended"),
    [
        ({"target": 0.9995}, []),
        ({"window": CalendarWindow(unit="month", start="2026-01-01 00:00:00")}, []),
        ({"alerts": AlertPolicy(remaining=(0.5,))}, ["budget-0.25"]),
        ({"alerts": AlertPolicy(remaining=(0.5, 0.2, 0.1))}, ["budget-0.25"]),
        ({"method": "RatioTimeslices"}, OPEN),
        (None, OPEN),
    ],
)
def test_alerts_that_are_open_go_on_with_the_new_definition_or_end(
    feed: MakeFeed, slo: MakeSlo, fields: dict[str, Any] | None, ended: list[str]
) -> None:
    counting = feed()
    counting.go(1)
    counting.engine.on_runs(counting.at_ms + 5000, {KEY: np.tile([0.0, 100.0, 0.0], (3 * 17_280, 1))})
    counting.at_ms += 5000 * (3 * 17_280 + 1)
    counting.go(420, bad=100.0)
    starts = {one.alert: one.id for one in counting.alerts if one.state == "start"}
    ends = counting.engine.remove(KEY) if fields is None else counting.engine.define(slo(**fields))
    assert sorted(starts) == OPEN
    assert [one.alert for one in ends] == ended
    assert all(one.state == "end" and one.id == starts[one.alert] for one in ends)
    if ended != OPEN:
        assert "page-quick" in counting.engine.status(KEY).body["firing"]
        assert not [one for one in counting.go(1, bad=100.0) if one.alert == "page-quick"]


def test_an_objective_in_the_place_of_one_that_went_knows_nothing_of_it(feed: MakeFeed, slo: MakeSlo) -> None:
    counting = feed(window=RollingWindow(duration_s=3 * 3600))
    other = Feed(counting.engine, "default/other")
    counting.engine.define(slo("other", window=RollingWindow(duration_s=3 * 3600)))
    other.go(1)
    counting.at_ms = other.at_ms
    counting.go(900, bad=1.0)
    place = counting.engine.places[KEY]
    counting.engine.remove(KEY)
    counting.engine.define(slo("third", window=RollingWindow(duration_s=3 * 3600)))
    assert counting.engine.places["default/third"] == place
    third = Feed(counting.engine, "default/third")
    third.at_ms = counting.at_ms
    for _ in range(24):
        third.go(100, bad=2.0)
        seen = (third.at_ms - counting.at_ms) // 5000
        assert counted(counting.engine, "default/third", "own") == (2.0 * min(seen, 2160), 100.0 * min(seen, 2160))
        hour = {one["window_s"]: one["bad"] for one in counting.engine.status("default/third").body["burn"]}
        assert all(bad <= 2.0 * seen for bad in hour.values())
    assert counting.engine.status(KEY) is None


def test_a_bank_makes_room_and_a_full_one_has_a_neighbour(slo: MakeSlo) -> None:
    engine = Engine([slo(f"s{n}") for n in range(40)], EngineSettings(bank_slots=16))
    for number in range(40):
        counting = Feed(engine, f"default/s{number}")
        counting.at_ms = START_MS
        engine.on_slice(counting.record(START_MS, 1.0, float(number + 1)))
    engine.on_tick(START_MS + 7000)
    assert [counted(engine, f"default/s{n}")[1] for n in range(40)] == [n + 1.0 for n in range(40)]
    assert len(engine.banks) == 3


def test_a_history_at_once_is_what_it_is_slice_by_slice(slo: MakeSlo) -> None:
    rng = np.random.default_rng(8)
    counts = np.zeros((4000, 3))
    counts[:, 1] = rng.poisson(30, 4000)
    counts[:, 0] = rng.binomial(1, 0.3, 4000) * rng.binomial(30, np.linspace(0, 0.4, 4000) ** 2).clip(0, counts[:, 1])
    counts[1000:1100] = np.nan
    one = slo(window=RollingWindow(duration_s=7 * DAY_S))
    settings = EngineSettings(status_every_s=10**9)
    slow, fast = Engine([one], settings), Engine([one], settings.model_copy(update={"block_rows": 600}))
    counting = Feed(slow)
    slow.on_tick(START_MS)
    for bad, total, _ in counts.tolist():
        if not np.isnan(bad):
            counting.take(slow.on_slice(counting.record(counting.at_ms, bad, total)))
        counting.at_ms += 5000
    counting.settle(0)
    alerts = fast.on_runs(START_MS, {KEY: counts}).alerts
    assert alerts == counting.alerts
    assert len(alerts) > 4
    assert fast.status(KEY).body == slow.status(KEY).body


def put_back(blocks: dict[str, bytes]) -> tuple[Engine, EngineBlocks]:
    engine = Engine()
    loader = EngineBlocks(engine)
    for key in sorted(blocks, reverse=True):
        loader.load_block(key, blocks[key])
    loader.finish_load()
    return engine, loader


def take(taker: EngineBlocks, blocks: dict[str, bytes]) -> dict[str, bytes | None]:
    taken = dict(taker.take_blocks())
    for key, value in taken.items():
        if value is None:
            blocks.pop(key, None)
        else:
            blocks[key] = value
    return taken


def all_of(engine: Engine) -> dict[str, bytes]:
    blocks: dict[str, bytes] = {}
    for bank in engine.banks.values():
        for slot in bank.members:
            bank.touch(slot)
        for archive in (bank.store.fine, bank.store.coarse):
            archive.dirty.update(archive.chunks)
    take(EngineBlocks(engine), blocks)
    return blocks


def test_a_restored_engine_is_the_same_bit_for_bit_and_goes_on_alike(slo: MakeSlo) -> None:
    rng = np.random.default_rng(9)
    slos = [
        slo("a"),
        slo("b", window=CalendarWindow(unit="day", start="2026-01-01 00:00:00", time_zone="America/New_York")),
        slo("c", method="Timeslices", slice_target=0.9, slice_s=60, unknown="bad"),
        slo("d", method="RatioTimeslices", slice_s=60),
    ]
    engine = Engine(slos)
    taker, blocks = EngineBlocks(engine), {}
    feeds = [Feed(engine, one.key, one.slice_s) for one in slos]
    for step in range(1500):
        for counting in feeds:
            if step % (counting.slice_s // 5) == 0:
                bad = float(rng.poisson(2)) if step % 500 > 200 else 0.0
                told = {counting.key: [Spender(entity=f"node-{step % 7}", bad=bad)]} if bad else {}
                record = counting.record(counting.at_ms, bad, 50.0 + bad, spenders=told)
                counting.take(counting.engine.on_slice(record))
                counting.at_ms += 1000 * counting.slice_s
        if step in {7, 400, 401, 1100}:
            take(taker, blocks)
            other, loader = put_back(blocks)
            assert all_of(other) == all_of(engine)
            assert [other.status(one.key) for one in slos] == [engine.status(one.key) for one in slos]
            if step == 401:
                engine, taker = other, loader
                for counting in feeds:
                    counting.engine = engine
    assert any(counting.alerts for counting in feeds)


def test_only_what_changed_is_taken_and_what_went_is_said_to_be_gone(slo: MakeSlo) -> None:
    engine = Engine([slo(), slo("other", method="Timeslices", slice_target=0.9, slice_s=60)])
    taker, blocks = EngineBlocks(engine), {}
    counting = Feed(engine)
    counting.go(400)
    take(taker, blocks)
    counting.go(1)
    again = take(taker, blocks)
    assert not any(key.startswith("slo/") for key in again)
    assert len([key for key in again if "/row/" in key]) == 1
    engine.remove("default/other")
    gone = take(taker, blocks)
    assert gone["slo/default/other"] is None
    assert {key.split("/")[1] for key in blocks if key.startswith("bank/")} == {"0"}
    counting.go(400)
    taken = take(taker, blocks)
    assert any(value is None for key, value in taken.items() if "/row/" in key)
    assert all_of(put_back(blocks)[0]) == all_of(engine)


def test_an_engine_that_saw_no_time_is_put_back_too(slo: MakeSlo) -> None:
    blocks: dict[str, bytes] = {}
    take(EngineBlocks(Engine([slo()])), blocks)
    engine, _ = put_back(blocks)
    assert [one.key for one in engine.slos] == [KEY]
    assert engine.status(KEY) is None


@pytest.mark.parametrize("blocks", [{"other": b""}, {"clock": b"junk"}])
def test_blocks_that_cannot_be_read_are_refused(blocks: dict[str, bytes]) -> None:
    with pytest.raises(CheckpointError):
        put_back(blocks)


@pytest.mark.parametrize("method", ["Occurrences", "RatioTimeslices"])
def test_days_of_history_move_with_an_slo_to_where_its_windows_are(slo: MakeSlo, method: str) -> None:
    rng = np.random.default_rng(10)
    counts = np.zeros((7000, 3))
    counts[:, 1] = rng.poisson(30, 7000) + 1.0
    counts[:, 0] = rng.binomial(counts[:, 1].astype(int), 0.01)
    fields = {"method": method, "slice_s": 30, "window": RollingWindow(duration_s=8 * DAY_S)}
    day = CalendarWindow(unit="week", start="2026-01-05 00:00:00", time_zone="Asia/Kathmandu")
    engine = Engine([slo(**fields)], EngineSettings(fine_s=4 * 3600, status_every_s=10**9))
    engine.on_runs(START_MS // 30_000 * 30_000, {KEY: counts})
    before = engine.status(KEY).event()
    engine.define(slo(**(fields | {"window": day})))
    moved = engine.status(KEY).event()
    assert engine.banks.keys() == {1}
    for one, other in zip(before.burn, moved.burn, strict=True):
        assert (one.window_s, one.bad, one.total) == (other.window_s, pytest.approx(other.bad), other.total)
    for period in ("daily", "weekly", "monthly"):
        assert moved.budget(period).bad == pytest.approx(before.budget(period).bad, rel=1e-12)
    held = (moved.at_ms - max(moved.budget("own").start_ms, START_MS // 30_000 * 30_000)) // 30_000
    wanted = counts[-held:, 1].sum() if method == "Occurrences" else float(held)
    assert moved.budget("own").total == wanted
    engine.define(slo(**fields))
    again = engine.status(KEY).event()
    assert again.budget("own").bad == pytest.approx(before.budget("own").bad, rel=1e-12)
    assert again.budget("own").total == before.budget("own").total


def test_a_place_that_is_free_again_has_no_minutes_of_the_one_before(slo: MakeSlo) -> None:
    engine = Engine([slo("a", slice_s=30), slo("b", slice_s=30)], EngineSettings(fine_s=4 * 3600, status_every_s=10**9))
    first_ms = START_MS // 30_000 * 30_000
    rows = np.tile([1.0, 10.0, 0.0], (4000, 1))
    engine.on_runs(first_ms, {"default/a": rows, "default/b": rows})
    engine.remove("default/a")
    engine.define(slo("c", slice_s=30))
    for part in range(3):
        engine.on_runs(first_ms + (4000 + 1500 * part) * 30_000, {"default/c": rows[:1500], "default/b": rows[:1500]})
        seen = 1500 * (part + 1)
        daily = engine.status("default/c").event().budget("daily")
        monthly = engine.status("default/c").event().budget("monthly")
        assert daily.total == 10.0 * min(seen, 2880)
        assert monthly.total == 10.0 * seen
    assert engine.status("default/b").event().budget("monthly").total == 85_000.0

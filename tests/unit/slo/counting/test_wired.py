"""From samples to budgets: whatever the order of partitions, nothing is lost and nothing counts twice."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slo.definition import Slo
from tests.unit.slo.counting.feeding import START_MS, Sample, home, node
from tests.unit.slo.counting.test_counting_random import SLOS, brute_force, reordered, streams
from tests.unit.slo.counting.wired import Records, Wired, by_partition, detect_tick, newest_of
from tests.unit.slo.feeding import make_slo

EVENTS = tuple(slo for slo in SLOS if slo.method == "Occurrences")
PARTITIONS = 3


def in_any_order(wired: Wired, logs: Sequence[Records], chance: random.Random, seldom: float = 0.0) -> None:
    """All records, each partition's in their order; one may be far ahead of the others."""
    left = [list(log) for log in logs]
    number = 0
    while any(left):
        there = [at for at, log in enumerate(left) if log]
        if number not in there or chance.random() >= seldom:
            number = chance.choice(there)
        wired.feed(number, left[number].pop(0))


def sums(slos: Sequence[Slo], samples: Sequence[Sample]) -> dict[str, tuple[float, float]]:
    """Bad and total of each objective, by brute force."""
    found = {slo.key: (0.0, 0.0) for slo in slos}
    told = brute_force(slos, samples)
    for key in found:
        mine = [counts for (slo, _), counts in told.items() if slo == key]
        found[key] = math.fsum(one[0] for one in mine), math.fsum(one[1] for one in mine)
    return found


def assert_budgets(wired: Wired, samples: Sequence[Sample], slos: Sequence[Slo] = EVENTS) -> None:
    budgets = wired.budgets()
    for key, (bad, total) in sums(slos, samples).items():
        # More bad events than events are told as all of them.
        assert budgets[key][:2] == pytest.approx((min(max(bad, 0.0), total), total), abs=1e-9), key


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), late_ms=st.sampled_from([0, 60_000, 300_000]), seldom=st.sampled_from([0.0, 0.9]))
def test_partitions_interleave_freely(seed: int, late_ms: int, seldom: float) -> None:
    samples = streams(seed)
    wired = Wired(EVENTS, PARTITIONS)
    logs = by_partition(reordered(samples, seed, late_ms), PARTITIONS)
    in_any_order(wired, logs, random.Random(seed), seldom)
    wired.end(max(one.at_ms for one in samples))
    assert_budgets(wired, samples)


def test_what_lies_there_at_a_first_start_may_be_read_partition_by_partition() -> None:
    samples = streams(7, length=240)
    wired = Wired(EVENTS, PARTITIONS)
    for number, log in enumerate(by_partition(samples, PARTITIONS)):
        for record in log:
            wired.feed(number, record)
    wired.end(max(one.at_ms for one in samples))
    assert_budgets(wired, samples)


@pytest.mark.parametrize("seed", range(3))
def test_after_an_hour_away_a_partition_may_be_read_far_ahead_of_the_others(seed: int) -> None:
    """Who has less to read is told of at once, to its end; the others have told something before."""
    chance = random.Random(seed)
    samples = streams(seed, length=240)
    wired = Wired(EVENTS, PARTITIONS)
    logs = by_partition(reordered(samples, seed, 60_000), PARTITIONS)
    before = [log[: len(log) // 6] for log in logs]
    in_any_order(wired, before, chance)
    for second in range(3600):
        wired.tick(START_MS + 10_000_000 + second * 1000)
    for number in chance.sample(range(PARTITIONS), PARTITIONS):
        for record in logs[number][len(before[number]) :]:
            wired.feed(number, record)
            if chance.random() < 0.02:
                wired.save_burn()
                wired.kill_burn()
    wired.end(max(one.at_ms for one in samples) + 20_000_000)
    assert_budgets(wired, samples)
    assert "late" not in wired.burn.counts


def disturb(wired: Wired, chance: random.Random) -> None:
    """A checkpoint or a kill, now and then."""
    if chance.random() < 0.15:
        wired.save(chance.randrange(PARTITIONS))
    if chance.random() < 0.05:
        wired.kill(chance.randrange(PARTITIONS))
    if chance.random() < 0.1:
        chance.choice([wired.save_burn, wired.kill_burn])()


@pytest.mark.parametrize("seed", range(6))
def test_kills_of_both_stages_change_nothing_that_is_told_last(seed: int) -> None:
    chance = random.Random(seed)
    samples = streams(seed)
    logs = by_partition(reordered(samples, seed, 200_000), PARTITIONS)
    for log in logs:
        for at in range(len(log) - 1, 0, -20):
            log.insert(at, detect_tick(START_MS + at * 5_000))
    never, killed = Wired(SLOS, PARTITIONS), Wired(SLOS, PARTITIONS)
    order = [number for number, log in enumerate(logs) for _ in log]
    chance.shuffle(order)
    positions = [0] * PARTITIONS
    for number in order:
        for one in (never, killed):
            one.feed(number, logs[number][positions[number]])
        positions[number] += 1
        disturb(killed, chance)
    for one in (never, killed):
        one.end(max(sample.at_ms for sample in samples))
    assert newest_of(killed.events) == newest_of(never.events)
    assert [one.body for one in killed.burn.statuses()] == [one.body for one in never.burn.statuses()]
    assert {(one.id, one.state) for one in killed.told.alerts} == {(one.id, one.state) for one in never.told.alerts}
    assert_budgets(killed, samples)


def steady(name: str, values: Sequence[float], start_ms: int = START_MS, step_ms: int = 5_000) -> list[Sample]:
    """A gauge of a node, sample by sample."""
    return [Sample(node(name, "used"), start_ms + at * step_ms, value) for at, value in enumerate(values)]


BELOW = make_slo("below", target=0.99, indicator=EVENTS[2].indicator)
FIRST, SECOND = (next(name for name in map("n{}".format, range(99)) if home(node(name), 2) == at) for at in range(2))


@pytest.mark.parametrize("minutes", [1, 4])
def test_partitions_whose_clocks_differ_by_minutes_lose_nothing(minutes: int) -> None:
    behind_ms = minutes * 60_000
    samples = [*steady(FIRST, [0.9] * 300), *steady(SECOND, [0.1, 0.9] * 150, START_MS - behind_ms)]
    wired = Wired([BELOW], 2)
    logs = by_partition(samples, 2)
    for at, (one, other) in enumerate(zip(*logs, strict=True)):
        wired.feed(0, one)
        wired.feed(1, other)
        wired.tick(START_MS + at * 5_000)
    assert max(one.at_ms for one in wired.told.statuses) >= START_MS + 295 * 5_000, "the one behind holds nobody up"
    wired.end(START_MS + 300 * 5_000)
    assert_budgets(wired, samples, [BELOW])
    assert "late" not in wired.burn.counts


def test_a_partition_that_falls_silent_keeps_what_it_counted_and_holds_nobody_up() -> None:
    quiet, going = steady(SECOND, [0.9] * 60), steady(FIRST, [0.1] * 400)
    wired = Wired([BELOW], 2)
    logs = by_partition([*going, *quiet], 2)
    for at, record in enumerate(logs[0]):
        wired.feed(0, record)
        if at < len(logs[1]):
            wired.feed(1, logs[1][at])
        else:
            wired.feed(1, detect_tick(START_MS + at * 5_000, 1))
        for second in range(5):
            wired.tick(START_MS + at * 5_000 + second * 1_000)
    assert max(one.at_ms for one in wired.told.statuses) >= START_MS + 395 * 5_000
    assert not [one for one in wired.told.alerts if one.kind == "no_data"], "one of two measures it still"
    assert_status_pace(wired)
    wired.end(START_MS + 400 * 5_000)
    assert_budgets(wired, [*going, *quiet], [BELOW])


def assert_status_pace(wired: Wired) -> None:
    """A status every five seconds of event time."""
    times = sorted({one.at_ms for one in wired.told.statuses})
    assert {later - before for before, later in pairwise(times)} == {5_000}


def test_when_all_series_fall_silent_no_data_is_said_in_time_and_statuses_keep_their_pace() -> None:
    samples = [*steady(FIRST, [0.1] * 60), *steady(SECOND, [0.1] * 60)]
    wired = Wired([BELOW], 2)
    logs = by_partition(samples, 2)
    for at in range(300):
        for number in range(2):
            if at < 60:
                wired.feed(number, logs[number][at])
            else:
                wired.feed(number, detect_tick(START_MS + at * 5_000, number))
        for second in range(5):
            wired.tick(START_MS + at * 5_000 + second * 1_000)
    (alert,) = wired.told.alerts
    assert (alert.kind, alert.state) == ("no_data", "start")
    silent_ms = alert.at_ms - (START_MS + 60 * 5_000)
    assert 500_000 < silent_ms < 560_000, "518.4 s after a series counts as gone"
    assert_status_pace(wired)


def test_a_sample_that_is_late_is_told_though_time_leaps_in_the_same_batch() -> None:
    first, later = steady(FIRST, [0.1] * 100), steady(FIRST, [0.1], START_MS + 3_000_000)
    late = [Sample(node(FIRST, "used", disk="sda"), START_MS + 1, 0.9)]
    wired = Wired([BELOW], 1)
    (log,) = by_partition(first, 1)
    for record in log:
        wired.feed(0, record)
    ((record,),) = by_partition([*late, *later], 1, step_ms=10**9)
    wired.feed(0, record)
    wired.end(START_MS + 3_000_000)
    assert_budgets(wired, [*first, *late, *later], [BELOW])

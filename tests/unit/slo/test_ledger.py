"""Who spent the budget: the lines add up, whatever was dropped, merged or not entered yet."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.slo_events import Spender
from slo.definition import RollingWindow
from slo.ledger import DAY_MS, HOUR_MS, KEPT_NAMES, NO_DATA, OTHERS, Ledger
from slo.status import Figures
from tests.unit.slo.feeding import KEY, Feed

MakeFeed = Callable[..., Feed]
entries = st.lists(
    st.tuples(
        st.integers(0, 40 * DAY_MS),
        st.lists(st.tuples(st.integers(0, 150).map("node-{}".format), st.integers(1, 100).map(float)), max_size=9),
    ),
    max_size=60,
)


@given(entries, entries, st.integers(0, 40 * DAY_MS), st.integers(0, 500), st.integers(1, 40))
def test_the_lines_add_up_to_all_that_was_spent(
    one: list, other: list, start_ms: int, nameless: int, limit: int
) -> None:
    ledgers = [Ledger(31), Ledger(31)]
    for ledger, given_entries in zip(ledgers, (one, other), strict=True):
        for at_ms, spenders in sorted(given_entries, key=lambda pair: pair[0]):
            ledger.add(at_ms, spenders)
    ledgers[0].merge(ledgers[1])
    spent = nameless + sum(bad for at_ms, spenders in one + other if at_ms >= start_ms for _, bad in spenders)
    lines = ledgers[0].lines(start_ms, float(spent), unknown=float(nameless // 2), limit=limit, allowed=1000.0)
    assert sum(line.bad for line in lines) == pytest.approx(spent)
    assert sum(line.of_budget for line in lines) == pytest.approx(spent / 1000)
    assert len(lines) <= limit + 2


def test_a_bucket_forgets_its_smallest_spenders_and_keeps_the_large() -> None:
    ledger = Ledger(31)
    for number in range(500):
        ledger.add(1000, [(f"small-{number}", 1.0), ("large", 2.0)])
    assert len(ledger.days[0]) <= 2 * KEPT_NAMES
    lines = ledger.lines(0, 1500.0)
    assert lines[0][:2] == ("large", 1000.0)
    assert lines[-1].who == OTHERS
    assert sum(one.bad for one in lines) == 1500.0


def test_hours_serve_a_day_and_days_what_is_longer() -> None:
    ledger = Ledger(31)
    for hour in range(24 * 40):
        ledger.add(hour * HOUR_MS, [(f"day-{hour // 24}", 1.0)])
    assert len(ledger.hours) <= 27
    assert len(ledger.days) <= 33
    now_ms = 40 * DAY_MS
    assert ledger.lines(now_ms - DAY_MS, 24.0)[0][:2] == ("day-39", 24.0)
    assert sum(one.bad for one in ledger.lines(now_ms - 30 * DAY_MS, 720.0)) == 720.0


def spend(counting: Feed, slices: int, bad: float, spenders: dict[str, float], partition: int = 0) -> None:
    told = [Spender(entity=who, bad=share) for who, share in spenders.items()]
    for _ in range(slices):
        record = counting.record(counting.at_ms, bad, 100.0, partition=partition, spenders={KEY: told})
        counting.take(counting.engine.on_slice(record))
        counting.at_ms += 1000 * counting.slice_s


def lines_of(counting: Feed) -> dict[str, float]:
    place = counting.engine.places[KEY]
    figures = Figures(counting.engine.banks[place.bank])
    return {line.who: line.bad for line in figures.spenders(place.slot)}


def test_spenders_of_all_partitions_are_told_at_once_and_after_they_are_entered(feed: MakeFeed) -> None:
    counting = feed()
    counting.go(1)
    spend(counting, 10, 9.0, {"node-1": 5.0, "node-2": 3.0})
    counting.at_ms -= 50_000
    spend(counting, 10, 2.0, {"node-2": 2.0}, partition=1)
    counting.settle(0)
    wanted = {"node-1": 50.0, "node-2": 50.0, OTHERS: 10.0}
    assert lines_of(counting) == wanted
    status = counting.engine.status(KEY).event()
    assert [one.who for one in status.spenders] == ["node-1", "node-2", OTHERS]
    counting.go(400)
    assert not counting.engine.banks[0].spenders
    assert lines_of(counting) == wanted


def test_a_record_that_comes_again_changes_no_line(feed: MakeFeed) -> None:
    counting = feed()
    counting.go(1)
    spend(counting, 3, 9.0, {"node-1": 9.0})
    counting.at_ms -= 15_000
    spend(counting, 3, 4.0, {"node-2": 4.0})
    counting.settle(0)
    assert lines_of(counting) == {"node-2": 12.0}


def test_of_a_bad_slice_each_has_their_share(feed: MakeFeed) -> None:
    counting = feed(method="Timeslices", slice_s=60, slice_target=0.95, unknown="bad")
    counting.go(1)
    spend(counting, 4, 8.0, {"node-1": 6.0, "node-2": 2.0})
    spend(counting, 4, 1.0, {"node-3": 1.0})
    counting.be_silent(2)
    assert lines_of(counting) == {"node-1": 3.0, "node-2": 1.0, NO_DATA: 2.0}


def test_the_hour_before_a_days_first_bucket_is_nobodys(feed: MakeFeed) -> None:
    counting = feed(window=RollingWindow(duration_s=3600))
    counting.go(1)
    spend(counting, 100, 5.0, {"node-1": 5.0})
    counting.go(600)
    lines = lines_of(counting)
    assert sum(lines.values()) == 500.0

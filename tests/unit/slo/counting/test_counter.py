"""What is counted, sample by sample: links, nodes, definitions that change, samples that are missing or far ahead."""

from __future__ import annotations

import math
from typing import Any

import pytest

from schemas.events import Anomaly
from schemas.series import Series
from slo.announced import Announced
from slo.counting.counter import MAX_LEAP_MS
from slo.counting.layout import FIRST_RING
from slo.counting.nodes import LEFT_AFTER_MS
from slo.definition import BucketIndicator, DerivedIndicator, RatioIndicator, Slo, Source, ThresholdIndicator
from tests.unit.slo.counting.feeding import START_MS, Partition, Sample, node, told_by
from tests.unit.slo.feeding import make_slo

USED = make_slo("used", indicator=ThresholdIndicator(source=Source(metric="used"), op="lt", value=0.9))
LINKS = make_slo("links", indicator=DerivedIndicator(source="network_utilisation", op="lt", value=0.8))
NODES = make_slo("nodes", indicator=DerivedIndicator(source="node_health"))
DISK = node("n1", "used")


def link(metric: str, kind: str = "counter", **labels: str) -> Series:
    return node("n1", f"node_network_{metric}", kind, device="eth0", **labels)


RECEIVED, SENT, SPEED = link("receive_bytes_total"), link("transmit_bytes_total"), link("speed_bytes", "gauge")


def every(series: Series, values: list[float], step_ms: int = 10_000, start_ms: int = START_MS) -> list[Sample]:
    return [Sample(series, start_ms + at * step_ms, value) for at, value in enumerate(values)]


def totals(part: Partition, slo: Slo) -> tuple[float, float, float]:
    """Bad, total and unknown over all slices."""
    told = [counts for (key, _), counts in told_by(part.records).items() if key == slo.key]
    bad, total, unknown = (math.fsum(column) for column in zip(*told, strict=True)) if told else (0.0, 0.0, 0.0)
    return bad, total, unknown


def anomaly(state: str, at_ms: int, severity: str = "critical", **fields: Any) -> Anomaly:
    given: dict[str, Any] = {
        "id": "a",
        "state": state,
        "tenant": "default",
        "series_id": "0" * 16,
        "metric": "used",
        "entity": "node:n1",
        "kind": "spike",
        "detector": "five_windows",
        "severity": severity,
        "started_ms": at_ms,
        "at_ms": at_ms,
        "score": 2.0,
        "peak_score": 2.0,
        "observed": 1.0,
        "confidence": 0.5,
        "explanation": "",
    }
    return Anomaly(**(given | fields))


class TestLinks:
    def feed(self, part: Partition, seconds: int, rate: float, start_ms: int = START_MS) -> None:
        for at in range(0, seconds, 10):
            moment = start_ms + at * 1000
            part.feed(
                [
                    Sample(RECEIVED, moment, rate * (moment - START_MS) / 1000),
                    Sample(SENT, moment, 10.0 * (moment - START_MS) / 1000),
                    Sample(SPEED, moment, 1000.0),
                ]
            )

    def test_the_larger_direction_counts_against_the_speed(self) -> None:
        part = Partition([LINKS])
        self.feed(part, 60, rate=900.0)
        part.tick(START_MS + 70_000)
        assert totals(part, LINKS)[:2] == (5, 5)  # of six samples the first has no rate

    def test_below_the_bound_all_is_well(self) -> None:
        part = Partition([LINKS])
        self.feed(part, 60, rate=700.0)
        part.tick(START_MS + 70_000)
        assert totals(part, LINKS)[:2] == (0, 5)

    def test_without_a_speed_it_is_unknown(self) -> None:
        part = Partition([LINKS])
        part.feed(every(RECEIVED, [0, 9000, 18_000]))
        part.feed(every(SENT, [0, 1, 2]))
        part.tick(START_MS + 60_000)
        assert totals(part, LINKS) == (0, 0, 2)

    @pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
    def test_the_three_series_may_come_in_any_order(self, order: tuple[int, ...]) -> None:
        part = Partition([LINKS])
        three = [every(RECEIVED, [0, 9000, 10_000]), every(SENT, [0, 1, 2]), every(SPEED, [1000, 1000, 1000])]
        for number in order:
            part.feed(three[number])
        part.tick(START_MS + 60_000)
        assert totals(part, LINKS)[:2] == (1, 2)

    def test_a_speed_that_comes_late_makes_it_known(self) -> None:
        part = Partition([LINKS])
        part.feed(every(RECEIVED, [0, 9000, 10_000]))
        part.feed(every(SENT, [0, 1, 2]))
        part.tick(START_MS + 60_000)
        part.feed(every(SPEED, [1000.0]))
        part.tick(START_MS + 70_000)
        assert totals(part, LINKS) == (1, 2, 0)

    def test_interfaces_are_told_apart(self) -> None:
        part = Partition([LINKS])
        self.feed(part, 60, rate=900.0)
        other = every(node("n1", "node_network_receive_bytes_total", "counter", device="lo"), [0] * 6)
        part.feed(other)
        part.tick(START_MS + 70_000)
        assert totals(part, LINKS)[:2] == (5, 5)


class TestNodes:
    def test_each_node_is_an_event_in_each_slice(self) -> None:
        part = Partition([NODES])
        part.feed([Sample(node(name, "up"), START_MS + at * 5000, 1.0) for at in range(5) for name in ("n1", "n2")])
        told = {at: counts for (_, at), counts in told_by(part.records).items()}
        assert list(told.values()) == [(0, 2, 0)] * len(told)
        assert len(told) == 3

    def test_a_node_with_a_critical_anomaly_is_bad_while_that_lasts(self) -> None:
        part = Partition([NODES])
        up = [node("n1", "up"), node("n2", "up")]
        part.feed([Sample(one, START_MS, 1.0) for one in up])
        part.counter.nodes.absorb([anomaly("start", START_MS + 11_000)])
        part.feed([Sample(one, START_MS + at * 1000, 1.0) for at in range(1, 22) for one in up])
        part.counter.nodes.absorb([anomaly("end", START_MS + 21_000)])
        part.feed([Sample(one, START_MS + at * 1000, 1.0) for at in range(22, 40) for one in up])
        told = {(at - START_MS) // 5000: counts for (_, at), counts in told_by(part.records).items()}
        assert {slot for slot, counts in told.items() if counts[0]} == {2, 3, 4}
        assert all(counts[1] == 2 for counts in told.values())
        spent = [one["spenders"] for one in part.records if "spenders" in one]
        assert spent[0] == {NODES.key: [{"entity": "node:n1", "bad": 1.0}]}

    def test_other_anomalies_make_no_node_bad(self) -> None:
        part = Partition([NODES])
        part.feed([Sample(node("n1", "up"), START_MS, 1.0)])
        part.counter.nodes.absorb([anomaly("start", START_MS, severity="warning")])
        part.feed(every(node("n1", "up"), [1.0] * 30, 1000, START_MS + 1000))
        assert totals(part, NODES)[0] == 0

    def test_a_node_that_left_is_none(self) -> None:
        part = Partition([NODES])
        part.feed([Sample(node(name, "up"), START_MS, 1.0) for name in ("n1", "n2")])
        seconds = LEFT_AFTER_MS // 1000 + 30
        part.feed(every(node("n2", "up"), [1.0] * seconds, 1000, START_MS + 1000))
        told = sorted((at, counts[1]) for (_, at), counts in told_by(part.records).items())
        assert (told[0][1], told[-1][1]) == (2, 1)


class TestHistograms:
    def test_events_up_to_a_bound_are_good(self) -> None:
        fast = make_slo("fast", indicator=BucketIndicator(histogram=Source(metric="latency"), le=0.3))
        part = Partition([fast])
        for bound, values in (("0.1", [0, 5]), ("0.30", [0, 8]), ("+Inf", [0, 10])):
            part.feed(every(node("n1", "latency_bucket", "counter", le=bound), list(map(float, values))))
        part.tick(START_MS + 60_000)
        assert totals(part, fast)[:2] == (2, 10)


class TestDefinitions:
    def test_a_changed_one_counts_from_its_time_on_and_the_old_one_until_then(self) -> None:
        part = Partition([USED])
        part.feed(every(DISK, [0.7] * 6, 1000))
        changed = USED.model_copy(update={"indicator": USED.indicator.model_copy(update={"value": 0.5})})
        part.counter.apply(Announced(USED.key, changed, START_MS + 10_000))
        part.feed(every(DISK, [0.7] * 24, 1000, START_MS + 6000))
        part.tick(START_MS + 60_000)
        told = {(at - START_MS) // 5000: counts[:2] for (_, at), counts in told_by(part.records).items() if counts[1]}
        assert told == {0: (0, 5), 1: (0, 5), 2: (5, 5), 3: (5, 5), 4: (5, 5), 5: (5, 5)}

    def test_another_target_changes_no_count(self) -> None:
        part = Partition([USED])
        part.feed(every(DISK, [0.95] * 6, 1000))
        part.counter.apply(Announced(USED.key, USED.model_copy(update={"target": 0.9}), START_MS + 10_000))
        part.feed(every(DISK, [0.95] * 6, 1000, START_MS + 6000))
        part.tick(START_MS + 60_000)
        assert totals(part, USED)[:2] == (12, 12)

    def test_one_that_is_removed_is_told_no_more_and_let_go_of(self) -> None:
        part = Partition([USED])
        part.feed(every(DISK, [0.7] * 6, 1000))
        part.counter.apply(Announced(USED.key, None, START_MS + 10_000))
        part.feed(every(DISK, [0.7] * 60, 1000, START_MS + 6000))
        assert totals(part, USED)[:2] == (0, 10)
        part.tick(START_MS + 1_000_000)
        assert not part.counter.rows.held
        part.feed(every(DISK, [0.7] * 6, 1000, START_MS + 1_000_000))
        assert len(part.counter.watching) == 0

    def test_series_that_were_there_before_it_are_counted_too(self) -> None:
        part = Partition([])
        part.feed(every(DISK, [0.7] * 6, 1000))
        part.counter.apply(Announced(USED.key, USED, 0))
        part.feed(every(DISK, [0.95] * 6, 1000, START_MS + 6000))
        part.tick(START_MS + 60_000)
        assert totals(part, USED)[:2] == (6, 6)

    @pytest.mark.parametrize("late", [3, 5])
    def test_a_series_whose_samples_were_compared_may_be_a_counter_of_another_objective(self, late: int) -> None:
        used = make_slo("many", indicator=ThresholdIndicator(source=Source(metric="calls"), op="lt", value=1e9))
        calls = make_slo("calls", indicator=RatioIndicator(bad=Source(metric="errors"), total=Source(metric="calls")))
        samples = every(node("n1", "calls", "counter"), [10.0, 20.0, 5.0, 7.0, 9.0, 2.0, 30.0])
        part = Partition([used])
        part.feed(samples[:2])
        part.counter.apply(Announced(calls.key, calls, 0))
        part.feed([one for at, one in enumerate(samples) if at > 1 and at != late])
        part.feed([samples[late]])
        part.tick(START_MS + 200_000)
        assert totals(part, calls)[1] == 5 + 2 + 2 + 2 + 28

    def test_tenants_are_kept_apart(self) -> None:
        other = USED.model_copy(update={"tenant": "acme"})
        part = Partition([USED, other])
        part.feed(every(DISK, [0.95] * 6, 1000))
        part.tick(START_MS + 60_000)
        assert totals(part, USED)[:2] == (6, 6)
        assert totals(part, other) == (0, 0, 0)


class TestTime:
    def test_samples_that_should_have_come_are_unknown(self) -> None:
        part = Partition([USED])
        other = node("n2", "used")
        part.feed([*every(DISK, [0.5] * 4), *every(other, [0.5] * 4)])
        part.feed(every(other, [0.5] * 10, 10_000, START_MS + 40_000))
        part.tick(START_MS + 150_000)
        bad, total, unknown = totals(part, USED)
        assert (bad, total) == (0, 18)
        assert 6 <= unknown <= 10  # of 11 that were due, those beyond two and a half intervals

    def test_a_value_that_is_no_number_is_unknown(self) -> None:
        part = Partition([USED])
        part.feed(every(DISK, [0.5, float("nan"), 0.95]))
        part.tick(START_MS + 30_000)
        assert totals(part, USED) == (1, 2, 1)

    def test_a_slice_without_live_series_is_not_told(self) -> None:
        part = Partition([USED])
        part.feed(every(DISK, [0.5] * 5, 1000))
        part.tick(START_MS + 4 * 3_600_000 + 60_000, START_MS + 4 * 3_600_000)
        assert max(one["slice_ms"] for one in part.records) < START_MS + 3_700_000

    def test_a_sample_from_far_ahead_moves_no_time(self) -> None:
        part = Partition([USED])
        part.feed(every(DISK, [0.5] * 5, 1000))
        part.feed([Sample(node("n2", "used"), START_MS + 2 * MAX_LEAP_MS, 0.5)])
        part.feed(every(DISK, [0.5] * 20, 1000, START_MS + 5000))
        part.tick(START_MS + 60_000)
        assert totals(part, USED)[:2] == (0, 25)
        assert part.counter.counts["slo_ahead"] == 1

    def test_after_a_stop_a_tick_lets_time_leap(self) -> None:
        part = Partition([USED])
        part.feed(every(DISK, [0.5] * 5, 1000))
        later = START_MS + 2 * MAX_LEAP_MS
        part.tick(later, START_MS + 5000)
        part.feed(every(DISK, [0.95] * 5, 1000, later))
        part.tick(later + 60_000)
        assert totals(part, USED)[:2] == (5, 10)

    def test_what_is_later_than_ten_minutes_is_left_out_and_counted(self) -> None:
        part = Partition([USED])
        other = node("n2", "used")
        part.feed(every(DISK, [0.5] * 100))
        part.feed([Sample(other, START_MS + 10_000, 0.95)])
        part.tick(START_MS + 1_200_000)
        assert totals(part, USED)[0] == 0
        assert part.counter.counts["slo_late"] == 1

    def test_a_fast_series_has_room_for_all_that_may_be_corrected(self) -> None:
        calls = make_slo(
            "calls",
            indicator=RatioIndicator(bad=Source(metric="errors"), total=Source(metric="calls")),
        )
        part = Partition([calls])
        counter = node("n1", "calls", "counter")
        samples = every(counter, [float(at) for at in range(5 * FIRST_RING)], 1000)
        late = [one for at, one in enumerate(samples) if at % 7 == 3]
        part.feed([one for at, one in enumerate(samples) if at % 7 != 3])
        part.feed(late)
        part.tick(START_MS + 1_000_000)
        assert totals(part, calls)[1] == 5 * FIRST_RING - 1
        assert int(part.counter.watching.watches["size"].max()) > FIRST_RING

    def test_a_host_whose_clock_is_ahead_moves_no_time_for_the_others(self) -> None:
        part = Partition([USED])
        hosts = [node(f"n{number}", "used") for number in range(4)]
        part.tick(START_MS)
        for second in range(120):
            at_ms = START_MS + second * 1000
            part.feed([Sample(one, at_ms, 0.5) for one in hosts[1:]])
            # Four minutes ahead, and far more of it than of all others.
            ahead = node("n0", f"other{second}")
            part.feed([Sample(hosts[0], at_ms + 240_000, 0.95), *every(ahead, [1.0] * 99, 10, at_ms + 240_000)])
            if second % 5 == 0:
                part.tick(at_ms, at_ms + 240_000)
        told = told_by(part.records)
        assert max(at for _, at in told) < START_MS + 125_000
        assert totals(part, USED)[0] == 0
        assert totals(part, USED)[1] >= 3 * 110
        assert part.counter.counts["slo_ahead"] > 10_000

    def test_when_all_hosts_go_on_later_time_leaps_and_nothing_of_it_is_lost(self) -> None:
        part = Partition([USED])
        hosts = [node(f"n{number}", "used") for number in range(4)]
        part.feed([Sample(one, START_MS + second * 1000, 0.5) for second in range(10) for one in hosts])
        part.tick(START_MS + 10_000)
        later = START_MS + 3_600_000  # nobody wrote a tick meanwhile
        part.feed([Sample(one, later + second * 1000, 0.95) for second in range(60) for one in hosts])
        part.tick(later + 60_000)
        part.tick(later + 120_000)
        assert totals(part, USED)[:2] == (240, 280)
        assert part.counter.counts["slo_ahead"] == 0

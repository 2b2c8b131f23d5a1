"""The burn stage: counts, definitions and ticks in, statuses and alerts out, whatever the order and the kills."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from schemas.base import Event
from schemas.errors import SchemaError
from schemas.events import Setting, Tick
from schemas.ids import decide_partition
from schemas.slo_events import SloAlert, SloSlice, SloStatus
from schemas.topics import BURN_TICKS, SETTINGS, SLO_ALERTS, SLO_EVENTS, SLO_STATUS
from slo.announced import announce
from slo.burning import BurnOperator
from slo.definition import Slo, Source, ThresholdIndicator
from slo.engine import EngineSettings
from streams.operator import Output
from tests.unit.slo.feeding import KEY, START_MS, make_slo

SETTINGS_1 = EngineSettings(lateness_s=60, status_every_s=5)
Step = tuple[str, Event]


def slice_of(row: int, bad: float = 0.0, total: float = 100.0, partition: int = 0, **fields: Any) -> SloSlice:
    given_: dict[str, Any] = {
        "partition": partition,
        "slice_ms": START_MS + row * 5_000,
        "slice_s": 5,
        "slos": [KEY],
        "good": [total - bad],
        "bad": [bad],
    }
    return SloSlice(**(given_ | fields))


def operator(slos: Iterable[Slo] = (make_slo(),), settings: EngineSettings = SETTINGS_1, **more: Any) -> BurnOperator:
    one = BurnOperator(settings, 0, 1, **more)
    for slo in slos:
        one.on_setting(announce(slo.key, slo, 0))
    return one


def at(row: float) -> int:
    return START_MS + round(row * 5_000)


def alerts(outputs: Iterable[Output]) -> list[SloAlert]:
    return [SloAlert.from_bytes(one.value) for one in outputs if one.topic is SLO_ALERTS]


def statuses(outputs: Iterable[Output]) -> list[SloStatus]:
    return [SloStatus.from_bytes(one.value) for one in outputs if one.topic is SLO_STATUS and one.value]


def turns(outputs: Iterable[Output]) -> list[tuple[str, str]]:
    return [(one.alert, one.state) for one in alerts(outputs)]


def go(burn: BurnOperator, rows: range, bad: float = 0.0, total: float = 100.0) -> list[Output]:
    return [output for row in rows for output in burn.on_slice(slice_of(row, bad, total))]


def restored(blocks: Mapping[str, bytes]) -> BurnOperator:
    one = BurnOperator(SETTINGS_1, 0, 1)
    for key, value in blocks.items():
        one.load_block(key, value)
    one.finish_load()
    return one


def save(burn: BurnOperator, blocks: dict[str, bytes]) -> None:
    for key, block in burn.take_blocks():
        if block is None:
            blocks.pop(key, None)
        else:
            blocks[key] = block


def test_an_outage_is_told_with_all_that_is_known_of_it() -> None:
    asked: list[Mapping[str, str]] = []

    def runbooks(labels: Mapping[str, str]) -> Sequence[str]:
        asked.append(labels)
        return ["restart-shop"]

    shop = make_slo(title="Checkout answers", labels={"team": "shop"})
    burn = operator([shop], runbooks=runbooks)
    go(burn, range(720))
    (first,) = [one for one in alerts(go(burn, range(720, 732), bad=100.0)) if one.alert == "page-quick"]
    assert (first.alert, first.kind, first.state, first.priority) == ("page-quick", "burn", "start", "P0")
    assert (first.service, first.title, first.labels, first.runbooks) == (
        "shop",
        "Checkout answers",
        {"team": "shop"},
        ["restart-shop"],
    )
    assert first.summary == (
        "Checkout answers burns its budget 15.3 times as fast as it may: 1.53 % of events were bad in 1h, "
        "0.1 % may be; 97.88 % of its budget is left, for 46.83 h if it goes on like this"
    )
    assert first.exhausted_in is not None
    labels = {"team": "shop", "slo": "checkout", "service": "shop", "alert": "page-quick", "kind": "burn"}
    assert [one for one in asked if one["alert"] == "page-quick"][:2] == [
        labels | {"metric": "errors"},
        labels | {"metric": "requests"},
    ]


def test_at_most_three_spenders_are_told_and_the_others_are_none_of_them() -> None:
    burn = operator()
    told = {KEY: [{"entity": f"node:n{at}", "bad": 30 - at} for at in range(4)]}
    found = [one for row in range(60) for one in alerts(burn.on_slice(slice_of(row, 100.0, 100.0, spenders=told)))]
    assert [one.who for one in found[0].spenders] == ["node:n0", "node:n1", "node:n2"]


def test_every_status_says_where_the_budget_stands_at_the_end_of_its_slice() -> None:
    found = statuses(go(operator(), range(10), bad=1.0))
    assert [one.at_ms for one in found] == [at(row) for row in range(10)]
    assert "compliance" not in found[0].budget("own").model_fields_set
    assert found[-1].budget("own").bad == 9.0


RECORDS: list[Step] = [
    (SLO_EVENTS.name, slice_of(row, bad=float(row % 7 == 0), total=50.0 + row, partition=partition))
    for row in range(40)
    for partition in range(2)
]


def run(burn: BurnOperator, steps: Iterable[Step]) -> list[Output]:
    return [output for topic, event in steps for output in burn.step(topic, event.to_bytes())]


def stands(burn: BurnOperator) -> list[dict[str, Any]]:
    """Budgets; when alerts began depends on what had come by then: nothing is dated back."""
    return [{name: value for name, value in one.body.items() if name != "open"} for one in burn.statuses()]


@given(st.randoms(use_true_random=False))
@examples(max_examples=15, deadline=None)
def test_any_order_within_the_lateness_comes_to_the_same_budget(chance: random.Random) -> None:
    # A record is moved by at most ten slices, of the twelve that may be late.
    shuffled = [one for _, one in sorted(enumerate(RECORDS), key=lambda item: item[0] // 2 + chance.uniform(0, 10))]
    end = [
        (BURN_TICKS.name, Tick(stage="burn", partition=0, at_ms=1_000)),
        (BURN_TICKS.name, Tick(stage="burn", partition=0, at_ms=60_000)),
    ]
    one, other = operator(), operator()
    run(one, [*RECORDS, *end])
    run(other, [*shuffled, *end])
    assert stands(one) == stands(other)


def mixed() -> list[Step]:
    """Slices, ticks, changes of definitions now and later, an end."""
    steps: list[Step] = []
    other = make_slo("search", slice_s=60, method="Timeslices", slice_target=0.9)
    for row in range(60):
        steps.append((SLO_EVENTS.name, slice_of(row, bad=40.0 if 20 <= row < 40 else 0.0)))
        if row % 4 == 0:
            steps.append((BURN_TICKS.name, Tick(stage="burn", partition=0, at_ms=at(row) + 3_000)))
        if row == 5:
            steps.append((SETTINGS.name, announce(other.key, other, 0)))
            steps.append((SETTINGS.name, announce(KEY, make_slo(target=0.99), at(30))))
        if row == 33:
            steps.append((SETTINGS.name, announce(KEY, make_slo(indicator=ANOTHER), at(35))))
    steps += [(BURN_TICKS.name, Tick(stage="burn", partition=0, at_ms=at(row) + 10_000_000)) for row in range(60, 200)]
    return [*steps, (SETTINGS.name, announce(other.key, None, at(40)))]


ANOTHER = ThresholdIndicator(source=Source(metric="latency"), op="lt", value=0.3)


@pytest.mark.parametrize("seed", range(3))
def test_a_run_that_is_killed_and_restored_says_what_one_that_never_was_says(seed: int) -> None:
    steps, chance = mixed(), random.Random(seed)
    never = operator()
    expected = [run(never, [step]) for step in steps]
    assert {(one.alert, one.state) for one in alerts(output for told in expected for output in told)} >= {
        ("page-quick", "start"),
        ("no-data", "start"),
    }
    burn = operator()
    blocks: dict[str, bytes] = {}
    for step, told in zip(steps, expected, strict=True):
        if chance.random() < 0.3:
            save(burn, blocks)
            burn = restored(blocks)
        assert run(burn, [step]) == told
    assert stands(burn) == stands(never)
    save(burn, blocks)
    whole: dict[str, bytes] = {}
    save(never, whole)
    assert blocks == whole


def test_a_definition_waits_until_its_slice_begins() -> None:
    burn = operator()
    go(burn, range(10))
    assert burn.on_setting(announce(KEY, make_slo(target=0.99), at(20))) == []
    assert {one.target for one in statuses(go(burn, range(10, 20)))} == {0.999}
    assert {one.target for one in statuses(go(burn, range(21, 25)))} == {0.99}


def test_time_that_ticks_move_on_brings_a_definition_too() -> None:
    burn = operator()
    go(burn, range(10))
    burn.on_setting(announce(KEY, make_slo(target=0.99), at(11)))
    burn.on_tick(at(10))
    assert {one.target for one in statuses(burn.on_tick(at(13)))} == {0.99}


def test_what_is_counted_otherwise_counts_anew_and_slices_from_before_are_no_part_of_it() -> None:
    burn = operator()
    go(burn, range(10), bad=50.0)
    burn.on_setting(announce(KEY, make_slo(indicator=ANOTHER), at(10)))
    go(burn, range(10, 14), bad=1.0)
    late = slice_of(9, bad=50.0, partition=1)
    burn.on_slice(late)
    burn.on_slice(late.model_copy(update={"slos": ["default/unheard-of", KEY], "good": [1.0, 1.0], "bad": [0.0, 9.0]}))
    (status,) = statuses(burn.on_slice(slice_of(14)))
    assert (status.budget("own").bad, status.budget("own").total) == (4.0, 400.0)


def test_the_last_word_on_a_definition_overrules_what_was_to_come() -> None:
    burn = operator()
    go(burn, range(5))
    burn.on_setting(announce(KEY, None, at(8)))
    burn.on_setting(announce(KEY, make_slo(title="kept"), 0))
    assert len(statuses(go(burn, range(5, 10)))) == 5


def test_the_end_of_an_objective_ends_its_alerts_and_empties_its_status() -> None:
    burn = operator()
    assert ("page-quick", "start") in turns(go(burn, range(24), bad=50.0))
    assert burn.on_setting(announce(KEY, None, at(24.5))) == []
    found = burn.on_slice(slice_of(25))
    ends = [one for one in alerts(found) if one.state == "end"]
    assert {one.summary for one in ends} >= {"checkout: page-quick ended, since the objective was changed or removed"}
    assert [one.value for one in found if one.topic is SLO_STATUS] == [None]
    assert burn.statuses() == []


def test_silence_is_noticed_by_ticks_and_is_told_once() -> None:
    burn = operator()
    go(burn, range(100))
    found = [one for second in range(600) for one in burn.on_tick(10_000_000 + second * 1000)]
    assert turns(found) == [("no-data", "start")]
    assert alerts(found)[0].summary == "checkout was not measured for 2 min"
    assert statuses(found)[-1].no_data
    assert turns(go(burn, range(1000, 1003))) == [("no-data", "end")]


def test_no_tick_closes_a_slice_of_a_stage_that_catches_up() -> None:
    burn, never = operator(), operator()
    now_ms = at(100_000)
    told = []
    for row in range(50):
        told += burn.on_slice(slice_of(row, bad=float(row)))
        told += burn.on_tick(now_ms + row * 100)
    assert told == go_with_bad(never, range(50))


def go_with_bad(burn: BurnOperator, rows: range) -> list[Output]:
    return [output for row in rows for output in burn.on_slice(slice_of(row, bad=float(row)))]


def test_slices_of_hours_in_which_none_came_are_not_too_late() -> None:
    burn, never = (operator(settings=EngineSettings()) for _ in range(2))
    go(burn, range(10))
    for second in range(7200):
        burn.on_tick(10_000_000 + second * 1000)
    go(burn, range(10, 12))
    go(burn, range(12, 100), bad=1.0)
    go(never, range(12))
    go(never, range(12, 100), bad=1.0)
    assert stands(burn) == stands(never)
    assert "late" not in burn.counts


def test_what_is_removed_while_time_stands_still_ends_all_the_same() -> None:
    burn = operator()
    go(burn, range(100))
    assert turns([one for second in range(300) for one in burn.on_tick(at(100) + second * 1000)]) == [
        ("no-data", "start")
    ]
    assert burn.on_setting(announce(KEY, None, at(100) + 305_000)) == []
    assert turns([one for second in range(300, 310) for one in burn.on_tick(at(100) + second * 1000)]) == [
        ("no-data", "end")
    ]


def test_only_objectives_and_records_of_the_partitions_tenants_are_taken() -> None:
    partitions = 4
    here = decide_partition("default", partitions)
    burn = BurnOperator(SETTINGS_1, (here + 1) % partitions, partitions)
    burn.on_setting(announce(KEY, make_slo(), 0))
    record = slice_of(0)
    (sent,) = burn.step(SLO_EVENTS.name, record.to_bytes())
    assert (sent.topic, sent.partition, sent.key) == (SLO_EVENTS, here, record.key)
    assert SloSlice.from_bytes(sent.value) == record
    assert (burn.statuses(), burn.counts) == ([], {"rerouted": 1})
    with pytest.raises(SchemaError, match="was rerouted and is misplaced still"):
        burn.step(SLO_EVENTS.name, sent.value)


def test_settings_of_other_subjects_are_somebody_elses_and_a_bad_definition_changes_nothing() -> None:
    burn = operator()
    assert burn.on_setting(Setting(subject="threshold_rules", valid_from_ms=0, body={})) == []
    with pytest.raises(SchemaError, match="not an objective"):
        burn.on_setting(Setting(subject="slo", valid_from_ms=0, body={"key": KEY, "slo": {"name": "checkout"}}))
    assert len(statuses(go(burn, range(2)))) == 2


def test_statuses_that_are_to_be_told_less_often_are_told_so_after_a_restart() -> None:
    burn, blocks = operator(), {}
    go(burn, range(7))
    save(burn, blocks)
    slower = BurnOperator(EngineSettings(lateness_s=60, status_every_s=60), 0, 1)
    for key, value in blocks.items():
        slower.load_block(key, value)
    slower.finish_load()
    found = [one.at_ms for one in statuses(go(slower, range(7, 40)))]
    assert [at_ms % 60_000 for at_ms in found] == [0, 0, 0]

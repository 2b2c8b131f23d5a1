from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.entities.bank import EntityBank
from models.entities.layout import ENTITY, MEMBERS, PATIENCE
from models.entities.settings import EntitySettings
from models.episodes import END_RECOVERED, END_SHIFT, END_SILENT, START
from schemas.series import Series
from tests.unit.models.entities.worlds import (
    FIRST_MINUTE,
    QUICK,
    Closed,
    bank_of,
    learn,
    minute_by_minute,
    series_of,
    together,
)


def _broken(minutes: int = 900, each: int = 5, seed: int = 1, length: int = 60) -> list[Closed]:
    """What all rise together with, the third does not follow for a while."""
    values = together(minutes, each, seed)
    start, spread = minutes - 200, values[:, 2].std()
    values[start : start + length, 2] -= 2.5 * spread
    return minute_by_minute(values)


def _restored(bank: EntityBank, series: list[Series]) -> EntityBank:
    bank.mark_all()
    other = EntityBank(bank.settings)
    other.grow(256)
    for key, value in bank.take_blocks():
        other.load_block(key, value)
    other.finish_load((slot, one, one.id) for slot, one in enumerate(series))
    return other


def _state(bank: EntityBank) -> dict[str, bytes]:
    bank.mark_all()
    return dict(bank.take_blocks())


def test_a_signal_that_leaves_the_others_begins_and_ends_an_episode_that_it_leads() -> None:
    series = series_of(1, 5)
    found = learn(bank_of(series), _broken())
    assert [one["code"] for one in found if one["code"] in (START, END_RECOVERED)] == [START, END_RECOVERED]
    start = found[0]
    assert start["lead"] == series[2].id
    away = np.abs(np.nan_to_num(np.array(start["away"])))
    assert start["id"][int(away.argmax())] == series[2].id
    assert 0 <= start["started"] - (FIRST_MINUTE + 700) <= 10


def test_signals_that_move_together_are_no_anomaly() -> None:
    values = together(1500, 5, seed=3)
    values[1200:1260] += 2.0 * values.std(axis=0)
    assert not learn(bank_of(series_of(1, 5)), minute_by_minute(values))


def test_a_change_that_stays_is_accepted_and_alarms_no_more() -> None:
    settings = QUICK.model_copy(update={"max_freeze_s": 1800.0})
    values = together(2200, 5, seed=1)
    values[700:, 2] -= 4.0 * values[:, 2].std()
    codes = [one["code"] for one in learn(bank_of(series_of(1, 5), settings), minute_by_minute(values))]
    assert codes.count(START) == codes.count(END_SHIFT) == 1


def test_an_entity_that_falls_silent_ends_what_was_open() -> None:
    bank = bank_of(series_of(1, 5))
    closed = _broken(length=200)
    learn(bank, closed[: 720 * 5])
    assert bank.records["state"][0]
    front_ms, late_ms = ((FIRST_MINUTE + 720 + minutes) * 60_000 for minutes in (0, 20))
    assert not len(bank.silence(np.full(5, front_ms)))
    assert [int(one["code"]) for one in bank.silence(np.full(5, late_ms))] == [END_SILENT]
    assert not len(bank.silence(np.full(5, late_ms)))


def test_a_member_that_is_anomalous_by_itself_has_no_say() -> None:
    closed = [
        Closed(one.slot, one.minute, one.mean, counts=one.slot != 2 or one.minute < FIRST_MINUTE + 650)
        for one in _broken()
    ]
    assert not learn(bank_of(series_of(1, 5)), closed)


def test_a_member_that_stops_is_waited_for_a_while_only() -> None:
    bank = bank_of(series_of(1, 5))
    values = together(400, 5, seed=2)
    learn(bank, [one for one in minute_by_minute(values) if one.slot != 4 or one.minute < FIRST_MINUTE + 300])
    assert bank.records["minute"][0] == FIRST_MINUTE + 399
    learn(bank, [Closed(slot, FIRST_MINUTE + 400 + at, 1.0) for at in range(PATIENCE) for slot in range(4)])
    assert bank.records["minute"][0] == FIRST_MINUTE + 399 + PATIENCE


def test_more_series_than_members_are_chosen_by_what_they_are_about() -> None:
    metrics = [f"odd_{at}" for at in range(40)] + ["node_cpu_ratio", "node_network_receive_bytes_total"]
    series = [Series("t", metric, {}, {"node": "n"}) for metric in metrics]
    chosen = []
    for order in (series, series[::-1]):
        bank = bank_of(order)
        learn(bank, [Closed(slot, FIRST_MINUTE + at, 1.0) for at in range(120) for slot in range(len(order))])
        assert bank.records["count"][0] == MEMBERS
        chosen.append(bank.records["id"][0].tolist())
    assert chosen[0] == chosen[1]
    assert {one.id for one in series[-2:]} <= set(chosen[0])


def test_an_entity_goes_with_its_last_series_and_its_record_is_used_again() -> None:
    bank = bank_of(series_of(2, 4))
    learn(bank, minute_by_minute(together(200, 8, seed=1)))
    for slot in range(4):
        bank.forget(slot)
    assert len(bank) == 1
    for slot in range(4):
        bank.watch(slot, Series("t", f"m{slot}", {}, {"node": "new"}), slot + 1)
    assert len(bank) == 2
    assert bank.records["count"][0] == bank.records["minute"][0] == 0


def test_an_entity_costs_less_than_64_kib() -> None:
    assert ENTITY.itemsize <= 16 * 1024


def test_nothing_is_kept_when_it_is_off() -> None:
    bank = bank_of(series_of(2, 4), EntitySettings(enabled=False))
    assert learn(bank, minute_by_minute(together(100, 8, seed=1))) == []
    assert len(bank) == 0


def _merged(streams: list[list[Closed]], rng: random.Random) -> list[Closed]:
    """One order that keeps each series' own, none ahead of another by ``PATIENCE`` minutes."""
    left = [list(reversed(one)) for one in streams]
    merged: list[Closed] = []
    while any(left):
        slowest = min(one[-1].minute for one in left if one)
        able = [one for one in left if one and one[-1].minute < slowest + PATIENCE - 1]
        merged.append(rng.choice(able).pop())
    return merged


def _streams(seed: int) -> list[list[Closed]]:
    """Series with gaps, frozen minutes, late beginnings and broken correlations."""
    rng = random.Random(seed)
    values = together(700, 6, seed)
    values[560:600, rng.randrange(6)] += 6.0 * values.std()
    streams: list[list[Closed]] = []
    for slot in range(6):
        stream = [
            Closed(slot, FIRST_MINUTE + at, float(mean), counts=rng.random() > 0.01)
            for at, mean in enumerate(values[:, slot])
            if rng.random() > 0.002
        ]
        if rng.random() < 0.4:
            start = rng.randrange(650)
            del stream[start : start + rng.choice([3, 20, 90])]
        # What is closed by a sample that came much later does not count.
        behind = [one.minute for one in stream[1:]] + [0]
        stream = [
            replace(one, counts=one.counts and then == one.minute + 1) for one, then in zip(stream, behind, strict=True)
        ]
        streams.append(stream[rng.choice([0, 0, 5, 130]) :])
    return streams


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_interleaving_cuts_and_kills_change_neither_findings_nor_state(seed: int, other: int) -> None:
    rng = random.Random(other)
    streams, series = _streams(seed), series_of(1, 6)
    reference = bank_of(series, EntitySettings(warmup_s=10_800))
    expected = learn(reference, _merged(streams, random.Random(seed)))
    bank, found = bank_of(series, EntitySettings(warmup_s=10_800)), list[dict[str, Any]]()
    closed = _merged(streams, rng)
    cuts = sorted({0, len(closed), *(rng.randrange(len(closed)) for _ in range(12))})
    for start, end in pairwise(cuts):
        found += learn(bank, closed[start:end])
        if rng.random() < 0.4:
            bank = _restored(bank, series)
    assert repr(found) == repr(expected)
    assert _state(bank) == _state(reference)


def test_the_compared_streams_have_findings() -> None:
    codes = set()
    for seed in range(5):
        bank = bank_of(series_of(1, 6), EntitySettings(warmup_s=10_800))
        codes |= {one["code"] for one in learn(bank, _merged(_streams(seed), random.Random(seed)))}
    assert {START, END_RECOVERED} <= codes

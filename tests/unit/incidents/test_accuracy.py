"""How often a rule was right: what counts, in which order, and when it is demoted."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.accuracy import AccuracyBook, AccuracySettings, Judged, Pair, judged_by, pair_of
from schemas.errors import CheckpointError
from schemas.incident_events import Alert
from schemas.slo_events import Feedback

PAIR = Pair("shop", "slow", "latency")
OTHER = Pair("shop", "slow", "errors")


def judged(number: int, judgement: Any = "false", at_ms: int | None = None, pair: Pair = PAIR) -> Judged:
    return Judged(f"a{number}", pair, judgement, number if at_ms is None else at_ms)


def book(*told: Judged, **settings: Any) -> AccuracyBook:
    made = AccuracyBook(AccuracySettings(**settings))
    for one in told:
        made.put(one)
    return made


def is_poor(found: AccuracyBook, pair: Pair = PAIR) -> bool:
    accuracy = found.accuracy(pair)
    assert accuracy is not None
    return accuracy.is_poor


def test_twenty_false_alerts_in_a_row_demote_and_nineteen_do_not() -> None:
    assert not is_poor(book(*map(judged, range(19))))
    assert is_poor(book(*map(judged, range(20))))


def test_they_demote_however_good_the_rule_was_before() -> None:
    good = [judged(number, "actioned") for number in range(200)]
    assert is_poor(book(*good, *map(judged, range(200, 220))))


def test_one_that_needed_action_ends_the_row() -> None:
    told = [judged(number) for number in range(25)]
    assert is_poor(book(*told))
    found = book(*told, judged(25, "actioned")).accuracy(PAIR)
    assert found is not None
    assert (found.in_a_row, found.is_poor) == (0, False)


def test_a_rule_that_is_hardly_ever_right_stays_demoted() -> None:
    told = [judged(number, "actioned" if number == 50 else "false") for number in range(60)]
    found = book(*told).accuracy(PAIR)
    assert found is not None
    assert (round(found.mean, 3), found.in_a_row, found.is_poor) == (0.048, 9, True)


def test_duplicates_say_nothing() -> None:
    told = [judged(number, "duplicate") for number in range(30)]
    assert book(*told).accuracy(PAIR) is None
    found = book(*told, judged(40, "actioned"), judged(41, "duplicate"), judged(42)).accuracy(PAIR)
    assert found is not None
    assert (found.right, found.wrong, found.in_a_row, found.mean) == (1, 1, 1, 3 / 5)


def test_another_signal_of_the_rule_is_judged_by_itself() -> None:
    found = book(*map(judged, range(20)), judged(99, "actioned", pair=OTHER))
    assert (is_poor(found), is_poor(found, OTHER)) == (True, False)


def test_what_is_said_again_changes_nothing_and_what_is_said_later_replaces() -> None:
    found = book(judged(1, "false", 10))
    assert not found.put(judged(1, "false", 10))
    assert not found.put(judged(1, "actioned", 9))
    assert found.put(judged(1, "actioned", 11))
    accuracy = found.accuracy(PAIR)
    assert accuracy is not None
    assert (accuracy.right, accuracy.wrong) == (1, 0)


def test_what_was_said_long_ago_weighs_less() -> None:
    told = (judged(1, "actioned", 0), judged(2, "false", 3_600_000))
    found = book(*told, half_life_s=3600).accuracy(PAIR)
    assert found is not None
    assert (found.right, found.wrong, found.mean) == (0.5, 1.0, 2.5 / 4.5)


def test_of_very_many_the_newest_are_kept() -> None:
    found = book(*(judged(number, "actioned") for number in range(30)), kept=20)
    accuracy = found.accuracy(PAIR)
    assert accuracy is not None
    assert accuracy.right == 20
    assert not found.put(judged(-1, "false", 0))
    assert found.accuracy(PAIR) == accuracy


TOLD = st.lists(
    st.builds(
        Judged,
        st.sampled_from([f"a{number}" for number in range(8)]),
        st.sampled_from([PAIR, OTHER]),
        st.sampled_from(["actioned", "false", "duplicate"]),
        st.integers(0, 50),
    ),
    max_size=30,
)


@given(TOLD, st.randoms(use_true_random=False))
def test_the_order_of_arrival_and_repeats_change_nothing(told: list[Judged], random: Any) -> None:
    shuffled = [*told, *told[: len(told) // 2]]
    random.shuffle(shuffled)
    one, other = book(*told), book(*shuffled)
    assert [one.accuracy(pair) for pair in (PAIR, OTHER)] == [other.accuracy(pair) for pair in (PAIR, OTHER)]


@given(TOLD)
def test_an_alert_that_needed_action_never_lowers_the_accuracy(told: list[Judged]) -> None:
    found = book(*told)
    before = found.accuracy(PAIR)
    found.put(judged(100, "actioned", 100))
    after = found.accuracy(PAIR)
    assert after is not None
    assert after.mean >= (2 / 3 if before is None else before.mean)


@given(TOLD)
def test_a_checkpoint_says_the_same_after_it(told: list[Judged]) -> None:
    found, again = book(*told), AccuracyBook(AccuracySettings())
    blocks = found.take_blocks()
    for key, value in blocks:
        assert value is not None
        again.load_block(key, value)
    assert again.pairs() == found.pairs()
    assert [again.accuracy(pair) for pair in found.pairs()] == [found.accuracy(pair) for pair in found.pairs()]
    assert found.take_blocks() == []


@pytest.mark.parametrize("value", [b"", b"\xc1", b"\x80"])
def test_a_block_that_cannot_be_read_is_refused(value: bytes) -> None:
    with pytest.raises(CheckpointError, match="accuracy/x cannot be read"):
        AccuracyBook(AccuracySettings()).load_block("accuracy/x", value)


def alert(**fields: Any) -> Alert:
    body: dict[str, Any] = {
        "id": "a1",
        "tenant": "shop",
        "fingerprint": "f",
        "labels": {"alertname": "MetricAnomaly"},
        "state": "firing",
        "priority": "P1",
        "severity": "warning",
        "entity": "service:web",
        "signal": "latency",
        "started_ms": 0,
        "updated_ms": 0,
        "confidence": 0.8,
    }
    return Alert(**body | fields)


def test_what_is_said_of_an_alert_counts_for_its_rule_else_for_its_name() -> None:
    said = Feedback(
        tenant="shop", alert_id="a1", verdict="false", at_ms=7, labels={"alertname": "other", "metric": "x"}
    )
    assert judged_by(said, alert(rule="slow")) == Judged("a1", PAIR, "false", 7)
    assert judged_by(said, alert()) == Judged("a1", Pair("shop", "MetricAnomaly", "latency"), "false", 7)
    assert judged_by(said, None) == Judged("a1", Pair("shop", "other", "x"), "false", 7)
    assert pair_of(alert(rule="slow")) == PAIR

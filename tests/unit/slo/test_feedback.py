"""What people say of alerts becomes counts of the objectives that are about them."""

from __future__ import annotations

import random
from typing import Any

import pytest

from schemas.events import Tick
from schemas.slo_events import Feedback, PeriodBudget
from schemas.topics import BURN_TICKS, FEEDBACK, SLO_EVENTS
from slo.announced import announce
from slo.burning import BurnOperator
from slo.definition import DerivedIndicator, RollingWindow, Slo
from slo.feedback import AHEAD_MS, MOST_WAITING, MOST_WAITING_OF_TENANT, REMEMBERED_MS, FeedbackBook
from slo.snapshot import unpack
from tests.unit.slo.feeding import START_MS, make_slo
from tests.unit.slo.test_burning import Step, at, operator, restored, run, save, slice_of, turns

ACCURACY = "default/alert-accuracy"
HOUR = 720


def accuracy(**fields: Any) -> Slo:
    selector = fields.pop("selector", "{}")
    return make_slo(
        "alert-accuracy",
        indicator=DerivedIndicator(source="alert_feedback", selector=selector),
        **({"target": 0.9} | fields),
    )


def said(alert: str, verdict: str, row: float, **fields: Any) -> Feedback:
    return Feedback.model_validate(
        {"tenant": "default", "alert_id": alert, "verdict": verdict, "at_ms": at(row), **fields}
    )


def burning(*slos: Slo) -> BurnOperator:
    return operator([make_slo(), *(slos or (accuracy(),))])


def own(burn: BurnOperator, key: str = ACCURACY) -> PeriodBudget:
    (status,) = [one for one in burn.statuses() if one.slo == key]
    return status.event().budget("own")


def pass_to(burn: BurnOperator, row: int) -> list[tuple[str, str]]:
    return turns(burn.on_slice(slice_of(row)))


def counts(burn: BurnOperator, row: int) -> tuple[float, float]:
    """Good and bad, once a slice has passed."""
    pass_to(burn, row)
    found = own(burn)
    return found.good, found.bad


def test_without_feedback_nothing_is_said_of_the_objective_and_no_data_is_missing() -> None:
    burn = operator([accuracy()])
    assert [one for row in range(0, 2000, 100) for one in pass_to(burn, row)] == []
    found = own(burn)
    assert (found.total, found.compliance, found.remaining) == (0.0, None, None)
    assert not burn.statuses()[0].body["no_data"]


@pytest.mark.parametrize(("verdict", "good"), [("actioned", 1.0), ("false", 0.0), ("duplicate", 0.0)])
def test_an_alert_that_needed_action_is_good_and_one_that_did_not_or_repeated_another_is_bad(
    verdict: str, good: float
) -> None:
    burn = burning()
    pass_to(burn, 0)
    burn.on_feedback(said("a1", verdict, 1))
    assert counts(burn, 5) == (good, 1.0 - good)
    assert own(burn).compliance == good


def test_a_verdict_that_is_repeated_counts_once() -> None:
    burn = burning()
    for _ in range(3):
        burn.on_feedback(said("a1", "false", 1))
    pass_to(burn, 3)
    burn.on_feedback(said("a1", "false", 1))
    assert counts(burn, 5) == (0.0, 1.0)


def test_a_later_verdict_replaces_the_earlier_in_its_slice() -> None:
    burn = burning(accuracy(window=RollingWindow(duration_s=86_400)))
    burn.on_feedback(said("a1", "false", 1))
    pass_to(burn, 5)
    burn.on_feedback(said("a1", "actioned", 6))
    assert counts(burn, 8) == (1.0, 0.0)
    # Once the first verdict's slice has left, nothing of the alert is left either.
    assert counts(burn, 3 + 24 * HOUR) == (0.0, 0.0)


def test_a_verdict_that_comes_when_its_slice_takes_no_counts_changes_the_newest_one() -> None:
    burn = burning()
    burn.on_feedback(said("a1", "false", 1))
    assert counts(burn, 5) == (0.0, 1.0)
    pass_to(burn, HOUR)
    burn.on_feedback(said("a1", "actioned", HOUR - 3))
    assert counts(burn, HOUR + 5) == (1.0, 0.0)
    assert counts(burn, 2 * HOUR) == (1.0, 0.0)
    burn.on_feedback(said("a1", "duplicate", 2 * HOUR))
    assert counts(burn, 2 * HOUR + 5) == (0.0, 1.0)


def test_an_older_verdict_that_comes_after_a_newer_changes_nothing() -> None:
    burn = burning()
    burn.on_feedback(said("a1", "actioned", 3))
    pass_to(burn, 6)
    burn.on_feedback(said("a1", "false", 1))
    assert counts(burn, 8) == (1.0, 0.0)


def test_feedback_makes_no_time_pass_and_waits_for_its_own() -> None:
    burn = burning()
    pass_to(burn, 0)
    assert burn.on_feedback(said("a1", "false", 1000)) == []
    assert counts(burn, 10) == (0.0, 0.0)
    assert counts(burn, 1002) == (0.0, 1.0)


def test_verdicts_farther_ahead_than_a_stage_can_be_behind_are_refused() -> None:
    burn = burning()
    pass_to(burn, 0)
    newest_ms = at(1)
    for number in range(3):
        burn.on_feedback(said(f"b{number}", "false", 0, at_ms=newest_ms + AHEAD_MS + 1 + number))
    burn.on_feedback(said("a1", "false", 0, at_ms=newest_ms + AHEAD_MS))
    assert burn.counts["feedback_ahead"] == 3
    blocks: dict[str, bytes] = {}
    save(burn, blocks)
    assert list(unpack(blocks["feedback"])["waiting"]) == [f"{newest_ms + AHEAD_MS:015d}/default/a1"]


def test_verdicts_that_wait_keep_no_other_tenants_out_and_those_farthest_ahead_go_first() -> None:
    book = FeedbackBook(lambda key, slice_ms: True, partition=1)
    book.define(accuracy())
    tenants = MOST_WAITING // MOST_WAITING_OF_TENANT + 1
    for tenant in range(tenants):
        for number in range(MOST_WAITING_OF_TENANT + 1):
            book.put(said(f"a{number}", "false", 10_000 + number, tenant=f"t{tenant}"))
    book.put(said("a1", "false", 1))
    book.put(said("a2", "false", 2, tenant="t0"))
    waiting = unpack(dict(book.take_blocks())["feedback"] or b"")["waiting"]
    assert len(waiting) == MOST_WAITING
    assert book.counts["feedback_dropped"] == tenants * (MOST_WAITING_OF_TENANT + 1) + 2 - MOST_WAITING
    assert {f"{at(1):015d}/default/a1", f"{at(2):015d}/t0/a2"} <= set(waiting)
    assert [one.bad for one in book.settle(at(5))] == [[1.0]]


def test_where_no_slices_ever_came_feedback_is_counted_by_the_ticks_time() -> None:
    burn = operator([accuracy()])
    assert burn.on_tick(at(0)) == []
    burn.on_feedback(said("a1", "false", 1))
    for row in range(1, 6):
        burn.on_tick(at(row))
    assert own(burn).bad == 1.0


def test_only_alerts_that_the_selector_is_about_are_counted_and_labels_once_known_stay_known() -> None:
    burn = burning(accuracy(selector='{team="shop"}'))
    burn.on_feedback(said("a1", "false", 1, labels={"team": "shop"}))
    burn.on_feedback(said("a2", "false", 1, labels={"team": "search"}))
    burn.on_feedback(said("a3", "false", 1))
    burn.on_feedback(said("a4", "false", 1, tenant="other", labels={"team": "shop"}))
    assert counts(burn, 5) == (0.0, 1.0)
    burn.on_feedback(said("a1", "actioned", 5))
    assert counts(burn, 8) == (1.0, 0.0)


def test_an_alert_is_no_longer_counted_when_its_labels_are_others_than_was_thought() -> None:
    burn = burning(accuracy(selector='{team="shop"}'))
    burn.on_feedback(said("a1", "false", 1, labels={"team": "shop"}))
    pass_to(burn, 4)
    burn.on_feedback(said("a1", "false", 4, labels={"team": "search"}))
    assert counts(burn, 8) == (0.0, 0.0)


def test_an_objective_that_is_about_other_alerts_from_now_on_begins_anew() -> None:
    burn = burning()
    burn.on_feedback(said("a1", "false", 1))
    assert counts(burn, 5) == (0.0, 1.0)
    burn.on_setting(announce(ACCURACY, accuracy(selector='{team="shop"}'), 0))
    burn.on_feedback(said("a1", "actioned", 6, labels={"team": "shop"}))
    assert counts(burn, 10) == (1.0, 0.0)


def test_verdicts_are_forgotten_after_90_days_and_older_ones_are_not_taken() -> None:
    book = FeedbackBook(lambda key, slice_ms: True, partition=1)
    book.define(accuracy())
    book.put(said("a1", "false", 1))
    assert [one.bad for one in book.settle(at(5))] == [[1.0]]
    assert "verdict/default/a1" in dict(book.take_blocks())
    assert book.settle(at(5) + REMEMBERED_MS) == []
    assert dict(book.take_blocks())["verdict/default/a1"] is None
    book.put(said("a1", "false", 1))
    assert book.settle(at(6) + REMEMBERED_MS) == []
    assert book.counts["feedback_too_late"] == 1


def test_a_run_that_is_killed_at_any_moment_counts_what_one_that_never_was_counts() -> None:
    chance = random.Random(5)
    steps: list[Step] = []
    for row in range(0, 400, 2):
        steps.append((SLO_EVENTS.name, slice_of(row)))
        verdict = chance.choice(["actioned", "false", "duplicate"])
        alert = f"a{chance.randrange(12)}"
        steps.append((FEEDBACK.name, said(alert, verdict, max(0, row + chance.randrange(-150, 30)))))
    steps += [(BURN_TICKS.name, Tick(stage="burn", partition=0, at_ms=START_MS + at_ms)) for at_ms in (1000, 200_000)]
    never, burn = burning(), burning()
    blocks: dict[str, bytes] = {}
    for step in steps:
        if chance.random() < 0.2:
            save(burn, blocks)
            burn = restored(blocks)
        assert run(burn, [step]) == run(never, [step])
    found = own(burn)
    assert (found, found.total) == (own(never), 12.0)
    save(burn, blocks)
    whole: dict[str, bytes] = {}
    save(never, whole)
    assert blocks == whole

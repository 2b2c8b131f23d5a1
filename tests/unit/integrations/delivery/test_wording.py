"""What is told in words: how sure it is, what windows say, an hour as a line."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from integrations.delivery.pagerduty_event import change_of, trigger_event
from integrations.delivery.wording import SPARK_COLUMNS, sections, sparkline
from schemas.notification_events import Notification
from tests.integration.vendors.notifications import AT_MS, notification


def lines(told: Notification, heading: str) -> list[str]:
    return [line for section in sections(told) if section.heading == heading for line in section.lines]


def test_a_signal_is_drawn_with_its_newest_value_and_its_span() -> None:
    assert lines(notification(), "Signals") == [
        "disk_used of node-0: ▁▄█ 91.5 % at 2026-03-01 00:00:00 UTC, in the hour before from 71.5 to 91.5"
    ]


def test_a_ratio_has_no_unit_and_what_is_of_no_entity_no_place() -> None:
    ratio = {"signal": "cpu_ratio", "entity": "node:h1", "unit": "1", "points": [[AT_MS, 0.5]]}
    lost = {"signal": "queue", "entity": "unknown", "points": [[AT_MS, 7.0]]}
    assert lines(notification(context={"signals": [ratio, lost]}), "Signals") == [
        "cpu_ratio of node h1: 0.5",
        "queue: 7",
    ]


def test_a_signal_of_one_value_is_not_drawn() -> None:
    context = {"signals": [{"signal": "disk", "entity": "node-0", "unit": "%", "points": [[AT_MS, 91.5]]}]}
    assert lines(notification(context=context), "Signals") == ["disk of node-0: 91.5 %"]


@given(st.lists(st.tuples(st.integers(0, 10**15), st.floats(allow_nan=False, allow_infinity=False)), min_size=2))
def test_any_points_are_drawn(points: list[tuple[int, float]]) -> None:
    drawn = sparkline(points)
    assert len(drawn) == min(SPARK_COLUMNS, len(points) - 1) + 1
    assert set(drawn) <= set("▁▂▃▄▅▆▇█·")
    assert drawn.strip("·")


def test_a_stretch_without_a_point_is_a_dot_and_the_newest_value_has_a_column_of_its_own() -> None:
    hour = [(at * 60_000, 1.0) for at in range(60) if not 20 <= at < 40]
    assert sparkline([*hour, (3_600_000, 9.0)]) == "▁▁▁▁····▁▁▁▁█"


def test_an_hour_as_detect_tells_it_has_no_gaps() -> None:
    coarse = [(at * 300_000, 1.0) for at in range(9)]
    for minutes in range(10, 15):
        fine = [(2_700_000 + at * 60_000, 2.0) for at in range(minutes)]
        drawn = sparkline([*coarse, *fine, (3_500_000, 8.0)])
        assert len(drawn) == 13
        assert set(drawn) == set("▁▂█")


def test_how_sure_it_is_is_said_of_what_fires() -> None:
    told = notification()
    assert lines(told, "How sure") == [
        "80 % likely to be a real one",
        "time left, in 80 % of such cases: 45 hours to 2.3 days",
    ]
    over = told.model_copy(update={"status": "resolved"})
    assert lines(over, "How sure") + lines(over, "Windows") == []
    assert lines(notification(confidence=None), "How sure") == []


def test_a_bound_that_is_open_is_said_to_be() -> None:
    bounds = {"lo": 3600, "hi": None, "level": 0.8, "of": "seconds_left"}
    assert lines(notification(confidence=bounds), "How sure") == [
        "time left, in 80 % of such cases: 60 minutes or more"
    ]


def test_pagerduty_has_windows_and_numbers_in_its_details() -> None:
    details = trigger_event(notification(), "k" * 32, {})["payload"]["custom_details"]
    assert details["windows"] == ["5m: as expected, score 0.4", "1h: anomalous, up, score 1.9"]
    assert details["signals"][0]["points"][-1] == (AT_MS, 91.5)


def test_a_notification_of_a_change_alone_is_a_change_and_one_of_alerts_is_none() -> None:
    assert change_of(notification()) is None
    assert change_of(notification(alerts=[], context=None)) is None
    change = change_of(notification(alerts=[], action="digest"))
    assert change is not None
    assert change.id == "d1"

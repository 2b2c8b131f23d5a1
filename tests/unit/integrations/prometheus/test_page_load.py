"""How many pages each receiver got, in the shift that goes on and in a week."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from integrations.project import PlacedSink, Record
from integrations.prometheus import PageLoad
from integrations.telemetry import Telemetry
from schemas.topics import NOTIFICATIONS
from tests.unit.incidents.dispatch.conftest import T0_MS
from tests.unit.incidents.review.cases import notification

HOUR_MS = 3_600_000
# T0 is 10:00 UTC: its shift began at 06:00.


class Worker:
    def __init__(self) -> None:
        self.telemetry = Telemetry("project")
        self.now_ms = T0_MS
        self.load = PageLoad(self.telemetry, (6, 14, 22), lambda: self.now_ms / 1000)

    def page(self, hours: float, number: int = 1, partition: int = 0, **fields: Any) -> None:
        fields = {"priority": "P0", "dedup_key": f"k{hours}", "sequence": number} | fields
        one = notification(f"n{hours}", at_ms=T0_MS + round(hours * HOUR_MS), **fields)
        self.load.take([Record(NOTIFICATIONS.name, partition, number, b"k", one.to_bytes(), 0)])

    def says(self) -> dict[tuple[str, str], float]:
        families = text_string_to_metric_families(generate_latest(self.telemetry.registry).decode())
        samples = [one for family in families for one in family.samples if one.name == "metrics_ai_pages"]
        return {(one.labels["receiver"], one.labels["window"]): one.value for one in samples}


@pytest.fixture
def worker() -> Worker:
    return Worker()


def test_it_is_a_sink_that_is_fed_from_the_beginning(worker: Worker) -> None:
    assert isinstance(worker.load, PlacedSink)
    assert worker.load.places({("notifications", 3)}) == {}


def test_pages_count_in_their_shift_and_their_week(worker: Worker) -> None:
    worker.page(-1)
    worker.page(-5)
    worker.page(-24 * 7)
    assert worker.says() == {("pager", "shift"): 1, ("pager", "week"): 2}


def test_a_shift_ends_although_nobody_is_paged(worker: Worker) -> None:
    worker.page(-1)
    worker.now_ms = T0_MS + 4 * HOUR_MS
    assert worker.says() == {("pager", "shift"): 0, ("pager", "week"): 1}
    worker.now_ms = T0_MS + 24 * 7 * HOUR_MS
    assert worker.says() == {("pager", "shift"): 0, ("pager", "week"): 0}


def test_only_what_opens_a_page_counts(worker: Worker) -> None:
    worker.page(-1, priority="P2")
    worker.page(-1.1, action="update")
    worker.page(-1.2, action="resolve")
    assert worker.says() == {}
    worker.page(-1.3, priority="P1")
    assert worker.says()["pager", "shift"] == 1


def test_a_page_that_is_told_again_or_by_several_integrations_counts_once(worker: Worker) -> None:
    worker.page(-1)
    worker.page(-1)
    worker.page(-1, integration="log[1]")
    worker.page(-1, receiver="second")
    assert worker.says()["pager", "week"] == 1
    assert worker.says()["second", "week"] == 1


def test_what_is_older_than_a_week_is_forgotten_once_more_comes(worker: Worker) -> None:
    worker.page(-1)
    worker.now_ms = T0_MS + 24 * 8 * HOUR_MS
    worker.page(24 * 8 - 1)
    assert worker.says() == {("pager", "shift"): 1, ("pager", "week"): 1}


def test_partitions_that_move_away_take_their_pages_with_them(worker: Worker) -> None:
    worker.page(-1)
    worker.page(-2, partition=1, receiver="second")
    worker.load.revoked({("notifications", 0)})
    assert worker.says() == {("second", "shift"): 1, ("second", "week"): 1}


def test_what_cannot_be_read_is_counted(worker: Worker) -> None:
    worker.load.take(
        [Record("notifications", 0, 0, b"k", b"nonsense", 0), Record("notifications", 0, 1, b"k", None, 0)]
    )
    assert b'metrics_ai_rejected_total{reason="not_readable"' in generate_latest(worker.telemetry.registry)
    assert worker.says() == {}

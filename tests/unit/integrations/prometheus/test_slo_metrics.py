from __future__ import annotations

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from integrations.project import Record, Sink
from integrations.prometheus import SloMetrics
from integrations.telemetry import Telemetry
from schemas.topics import SLO_STATUS
from tests.unit.integrations.prometheus.statuses import AT_MS, opened, record, silent, status, tombstone


class Worker:
    def __init__(self) -> None:
        self.telemetry = Telemetry("project")
        self.sink = SloMetrics(self.telemetry)

    def slos(self, name: str = "slo:objective:ratio") -> dict[str, float]:
        """What ``/metrics`` says of a metric, by SLO."""
        text = generate_latest(self.telemetry.registry).decode()
        families = text_string_to_metric_families(text)
        return {one.labels["slo"]: one.value for family in families for one in family.samples if one.name == name}


@pytest.fixture
def worker() -> Worker:
    return Worker()


def test_it_is_a_sink(worker: Worker) -> None:
    sink: Sink = worker.sink
    assert sink.topics[0] is SLO_STATUS


def test_the_newest_status_of_each_objective_is_served(worker: Worker) -> None:
    worker.sink.take([record(status(AT_MS)), record(status(AT_MS + 5000, target=0.99)), record(status(slo="search"))])
    worker.sink.flush()
    assert worker.slos() == {"checkout": 0.99, "search": 0.999}
    assert worker.slos("metrics_ai_slo_status_timestamp_seconds")["checkout"] == (AT_MS + 5000) / 1000


def test_what_is_served_has_no_times_and_a_help_text(worker: Worker) -> None:
    worker.sink.take([record(status())])
    text = generate_latest(worker.telemetry.registry).decode()
    assert "# HELP slo:sli_error:ratio_rate5m Bad of all events of a window.\n" in text
    assert "# TYPE slo:sli_error:ratio_rate5m gauge\n" in text
    (line,) = (line for line in text.splitlines() if line.startswith("slo:objective:ratio{"))
    assert line.endswith("} 0.999")


def test_what_cannot_be_measured_is_absent(worker: Worker) -> None:
    worker.sink.take([record(silent())])
    assert worker.slos("slo:current_burn_rate:ratio") == {}
    assert worker.slos("metrics_ai_slo_no_data") == {"checkout": 1.0}


def test_a_status_older_than_five_minutes_is_gone(worker: Worker) -> None:
    worker.sink.take([record(status(AT_MS)), record(status(AT_MS + 300_000, slo="search"))])
    assert set(worker.slos()) == {"checkout", "search"}
    worker.sink.take([record(status(AT_MS + 300_001, slo="search"))])
    assert set(worker.slos()) == {"search"}


def test_a_tenant_whose_clocks_run_ahead_hides_no_other(worker: Worker) -> None:
    worker.sink.take([record(status(AT_MS)), record(status(AT_MS + 600_000, tenant="ahead", slo="search"))])
    worker.sink.take([record(status(AT_MS + 5000))])
    assert set(worker.slos()) == {"checkout", "search"}


def test_an_objective_that_is_deleted_is_gone(worker: Worker) -> None:
    worker.sink.take([record(status())])
    worker.sink.take([tombstone("acme/checkout"), tombstone("acme/never-seen")])
    assert worker.slos() == {}
    worker.sink.take([record(status())])
    worker.sink.take([tombstone("acme/checkout")._replace(value=b"")])
    assert worker.slos() == {}


def test_partitions_that_move_away_take_their_objectives_with_them(worker: Worker) -> None:
    worker.sink.assigned([(SLO_STATUS.name, 0), (SLO_STATUS.name, 1)])
    worker.sink.take([record(status(), 0), record(status(slo="search"), 1)])
    worker.sink.revoked([(SLO_STATUS.name, 0)])
    assert set(worker.slos()) == {"search"}


def test_one_status_says_which_alerts_are_open_and_of_what_priority(worker: Worker) -> None:
    worker.sink.take([record(status(firing=["page-quick"], open=[opened()]))])
    text = generate_latest(worker.telemetry.registry).decode()
    (line,) = (line for line in text.splitlines() if line.startswith("metrics_ai_slo_alert_firing{"))
    assert 'priority="P0"' in line
    assert 'sloth_severity="page"' in text
    worker.sink.take([record(status(AT_MS + 5000))])
    assert worker.slos("metrics_ai_slo_alert_firing") == {}


def test_bytes_that_cannot_be_read_are_counted_and_passed_over(worker: Worker) -> None:
    broken = [Record("slo.status", 0, 0, b"k", value, 0) for value in (b"{", b"[]")]
    worker.sink.take([*broken, Record("slo.status", 0, 0, None, b'{"v":2}', 0), record(status())])
    assert worker.slos() == {"checkout": 0.999}
    rejected = worker.telemetry.rejected
    assert rejected.labels("project", "slo.status", "not_readable")._value.get() == 2
    assert rejected.labels("project", "slo.status", "newer_version")._value.get() == 1


def test_where_statuses_are_rare_they_are_served_longer() -> None:
    sink = SloMetrics(Telemetry("project"), status_every_s=600)
    sink.take([record(status(AT_MS)), record(status(AT_MS + 1_800_000, slo="search"))])
    assert {dict(one.labels)["slo"] for family in sink.collect() for one in family.samples} == {"checkout", "search"}


def test_an_objective_of_long_slices_is_served_from_one_of_them_to_the_next(worker: Worker) -> None:
    worker.sink.take([record(status(AT_MS, slice_s=900))])
    worker.sink.take([record(status(AT_MS + 2_700_000, slo="search", slice_s=5))])
    assert set(worker.slos()) == {"checkout", "search"}
    worker.sink.take([record(status(AT_MS + 2_700_001, slo="search", slice_s=5))])
    assert set(worker.slos()) == {"search"}

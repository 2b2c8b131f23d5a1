from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from integrations.formats import decoder_for
from integrations.formats.recognise import Recogniser
from integrations.formats.series_table import SeriesTable
from integrations.project import Sink, SinkError
from integrations.prometheus import SloRemoteWrite
from integrations.prometheus.remote_write_client import RemoteWriteAwayError, RemoteWriteRefusedError
from integrations.telemetry import Telemetry
from schemas.errors import ConfigurationError
from schemas.slo_events import BudgetShare
from schemas.topics import SLO_STATUS
from slo.remote_write_settings import RemoteWriteSettings
from tests.unit.integrations.prometheus.statuses import AT_MS, opened, record, status, tombstone

Written = list[tuple[str, float, int]]
"""SLO, value and time of the samples of a metric."""


class FarEnd:
    """Takes requests as Prometheus does: whole, or not at all, and nothing older than it has of a series."""

    def __init__(self) -> None:
        self.table = SeriesTable("default", Recogniser())
        self.samples: list[tuple[str, dict[str, str], float, int]] = []
        self.newest: dict[tuple[str, tuple[tuple[str, str], ...]], int] = {}
        self.stale: int = 0
        self.requests = 0
        self.failing: list[Exception] = []
        self.oldest_ms = 0

    def send(self, body: bytes) -> None:
        self.requests += 1
        if self.failing:
            raise self.failing.pop(0)
        decoded = decoder_for("prometheus_remote_write").decode([body], [0], self.table)
        assert decoded.rejections == []
        taken = []
        for dense, at_ms, value in zip(decoded.series, decoded.timestamp_ms, decoded.value, strict=True):
            series = self.table[int(dense)]
            taken.append((series.metric, dict(series.labels), float(value), int(at_ms)))
        for metric, labels, _, at_ms in taken:
            if at_ms < self.oldest_ms:
                raise RemoteWriteRefusedError(400, "out of bounds")
            if at_ms < self.newest.get((metric, tuple(labels.items())), 0):
                raise RemoteWriteRefusedError(400, "out of order sample")
        for metric, labels, _, at_ms in taken:
            self.newest[metric, tuple(labels.items())] = at_ms
        self.samples += taken
        self.stale += decoded.skipped.get("stale", 0)

    def close(self) -> None:
        pass

    def of(self, metric: str = "slo:objective:ratio") -> Written:
        return [(labels["slo"], value, at_ms) for name, labels, value, at_ms in self.samples if name == metric]


class Writer:
    def __init__(self, far: FarEnd, **settings: Any) -> None:
        self.now = 1000.0
        self.telemetry = Telemetry("project")
        given: dict[str, Any] = {"url": "http://far/api/v1/write", "every_s": 5} | settings
        self.sink = SloRemoteWrite(RemoteWriteSettings(**given), self.telemetry, client=far, clock=lambda: self.now)  # type: ignore[arg-type]

    def count(self, outcome: str) -> float:
        counted: float = self.telemetry.remote_write_samples.labels(self.sink.name, outcome)._value.get()
        return counted


@pytest.fixture
def far() -> FarEnd:
    return FarEnd()


@pytest.fixture
def writer(far: FarEnd) -> Callable[..., Writer]:
    return lambda **settings: Writer(far, **settings)


def test_samples_carry_the_event_time_of_their_status(far: FarEnd, writer: Callable[..., Writer]) -> None:
    one = writer()
    sink: Sink = one.sink
    sink.assigned([(SLO_STATUS.name, 0)])
    sink.take([record(status(AT_MS)), record(status(AT_MS + 5000, target=0.99))])
    assert far.requests == 0
    sink.flush()
    assert far.of() == [("checkout", 0.999, AT_MS), ("checkout", 0.99, AT_MS + 5000)]
    # The objective in percent is a label of Sloth's, so a new target ends a series.
    assert (one.count("written"), far.stale) == (len(far.samples) + 1, 1)


def test_a_status_that_comes_again_is_written_once(far: FarEnd, writer: Callable[..., Writer]) -> None:
    one = writer()
    for _ in range(2):
        one.sink.take([record(status(AT_MS)), record(status(AT_MS + 5000))])
        one.sink.flush()
    assert len(far.of()) == 2


def test_a_series_gets_a_sample_each_so_many_seconds_of_event_time(far: FarEnd, writer: Callable[..., Writer]) -> None:
    one = writer(every_s=15)
    one.sink.take([record(status(AT_MS + 5000 * n)) for n in range(7)])
    one.sink.flush()
    assert [at_ms - AT_MS for _, _, at_ms in far.of()] == [0, 15_000, 30_000]


def test_external_labels_give_way_to_a_series_own(far: FarEnd, writer: Callable[..., Writer]) -> None:
    one = writer(external_labels={"cluster": "eu-1", "service": "other"})
    one.sink.take([record(status())])
    one.sink.flush()
    assert {(labels["cluster"], labels["service"]) for _, labels, _, _ in far.samples} == {("eu-1", "shop")}


def test_requests_are_bounded_and_keep_the_order(far: FarEnd, writer: Callable[..., Writer]) -> None:
    one = writer(max_samples=100)
    one.sink.take([record(status(AT_MS + 5000 * n)) for n in range(40)])
    one.sink.flush()
    assert [at_ms for _, _, at_ms in far.of()] == [AT_MS + 5000 * n for n in range(40)]
    assert far.requests >= len(far.samples) / 100


def test_what_is_told_no_longer_ends_with_a_stale_marker(far: FarEnd, writer: Callable[..., Writer]) -> None:
    one = writer()
    spender = BudgetShare(who="node:h1", bad=2.0, of_budget=1.0)
    one.sink.take([record(status(spenders=[spender], firing=["page-quick"], open=[opened()]))])
    one.sink.take([record(status(AT_MS + 5000))])
    one.sink.flush()
    # Two of the spender, two of the alert.
    assert far.stale == 4


def test_an_objective_that_is_deleted_ends_with_stale_markers(far: FarEnd, writer: Callable[..., Writer]) -> None:
    one = writer()
    one.sink.take([record(status()), tombstone("acme/checkout"), tombstone("acme/never-seen")])
    one.sink.flush()
    assert far.stale == len(far.samples)


def test_an_objective_of_long_slices_goes_on_from_one_of_them_to_the_next(
    far: FarEnd, writer: Callable[..., Writer]
) -> None:
    one = writer()
    one.sink.take([record(status(AT_MS, slice_s=900)), record(status(AT_MS + 900_000, slo="search"))])
    one.sink.take([record(status(AT_MS + 900_000, slice_s=900))])
    one.sink.flush()
    assert far.stale == 0


def test_an_alert_that_is_open_keeps_its_series_over_a_restart(far: FarEnd, writer: Callable[..., Writer]) -> None:
    for number in range(2):
        one = writer()  # the second begins at what the first had committed
        one.sink.take([record(status(AT_MS + 5000 * number, firing=["page-quick"], open=[opened()]))])
        one.sink.flush()
    severities = [labels.get("sloth_severity") for name, labels, _, _ in far.samples if name == "ALERTS"]
    assert (severities, far.stale) == (["page", "page"], 0)


def test_an_objective_that_falls_silent_ends_and_may_begin_again(far: FarEnd, writer: Callable[..., Writer]) -> None:
    one = writer()
    one.sink.take([record(status(AT_MS)), record(status(AT_MS, slo="search"))])
    one.sink.take([record(status(AT_MS + 300_001, slo="search"))])
    one.sink.take([record(status(AT_MS + 310_000))])
    one.sink.flush()
    assert far.stale == len([name for name, labels, _, at in far.samples if (labels["slo"], at) == ("checkout", AT_MS)])
    assert [at_ms - AT_MS for slo, _, at_ms in far.of() if slo == "checkout"] == [0, 310_000]


def test_a_tenant_whose_time_lags_has_no_objective_that_ends(far: FarEnd, writer: Callable[..., Writer]) -> None:
    one = writer()
    one.sink.take([record(status(AT_MS)), record(status(AT_MS + 900_000, tenant="other"))])
    one.sink.flush()
    assert far.stale == 0


def test_what_moves_away_is_neither_written_nor_ended(far: FarEnd, writer: Callable[..., Writer]) -> None:
    one = writer()
    one.sink.take([record(status(), 0), record(status(slo="search"), 1)])
    one.sink.revoked([(SLO_STATUS.name, 0)])
    one.sink.flush()
    assert {slo for slo, _, _ in far.of()} == {"search"}
    assert far.stale == 0


@pytest.mark.parametrize("reason", ["503", "429", "connection", "timeout", "credentials"])
def test_a_far_end_that_is_away_loses_nothing(far: FarEnd, writer: Callable[..., Writer], reason: str) -> None:
    one = writer()
    one.sink.take([record(status(AT_MS))])
    far.failing = [RemoteWriteAwayError(reason, "away")] * 2
    for _ in range(2):
        with pytest.raises(SinkError, match="away"):
            one.sink.flush()
    one.sink.flush()
    assert far.of() == [("checkout", 0.999, AT_MS)]
    assert one.telemetry.remote_write_retries.labels(one.sink.name, reason)._value.get() == 2


def test_the_far_end_is_left_alone_for_as_long_as_it_asks(far: FarEnd, writer: Callable[..., Writer]) -> None:
    one = writer()
    one.sink.take([record(status())])
    far.failing = [RemoteWriteAwayError("429", "slow down", 30.0)]
    with pytest.raises(SinkError):
        one.sink.flush()
    one.now += 29
    with pytest.raises(SinkError, match="asked for 1 s more"):
        one.sink.flush()
    one.now += 1
    one.sink.flush()
    assert len(far.of()) == 1


def test_what_was_written_before_a_failure_is_not_sent_again(far: FarEnd, writer: Callable[..., Writer]) -> None:
    one = writer(max_samples=100)
    one.sink.take([record(status(AT_MS + 5000 * n)) for n in range(20)])
    sent = far.send

    def second_fails(body: bytes) -> None:
        if far.requests == 1:
            far.failing = [RemoteWriteAwayError("503", "away")]
        sent(body)

    far.send = second_fails  # type: ignore[method-assign]
    with pytest.raises(SinkError):
        one.sink.flush()
    far.send = sent  # type: ignore[method-assign]
    one.now += 5
    one.sink.flush()
    assert [at_ms for _, _, at_ms in far.of()] == [AT_MS + 5000 * n for n in range(20)]
    assert one.count("refused") == 0


def test_after_a_crash_what_comes_again_costs_nothing_that_is_new(far: FarEnd, writer: Callable[..., Writer]) -> None:
    records = [record(status(AT_MS + 5000 * n)) for n in range(10)]
    before = writer()
    before.sink.take(records[:6])
    before.sink.flush()
    after = writer()
    after.sink.take(records)
    after.sink.flush()
    times = [at_ms for _, _, at_ms in far.of()]
    assert sorted(set(times)) == [AT_MS + 5000 * n for n in range(10)]
    assert after.count("refused") > 0


def test_what_is_too_old_for_all_is_not_tried_one_by_one(far: FarEnd, writer: Callable[..., Writer]) -> None:
    one = writer()
    far.oldest_ms = AT_MS + 5000 * 900
    one.sink.take([record(status(AT_MS + 5000 * n)) for n in range(1000)])
    one.sink.flush()
    assert len(far.of()) == 100
    assert far.requests < 50
    assert one.count("refused") > 900


@pytest.mark.parametrize("code", [401, 404, 301])
def test_what_is_refused_is_counted_and_let_go(far: FarEnd, writer: Callable[..., Writer], code: int) -> None:
    one = writer()
    one.sink.take([record(status(AT_MS)), record(status(AT_MS + 5000))])
    far.failing = [RemoteWriteRefusedError(code, "no")]
    one.sink.flush()
    assert (far.requests, far.of()) == (1, [])
    assert one.count("refused") > 0
    one.sink.take([record(status(AT_MS + 10_000))])
    one.sink.flush()
    assert len(far.of()) == 1


def test_a_refusal_is_said_once_a_status(
    far: FarEnd, writer: Callable[..., Writer], caplog: pytest.LogCaptureFixture
) -> None:
    one = writer()
    far.failing = [RemoteWriteRefusedError(code, "no") for code in (401, 401, 404, 401)]
    for n in range(4):
        one.sink.take([record(status(AT_MS + 5000 * n))])
        one.sink.flush()
    assert len(caplog.records) == 2


def test_a_long_queue_is_sent_in_turns(far: FarEnd, writer: Callable[..., Writer]) -> None:
    one = writer(max_samples=100)
    one.sink.take([record(status(AT_MS + 5000 * n)) for n in range(40)])
    sent = far.send

    def slow(body: bytes) -> None:
        one.now += 6
        sent(body)

    far.send = slow  # type: ignore[method-assign]
    with pytest.raises(SinkError, match="left to send"):
        one.sink.flush()
    assert far.requests == 2
    far.send = sent  # type: ignore[method-assign]
    one.sink.flush()
    assert len(far.of()) == 40


def test_nothing_is_written_without_a_url() -> None:
    with pytest.raises(ConfigurationError):
        SloRemoteWrite(RemoteWriteSettings(), Telemetry("project"))

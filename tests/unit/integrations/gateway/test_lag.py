"""The lag grows while nothing is read, and says nothing that is not known."""

from __future__ import annotations

from integrations.gateway.lag import Lag
from integrations.telemetry import Telemetry

SOURCE = ("metrics", 0)


class Bench:
    """A lag with a clock that the test sets."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.telemetry = Telemetry("ingest")
        self.lag = Lag(self.telemetry, lambda: self.now_s)

    def seconds(self) -> float | None:
        labels = {"stage": "ingest", "topic": "metrics", "partition": "0"}
        return self.telemetry.registry.get_sample_value("metrics_ai_lag_seconds", labels)


def test_the_lag_grows_while_records_wait_and_none_is_read() -> None:
    bench = Bench()
    bench.lag.read(SOURCE, 990_000)
    for later_s in (0, 60, 3600):
        bench.now_s = 1000.0 + later_s
        bench.lag.tell({SOURCE: 7})
        assert bench.seconds() == 10.0 + later_s
    bench.lag.tell({SOURCE: 0})
    assert bench.seconds() == 0


def test_an_unknown_backlog_changes_nothing() -> None:
    bench = Bench()
    bench.lag.tell({SOURCE: None})
    assert bench.seconds() is None
    bench.lag.read(SOURCE, 990_000)
    bench.lag.tell({SOURCE: 7})
    bench.now_s = 2000.0
    bench.lag.tell({SOURCE: None})
    assert bench.seconds() == 10


def test_records_without_a_time_and_those_never_read_have_no_age() -> None:
    bench = Bench()
    bench.lag.tell({SOURCE: 7})
    bench.lag.read(SOURCE, 0)
    bench.lag.tell({SOURCE: 7})
    assert bench.seconds() is None


def test_what_went_elsewhere_is_forgotten() -> None:
    bench = Bench()
    bench.lag.read(SOURCE, 990_000)
    bench.lag.tell({SOURCE: 7})
    bench.lag.forget([SOURCE, ("metrics", 1)])
    assert bench.seconds() is None

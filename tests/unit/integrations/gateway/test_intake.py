"""Messages become samples of their tenant; what cannot be read goes out with the reason, and stops nobody."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from integrations.formats import Decoded, Decoder, SeriesTable, decoder_for
from integrations.formats.guarded import Guarded
from integrations.gateway.batcher import OutputTopic
from integrations.gateway.intake import Intake
from integrations.gateway.settings import IngestSettings, SourceSettings
from integrations.telemetry import Telemetry
from schemas.batch import decode_batch
from schemas.errors import ConfigurationError

NOW_S = 1_700_000_000.0


class Bench:
    """An intake and what came out of it."""

    def __init__(self, make: Callable[..., Decoder] = decoder_for, **source: Any) -> None:
        settings = IngestSettings(
            sources=[SourceSettings(**({"topic": "metrics", "format": "native"} | source))],
            max_series=source.pop("max_series", 1000),
        )
        self.telemetry = Telemetry("ingest")
        self.rejected: list[tuple[int, str]] = []
        self.intake = Intake(settings, OutputTopic(4), self.telemetry, lambda: NOW_S, self.note, make)

    def note(self, message: Any, reason: str, _detail: str) -> None:
        self.rejected.append((message.offset(), reason))

    def samples(self) -> list[tuple[str, str, float]]:
        """Tenant, metric and value of everything that waits."""
        out = []
        for one in self.intake.take(()):
            batch = decode_batch(one.data or b"")
            out += [
                (batch.tenant, batch.series_at(at).metric, float(value))
                for at, value in zip(batch.series, batch.value, strict=True)
            ]
        return sorted(out)

    def counted(self, name: str, **labels: str) -> float:
        return self.telemetry.registry.get_sample_value(name, {"stage": "ingest", **labels}) or 0.0


def sample(metric: str, value: float = 1.0, at_s: float = NOW_S) -> bytes:
    return json.dumps({"metric": metric, "value": value, "timestamp": int(at_s * 1000)}).encode()


def test_good_records_between_bad_ones_are_kept(message: Any) -> None:
    bench = Bench()
    raw = [sample("a", 1.0), None, b"", b"\xff\xfe{", sample("b", 2.0), b"{}", sample("c", 3.0)]
    bench.intake.read("metrics", [message(one, at) for at, one in enumerate(raw)])
    assert bench.samples() == [("default", "a", 1.0), ("default", "b", 2.0), ("default", "c", 3.0)]
    assert sorted(at for at, _ in bench.rejected) == [1, 2, 3, 5]
    assert dict(bench.rejected)[1] == "tombstone"
    assert dict(bench.rejected)[2] == "empty"
    assert bench.counted("metrics_ai_rejected_total", source="metrics", reason="tombstone") == 1
    assert bench.counted("metrics_ai_records_total", topic="metrics") == 7
    assert bench.counted("metrics_ai_samples_total") == 3


def test_a_type_that_there_is_not_is_counted_and_its_sample_kept(message: Any) -> None:
    bench = Bench()
    odd = sample("a").replace(b"{", b'{"type": "guage", ', 1)
    bench.intake.read("metrics", [message(odd), message(sample("b"))])
    assert bench.counted("metrics_ai_noted_total", event="unknown_type") == 1
    assert [metric for _, metric, _ in bench.samples()] == ["a", "b"]


def test_samples_far_in_the_future_are_rejected(message: Any) -> None:
    bench = Bench()
    raw = [sample("a"), sample("b", at_s=NOW_S + 299), sample("c", at_s=NOW_S + 301)]
    bench.intake.read("metrics", [message(one, at) for at, one in enumerate(raw)])
    assert [metric for _, metric, _ in bench.samples()] == ["a", "b"]
    assert bench.rejected == [(2, "future_timestamp")]


def test_a_record_with_one_sample_in_the_future_keeps_the_others(message: Any) -> None:
    bench = Bench()
    both = [
        json.loads(sample("a")),
        json.loads(sample("b", at_s=NOW_S + 3000)),
        json.loads(sample("c", at_s=NOW_S + 3000)),
    ]
    bench.intake.read("metrics", [message(json.dumps(both).encode(), 8)])
    assert [metric for _, metric, _ in bench.samples()] == ["a"]
    assert bench.rejected == [(8, "future_timestamp")]


def test_the_tenant_comes_from_the_configured_header(message: Any) -> None:
    bench = Bench(tenant="house", tenant_header="x-tenant")
    messages = [
        message(sample("a"), 0, with_headers=[("x-tenant", b"acme")]),
        message(sample("b"), 1, with_headers=None),
        message(sample("c"), 2, with_headers=[("other", b"x"), ("x-tenant", b"acme")]),
        message(sample("d"), 3, with_headers=[("x-tenant", b"a/../b")]),
        message(sample("e"), 4, with_headers=[("x-tenant", b"\xff")]),
        message(sample("f"), 5, with_headers=[("x-tenant", b"acme\n")]),
    ]
    bench.intake.read("metrics", messages)
    assert bench.samples() == [("acme", "a", 1.0), ("acme", "c", 1.0), ("house", "b", 1.0)]
    assert bench.rejected == [(3, "bad_tenant"), (4, "bad_tenant"), (5, "bad_tenant")]


def test_a_header_that_is_not_configured_names_no_tenant(message: Any) -> None:
    bench = Bench(tenant="house")
    bench.intake.read("metrics", [message(sample("a"), 0, with_headers=[("tenant", b"evil")])])
    assert bench.samples() == [("house", "a", 1.0)]


def test_a_record_without_a_time_takes_its_own(message: Any) -> None:
    bench = Bench()
    bench.intake.read("metrics", [message(b'{"metric": "a", "value": 1}', 0, time_ms=int(NOW_S * 1000) - 5)])
    (one,) = bench.intake.take(())
    assert decode_batch(one.data or b"").timestamp_ms.tolist() == [int(NOW_S * 1000) - 5]


def test_names_that_churn_do_not_fill_the_memory(message: Any) -> None:
    bench = Bench()
    for wave in range(10):
        bench.intake.read("metrics", [message(sample(f"m{wave}_{number}"), number) for number in range(400)])
        assert len(bench.samples()) == 400
        assert bench.intake.series_count <= 1000


class Brittle:
    """A decoder that breaks at what holds ``b``."""

    name = "native"

    def decode(self, values: list[bytes], record_ms: list[int], table: SeriesTable) -> Decoded:
        if any(b'"b"' in one for one in values):
            raise ZeroDivisionError("a decoder's own fault")
        return decoder_for("native").decode(values, record_ms, table)


def test_a_decoder_that_breaks_costs_the_record_that_broke_it(message: Any, caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(make=lambda *_: Guarded(Brittle()))
    raw = [sample("a", 1.0), sample("b", 2.0), b"{", sample("c", 3.0), sample("b", 4.0)]
    bench.intake.read("metrics", [message(one, at) for at, one in enumerate(raw)])
    assert bench.samples() == [("default", "a", 1.0), ("default", "c", 3.0)]
    assert bench.rejected == [(1, "decoder_failed"), (2, "not_json"), (4, "decoder_failed")]
    assert bench.counted("metrics_ai_rejected_total", source="metrics", reason="decoder_failed") == 2
    assert [one.exc_info is not None for one in caplog.records] == [True]


def test_thousands_of_digits_stop_nobody(message: Any) -> None:
    bench = Bench(format="otlp")
    points = (
        b'{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m","gauge":{"dataPoints":[{"asInt":"%s"}]}}]}]}]}'
    )
    bench.intake.read("metrics", [message(points % one, at) for at, one in enumerate([b"1", b"9" * 5000, b"3"])])
    assert bench.samples() == [("default", "m", 1.0), ("default", "m", 3.0)]
    assert bench.rejected == [(1, "bad_value")]


def test_an_unknown_format_is_refused_at_once() -> None:
    source = SourceSettings.model_construct(topic="metrics", format="morse", time_unit="auto", store_rates=True)
    settings = IngestSettings.model_construct(**{**IngestSettings().__dict__, "sources": [source]})
    with pytest.raises(ConfigurationError, match="morse"):
        Intake(settings, OutputTopic(4), Telemetry("ingest"), lambda: NOW_S, lambda *_: None)

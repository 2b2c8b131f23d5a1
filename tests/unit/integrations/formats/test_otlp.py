"""OTLP metrics, protobuf and JSON."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from google.protobuf.json_format import Parse
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.metrics.v1 import metrics_pb2

from integrations.formats import Recogniser, SeriesTable, decoder_for
from integrations.formats.capture import sample_dicts

EXAMPLE = (
    b'{"resourceMetrics":[{"resource":{"attributes":[{"key":"host.name","value":{"stringValue":"h1"}}]},'
    b'"scopeMetrics":[{"scope":{"name":"hostmetrics"},"metrics":[{"name":"system.cpu.utilization","unit":"1",'
    b'"gauge":{"dataPoints":[{"attributes":[{"key":"cpu","value":{"stringValue":"cpu0"}}],'
    b'"timeUnixNano":"1719000000000000000","asDouble":0.42}]}}]}]}]}'
)
SECOND_NS = 1_719_000_000 * 10**9


def message(*metrics: dict[str, Any], resource: dict[str, Any] | None = None) -> bytes:
    outer = {"attributes": attributes(resource or {})}
    return json.dumps({"resourceMetrics": [{"resource": outer, "scopeMetrics": [{"metrics": metrics}]}]}).encode()


def attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": value} for key, value in values.items()]


def gauge(name: str = "m", **point: Any) -> dict[str, Any]:
    return {"name": name, "gauge": {"dataPoints": [{"timeUnixNano": str(SECOND_NS)} | point]}}


def protobuf(value: bytes) -> bytes:
    data: bytes = Parse(value, metrics_pb2.MetricsData()).SerializeToString()
    return data


def both(value: bytes) -> list[bytes]:
    return [value, protobuf(value)]


@pytest.mark.parametrize("value", both(EXAMPLE), ids=["json", "protobuf"])
def test_the_example_becomes_its_sample(tell, value: bytes) -> None:
    told = tell("otlp", value)
    assert told.samples == [
        {
            "metric": "system.cpu.utilization",
            "labels": {"host.name": "h1", "cpu": "cpu0"},
            "value": 0.42,
            "timestamp_ms": 1_719_000_000_000,
            "type": "gauge",
            "unit": "1",
        }
    ]


def test_a_resource_names_cluster_node_and_service() -> None:
    table = SeriesTable("default", Recogniser())
    names = {"k8s.cluster.name": "c1", "k8s.node.name": "n1", "k8s.namespace.name": "shop", "service.name": "web"}
    resource = {key: {"stringValue": value} for key, value in names.items()}
    for value in both(message(gauge(asInt="1"), resource=resource)):
        decoder_for("otlp").decode([value], [0], table)
    assert len(table) == 1
    assert dict(table[0].dims) == {"cluster": "c1", "node": "n1", "namespace": "shop", "service": "web"}


@pytest.mark.parametrize(
    ("temporality", "monotonic", "kind"),
    [(2, True, "counter"), (2, False, "gauge"), (1, True, "delta"), (1, False, "delta"), (0, True, "unknown")],
)
def test_a_sums_type_follows_its_temporality(tell, temporality: int, monotonic: bool, kind: str) -> None:
    points = [{"timeUnixNano": str(SECOND_NS), "asInt": "5"}]
    body = {"aggregationTemporality": temporality, "isMonotonic": monotonic, "dataPoints": points}
    for value in both(message({"name": "m", "sum": body})):
        assert [(one["type"], one["value"]) for one in tell("otlp", value).samples] == [(kind, 5.0)]


def test_an_enumeration_by_name_is_understood_in_json(tell) -> None:
    points = [{"timeUnixNano": SECOND_NS, "asInt": 5}]
    body = {"aggregationTemporality": "AGGREGATION_TEMPORALITY_DELTA", "isMonotonic": True, "dataPoints": points}
    assert tell("otlp", message({"name": "m", "sum": body})).samples[0]["type"] == "delta"


def test_integers_of_sixty_four_bits_are_exact_as_text_and_as_numbers(tell) -> None:
    time = 1_544_712_660_300_000_000
    for spelled in (time, str(time)):
        told = tell(
            "otlp", message(gauge(timeUnixNano=spelled, asInt=2**53 + 2 if spelled == time else str(2**53 + 2)))
        )
        assert [(one["timestamp_ms"], one["value"]) for one in told.samples] == [(time // 10**6, 2.0**53 + 2)]


def test_attributes_of_every_kind_become_text_and_the_points_win(tell) -> None:
    values = {
        "text": {"stringValue": "t"},
        "yes": {"boolValue": True},
        "n": {"intValue": "-3"},
        "share": {"doubleValue": 0.5},
        "list": {"arrayValue": {"values": [{"stringValue": "a"}, {"intValue": "1"}]}},
        "map": {"kvlistValue": {"values": [{"key": "k", "value": {"boolValue": False}}]}},
        "blob": {"bytesValue": "AAE="},
        "none": {},
        "both": {"stringValue": "point"},
    }
    expected = {
        "text": "t",
        "yes": "true",
        "n": "-3",
        "share": "0.5",
        "list": '["a",1]',
        "map": '{"k":false}',
        "blob": "AAE=",
        "both": "point",
    }
    resource = {"both": {"stringValue": "resource"}}
    for value in both(message(gauge(asDouble=1, attributes=attributes(values)), resource=resource)):
        assert [one["labels"] for one in tell("otlp", value).samples] == [expected]


def test_points_without_a_recorded_value_are_skipped_and_counted(tell) -> None:
    for value in both(message(gauge(flags=1), gauge(asDouble=1.5))):
        told = tell("otlp", value)
        assert (told.values, told.skipped, told.rejected) == ({"m": 1.5}, {"no_recorded_value": 1}, [])


def test_a_point_without_a_value_is_rejected_and_the_others_stay(tell) -> None:
    for value in both(message(gauge("bad"), gauge("good", asDouble=1.5))):
        told = tell("otlp", value)
        assert (told.values, told.rejected) == ({"good": 1.5}, [(0, "missing_value")])
        assert "bad" in told.details[0]


def test_a_point_without_a_time_takes_its_records(tell) -> None:
    for value in both(message(gauge(timeUnixNano="0", asDouble=1))):
        assert tell("otlp", value, record_ms=5).samples[0]["timestamp_ms"] == 5


def test_a_time_of_all_sixty_four_bits_is_one_of_the_year_2554(tell) -> None:
    for value in both(message(gauge(timeUnixNano=str(2**64 - 1), asDouble=1))):
        assert tell("otlp", value).samples[0]["timestamp_ms"] == (2**64 - 1) // 10**6


def test_a_time_that_is_none_is_rejected_and_the_others_stay(tell) -> None:
    told = tell("otlp", message(gauge("late", timeUnixNano="soon", asDouble=1), gauge(asDouble=2)))
    assert (told.values, told.rejected) == ({"m": 2.0}, [(0, "bad_timestamp")])
    assert tell("otlp", protobuf(message(gauge(timeUnixNano="0", asDouble=1))), record_ms=-1).rejected == [
        (0, "bad_timestamp")
    ]


def test_values_that_are_not_finite_are_skipped_and_counted(tell) -> None:
    for value in both(message(gauge(asDouble="NaN"), gauge(asDouble="-Infinity"), gauge(asDouble=1))):
        told = tell("otlp", value)
        assert (told.values, told.skipped, told.rejected) == ({"m": 1.0}, {"not_finite": 2}, [])


HISTOGRAM = {
    "count": "4",
    "sum": 3.5,
    "min": 0.1,
    "max": 2.0,
    "bucketCounts": ["1", "2", "1"],
    "explicitBounds": [0.5, 1.0],
    "timeUnixNano": str(SECOND_NS),
}
EXPONENTIAL = {
    "count": "6",
    "sum": 3.5,
    "scale": 3,
    "zeroCount": "1",
    "zeroThreshold": 0.01,
    "positive": {"offset": -2, "bucketCounts": ["1", "2"]},
    "negative": {"offset": 1, "bucketCounts": ["2"]},
    "timeUnixNano": str(SECOND_NS),
}
SUMMARY = {
    "count": "4",
    "sum": 3.5,
    "quantileValues": [{"quantile": 0.5, "value": 1.0}, {"quantile": 0.99, "value": 2.0}],
    "timeUnixNano": str(SECOND_NS),
}


def histogram(point: dict[str, Any], kind: str = "histogram", temporality: int = 2) -> dict[str, Any]:
    body: dict[str, Any] = {"dataPoints": [point]}
    if kind != "summary":
        body["aggregationTemporality"] = temporality
    return {"name": "h", "unit": "s", kind: body}


COMMON = {"metric": "h", "labels": {}, "timestamp_ms": SECOND_NS // 10**6, "unit": "s"}


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (
            histogram(HISTOGRAM),
            {"type": "counter", "min": 0.1, "max": 2.0, "bounds": [0.5, 1.0], "counts": [1, 2, 1], "count": 4},
        ),
        (
            histogram(HISTOGRAM, temporality=1),
            {"type": "delta", "min": 0.1, "max": 2.0, "bounds": [0.5, 1.0], "counts": [1, 2, 1], "count": 4},
        ),
        (
            histogram(EXPONENTIAL, "exponentialHistogram"),
            {
                "type": "counter",
                "count": 6,
                "scale": 3,
                "zero_count": 1,
                "zero_threshold": 0.01,
                "positive_offset": -2,
                "positive": [1, 2],
                "negative_offset": 1,
                "negative": [2],
            },
        ),
        (
            histogram(SUMMARY, "summary"),
            {"type": "counter", "count": 4, "quantiles": [0.5, 0.99], "quantile_values": [1.0, 2.0]},
        ),
    ],
)
def test_histograms_and_summaries_become_columns(tell, metric: dict[str, Any], expected: dict[str, Any]) -> None:
    for value in both(message(metric)):
        told = tell("otlp", value)
        assert told.samples == [COMMON | {"sum": 3.5} | expected]
        assert told.rejected == []


@pytest.mark.parametrize(
    "change",
    [
        {"bucketCounts": ["1", "2"]},
        {"bucketCounts": ["1", "2", "3"], "explicitBounds": [1.0]},
        {"explicitBounds": []},
        {"explicitBounds": [1.0, 0.5]},
        {"explicitBounds": ["NaN", 0.5]},
        {"count": "5"},
    ],
)
def test_a_malformed_histogram_is_rejected_and_its_message_goes_on(tell, change: dict[str, Any]) -> None:
    for value in both(message(histogram(HISTOGRAM | change), gauge(asDouble=1.5), histogram(HISTOGRAM))):
        told = tell("otlp", value)
        assert told.rejected == [(0, "malformed_histogram")]
        assert told.details[0].startswith("h: ")
        assert told.values == {"m": 1.5}
        assert len(told.decoded.histograms) == 1


def test_an_exponential_histograms_buckets_hold_what_its_count_says(tell) -> None:
    for value in both(message(histogram(EXPONENTIAL | {"count": "7"}, "exponentialHistogram"))):
        assert tell("otlp", value).rejected == [(0, "malformed_histogram")]


def test_null_is_absent_as_everywhere_in_protobufs_json(tell) -> None:
    nulls = {
        "asDouble": 1.5,
        "timeUnixNano": str(SECOND_NS),
        "flags": None,
        "attributes": None,
        "startTimeUnixNano": None,
    }
    metric = {"name": "m", "unit": None, "sum": None, "gauge": {"dataPoints": [nulls], "aggregationTemporality": None}}
    bare = {"name": "h", "unit": None} | {
        "histogram": {"dataPoints": [HISTOGRAM | {"flags": None}], "aggregationTemporality": 2}
    }
    told = tell("otlp", message(metric, bare))
    assert (told.values, told.rejected) == ({"m": 1.5}, [])
    assert [one["unit"] for one in told.samples] == ["", ""]


def test_the_specifications_own_example_is_rejected_only_where_it_is_malformed(tell) -> None:
    """opentelemetry-proto's examples/metrics.json: times as numbers, three counts for one bound."""
    broken = HISTOGRAM | {"timeUnixNano": SECOND_NS, "count": 2, "bucketCounts": [1, 1, 0], "explicitBounds": [1]}
    told = tell("otlp", message(gauge(timeUnixNano=SECOND_NS, asDouble=10), histogram(broken)))
    assert (told.values, told.rejected) == ({"m": 10.0}, [(0, "malformed_histogram")])


def test_a_histogram_without_buckets_keeps_its_count_and_sum(tell) -> None:
    bare = {"count": "4", "sum": 3.5, "timeUnixNano": str(SECOND_NS)}
    for value in both(message(histogram(bare))):
        assert tell("otlp", value).samples == [
            COMMON | {"type": "counter", "count": 4, "sum": 3.5, "bounds": [], "counts": []}
        ]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "empty"),
        (b"{}", "no_metrics"),
        (b"[]x", "not_json"),
        (b"[1]", "not_an_object"),
        (b'{"resourceMetrics":', "not_json"),
        (b'{"resourceMetrics":[1]}', "not_an_object"),
        (b'{"resourceMetrics":[{"scopeMetrics":3}]}', "bad_value"),
        (EXAMPLE.replace(b'"attributes":[{"key":"host', b'"attributes":{},"x":[{"key":"host'), "bad_labels"),
        (EXAMPLE.replace(b'"attributes":[{"key":"cpu"', b'"attributes":3,"x":[{"key":"cpu"'), "bad_labels"),
        (EXAMPLE.replace(b'"key":"cpu"', b'"key":7'), "bad_labels"),
        (b'{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":3,"gauge":{}}]}]}]}', "missing_metric"),
        (b'{"resourceSpans":[]}', "no_metrics"),
        (b"\x12\x00", "no_metrics"),
        (b"\x0a\xff", "not_protobuf"),
        (b"\x0a\x05abc", "not_protobuf"),
        (b"\xff" * 30, "not_protobuf"),
        (b"null", "not_protobuf"),
    ],
)
def test_what_is_no_otlp_is_rejected_with_its_reason(tell, value: bytes, reason: str) -> None:
    told = tell("otlp", protobuf(EXAMPLE), value, EXAMPLE)
    assert told.rejected == [(1, reason)]
    assert len(told.samples) == 2


def test_a_truncated_protobuf_is_rejected_as_a_whole(tell) -> None:
    whole = protobuf(message(gauge(asDouble=1), gauge("n", asDouble=2)))
    for cut in range(1, len(whole)):
        told = tell("otlp", whole[:cut])
        assert (told.samples, told.rejected) == ([], [(0, "not_protobuf")])


def test_attributes_that_are_not_utf8_are_rejected_and_the_others_stay(tell) -> None:
    value = protobuf(
        message(gauge(asDouble=1, attributes=attributes({"k": {"stringValue": "XXXX"}})), gauge(asInt="2"))
    )
    told = tell("otlp", value.replace(b"XXXX", b"\xff\xfe\xfd\xfc"))
    assert (told.values, told.rejected) == ({"m": 2.0}, [(0, "bad_labels")])


def test_many_tiny_points_are_more_than_any_real_message_holds_and_still_counted(tell) -> None:
    points = 50_000

    def chunk(field: int, body: bytes) -> bytes:
        size, out = len(body), b""
        while size >= 0x80:
            out, size = out + bytes([size & 0x7F | 0x80]), size >> 7
        return bytes([field << 3 | 2]) + out + bytes([size]) + body

    metric = chunk(1, b"m") + chunk(5, b"\x0a\x00" * points)
    told = tell("otlp", chunk(1, chunk(2, chunk(2, metric))))
    assert told.rejected == [(0, "missing_value")]
    assert told.details == [f"m (and {points - 1} more)"]


FLOATS = st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(codec="utf-8"), max_size=5)
POINTS = st.fixed_dictionaries(
    {
        "timeUnixNano": st.integers(1, 2**62).map(str),
        "attributes": st.dictionaries(TEXT, TEXT.map(lambda one: {"stringValue": one}), max_size=3).map(attributes),
    },
    optional={"asDouble": FLOATS},
)
METRICS = st.lists(
    st.tuples(
        TEXT, TEXT, st.sampled_from(["gauge", "sum"]), st.integers(0, 2), st.booleans(), st.lists(POINTS, max_size=3)
    ),
    max_size=4,
)


@given(METRICS)
def test_protobuf_and_json_hold_the_same(metrics: list[tuple[str, str, str, int, bool, list[dict[str, Any]]]]) -> None:
    bodies = []
    for name, unit, kind, temporality, monotonic, points in metrics:
        about = {"aggregationTemporality": temporality, "isMonotonic": monotonic} if kind == "sum" else {}
        bodies.append({"name": name, "unit": unit, kind: about | {"dataPoints": points}})
    told = []
    for value in both(message(*bodies)):
        table = SeriesTable("default", Recogniser())
        decoded = decoder_for("otlp").decode([value], [0], table)
        told.append((list(sample_dicts(decoded, table)), [one.reason for one in decoded.rejections]))
    assert told[0] == told[1]
    assert all(math.isfinite(one["value"]) for one in told[0][0])

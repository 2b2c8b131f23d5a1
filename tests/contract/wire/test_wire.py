"""Every captured record becomes exactly the samples it holds, against a second reading by other means."""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.metrics.v1 import metrics_pb2

from integrations.formats import Decoded, FormatOptions, Recogniser, SeriesTable, decoder_for

WIRE = Path(__file__).resolve().parents[3] / "../shared/data/wire"

pytestmark = pytest.mark.skipif(not WIRE.is_dir(), reason="../shared/data/wire is absent")


class Sample(NamedTuple):
    """One sample, as both readings say it."""

    metric: str
    labels: tuple[tuple[str, str], ...]
    time_ms: int
    value: object
    type: str = ""
    unit: str = ""


Reading = tuple[list[list[Sample]], Counter[str]]


def records(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (WIRE / f"{name}.jsonl").read_text().splitlines()]


def payloads(name: str) -> list[bytes]:
    return [base64.b64decode(record["value_base64"]) for record in records(name)]


def sample(metric: str, labels: dict[str, str], time_ms: int, value: object, kind: str = "", unit: str = "") -> Sample:
    return Sample(metric, tuple(sorted(labels.items())), time_ms, value, kind, unit)


def first_reading(name: str, form: str, **options: Any) -> tuple[Decoded, list[list[Sample]]]:
    table = SeriesTable("default", Recogniser())
    captured = records(name)
    decoder = decoder_for(form, FormatOptions(**options))
    decoded = decoder.decode(payloads(name), [one["timestamp_ms"] for one in captured], table)
    found: list[list[Sample]] = [[] for _ in captured]
    for dense, at_ms, value, record in zip(
        decoded.series.tolist(),
        decoded.timestamp_ms.tolist(),
        decoded.value.tolist(),
        decoded.record.tolist(),
        strict=True,
    ):
        s = table[dense]
        found[record].append(sample(s.metric, dict(s.labels), at_ms, value, s.type, s.unit))
    for one in decoded.histograms:
        s = table[one.series]
        columns = dict(one.point.columns())
        found[one.record].append(sample(s.metric, dict(s.labels), one.timestamp_ms, columns, s.type, s.unit))
    return decoded, found


def ordered(samples: list[Sample]) -> list[Sample]:
    return sorted(samples, key=lambda one: (one.metric, one.labels, one.time_ms, repr(one.value)))


# What Telegraf's documentation says accumulates, of the inputs captured here.
TELEGRAF_COUNTERS = {
    *(f"net_{one}_{way}" for one in ("bytes", "packets") for way in ("sent", "recv")),
    *(f"net_{one}_{way}" for one in ("err", "drop") for way in ("in", "out")),
    *(f"diskio_{one}" for one in ("reads", "writes", "read_bytes", "write_bytes", "read_time", "write_time")),
    *(
        f"cpu_time_{one}"
        for one in "user system idle nice iowait irq softirq steal guest guest_nice".split()  # noqa: SIM905
    ),
    *("diskio_io_time", "diskio_weighted_io_time", "diskio_merged_reads", "diskio_merged_writes"),
}


def telegraf_type(metric: str) -> str:
    return "counter" if metric in TELEGRAF_COUNTERS else "gauge"


def read_telegraf_json(name: str, per_second: int) -> Reading:
    skipped: Counter[str] = Counter()
    found = []
    for payload in payloads(name):
        body = json.loads(payload)
        samples = []
        for field, value in body["fields"].items():
            if isinstance(value, str):
                skipped["string_field"] += 1
                continue
            metric = f"{body['name']}_{field}"
            time_ms = body["timestamp"] * 1000 // per_second
            samples.append(sample(metric, body["tags"], time_ms, float(value), telegraf_type(metric)))
        found.append(samples)
    return found, skipped


def read_influx(name: str) -> Reading:
    """Character by character."""
    skipped: Counter[str] = Counter()
    found = []
    for payload in payloads(name):
        samples = []
        for line in payload.decode().splitlines():
            words, quoted = [""], False
            for before, char in zip(" " + line, line, strict=False):
                if char == '"' and before != "\\":
                    quoted = not quoted
                if char == " " and not quoted and before != "\\":
                    words.append("")
                else:
                    words[-1] += char
            head, fields, time = words
            measurement, *tags = head.split(",")
            labels = dict(tag.split("=", 1) for tag in tags)
            for key, value in re.findall(r'([^=,]+)=("[^"]*"|[^,]+)', fields):
                if value.startswith('"'):
                    skipped["string_field"] += 1
                    continue
                number = float(value.removesuffix("i").removesuffix("u"))
                metric = f"{measurement}_{key}"
                samples.append(sample(metric, labels, int(time) // 10**6, number, telegraf_type(metric)))
        found.append(samples)
    return found, skipped


def unsnappy(data: bytes) -> bytes:
    """Snappy's block format, after its format description."""
    size, at = uvarint(data, 0)
    out = bytearray()
    while at < len(data):
        tag = data[at]
        at += 1
        if tag & 3 == 0:
            length = tag >> 2
            if length >= 60:
                extra = length - 59
                length = int.from_bytes(data[at : at + extra], "little")
                at += extra
            out += data[at : at + length + 1]
            at += length + 1
            continue
        if tag & 3 == 1:
            length, offset = 4 + (tag >> 2 & 7), tag >> 5 << 8 | data[at]
            at += 1
        else:
            wide = 2 if tag & 3 == 2 else 4
            length, offset = 1 + (tag >> 2), int.from_bytes(data[at : at + wide], "little")
            at += wide
        for _ in range(length):
            out.append(out[-offset])
    assert len(out) == size
    return bytes(out)


def uvarint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        number |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return number, at


def fields_of(data: bytes) -> Iterator[tuple[int, Any]]:
    at = 0
    while at < len(data):
        tag, at = uvarint(data, at)
        if tag & 7 == 0:
            value, at = uvarint(data, at)
            yield tag >> 3, value
        elif tag & 7 == 1:
            yield tag >> 3, data[at : at + 8]
            at += 8
        else:
            assert tag & 7 == 2
            length, at = uvarint(data, at)
            yield tag >> 3, data[at : at + length]
            at += length


def read_remote_write(name: str) -> Reading:
    import struct

    found = []
    skipped: Counter[str] = Counter()
    for payload in payloads(name):
        samples = []
        request = unsnappy(payload)
        skipped["empty_request"] += not request
        for number, series in fields_of(request):
            assert number == 1
            parts = list(fields_of(series))
            labels = {}
            for part in (dict(fields_of(body)) for number, body in parts if number == 1):
                labels[part[1].decode()] = part.get(2, b"").decode()
            metric = labels.pop("__name__")
            kind = "counter" if re.search("_(total|count|sum|bucket)$", metric) else "gauge"
            for held in (dict(fields_of(body)) for number, body in parts if number == 2):
                value = struct.unpack("<d", held.get(1, bytes(8)))[0]
                samples.append(sample(metric, labels, held.get(2, 0), value, kind))
        found.append(samples)
    return found, +skipped


def read_collectd(name: str, *, rates: bool = True) -> Reading:
    skipped: Counter[str] = Counter()
    found = []
    for payload in payloads(name):
        samples = []
        for one in json.loads(payload):
            labels = {key: one[key] for key in ("host", "plugin_instance", "type_instance") if one[key]}
            for source, kind, value in zip(one["dsnames"], one["dstypes"], one["values"], strict=True):
                metric = "_".join([one["plugin"], one["type"]] + [source] * (source != "value"))
                raw = {"derive": "counter", "counter": "counter", "absolute": "delta"}.get(kind, "gauge")
                if value is None:
                    skipped["null_value"] += 1
                else:
                    time_ms = round(one["time"] * 1000)
                    samples.append(sample(metric, labels, time_ms, float(value), "gauge" if rates else raw))
        found.append(samples)
    return found, skipped


def attributes(pairs: list[dict[str, Any]]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        ((kind, value),) = pair["value"].items()
        assert kind in {"stringValue", "intValue", "boolValue"}, kind
        found[pair["key"]] = str(value).lower() if kind == "boolValue" else str(value)
    return found


def otlp_type(shape: str, data: dict[str, Any]) -> str:
    temporality = str(data.get("aggregationTemporality", ""))
    if shape == "gauge":
        return "gauge"
    if temporality in {"1", "AGGREGATION_TEMPORALITY_DELTA"}:
        return "delta"
    assert temporality in {"2", "AGGREGATION_TEMPORALITY_CUMULATIVE"}
    return "gauge" if shape == "sum" and not data.get("isMonotonic") else "counter"


def otlp_histogram(point: dict[str, Any]) -> dict[str, Any]:
    columns: dict[str, Any] = {"count": int(point.get("count", 0))}
    columns |= {key: float(point[key]) for key in ("sum", "min", "max") if key in point}
    if "scale" in point or "zeroCount" in point or "positive" in point:
        sides = [point.get("positive", {}), point.get("negative", {})]
        return columns | {
            "scale": point.get("scale", 0),
            "zero_count": int(point.get("zeroCount", 0)),
            "zero_threshold": float(point.get("zeroThreshold", 0)),
            "positive_offset": sides[0].get("offset", 0),
            "positive": [int(one) for one in sides[0].get("bucketCounts", [])],
            "negative_offset": sides[1].get("offset", 0),
            "negative": [int(one) for one in sides[1].get("bucketCounts", [])],
        }
    counts = [int(one) for one in point.get("bucketCounts", [])]
    return columns | {"bounds": [float(one) for one in point.get("explicitBounds", [])], "counts": counts}


def read_otlp(bodies: list[dict[str, Any]]) -> Reading:
    found = []
    for body in bodies:
        samples = []
        for resource in body["resourceMetrics"]:
            outer = attributes(resource.get("resource", {}).get("attributes", []))
            for metric in (one for scope in resource["scopeMetrics"] for one in scope["metrics"]):
                (shape,) = metric.keys() & {"gauge", "sum", "histogram", "exponentialHistogram", "summary"}
                kind = otlp_type(shape, metric[shape])
                for point in metric[shape]["dataPoints"]:
                    value: object
                    if shape in {"gauge", "sum"}:
                        value = float(point["asDouble"] if "asDouble" in point else int(point["asInt"]))
                    else:
                        value = otlp_histogram(point)
                    labels = outer | attributes(point.get("attributes", []))
                    at_ms = int(point["timeUnixNano"]) // 10**6
                    samples.append(sample(metric["name"], labels, at_ms, value, kind, metric.get("unit", "")))
        found.append(samples)
    return found, Counter()


def read_otlp_json(name: str) -> Reading:
    return read_otlp([json.loads(payload) for payload in payloads(name)])


def read_otlp_proto(name: str) -> Reading:
    return read_otlp([MessageToDict(metrics_pb2.MetricsData.FromString(payload)) for payload in payloads(name)])


SECOND: dict[str, tuple[str, dict[str, Any], Callable[[], Reading], int]] = {
    "telegraf_json": ("telegraf_json", {}, lambda: read_telegraf_json("telegraf_json", 1), 1158),
    "telegraf_json_ns": ("telegraf_json", {}, lambda: read_telegraf_json("telegraf_json_ns", 10**9), 1158),
    "telegraf_json_ms": ("telegraf_json", {}, lambda: read_telegraf_json("telegraf_json_ms", 1000), 1158),
    "telegraf_influx": ("telegraf_influx", {}, lambda: read_influx("telegraf_influx"), 1158),
    "telegraf_remote_write": (
        "prometheus_remote_write",
        {},
        lambda: read_remote_write("telegraf_remote_write"),
        1158,
    ),
    "otlp_json": ("otlp", {}, lambda: read_otlp_json("otlp_json"), 1439),
    "otlp_proto": ("otlp", {}, lambda: read_otlp_proto("otlp_proto"), 1439),
    "collectd": ("collectd", {}, lambda: read_collectd("collectd"), 105),
}


@pytest.mark.parametrize("name", SECOND)
def test_every_captured_record_becomes_exactly_the_samples_it_holds(name: str) -> None:
    form, options, second_reading, count = SECOND[name]
    decoded, found = first_reading(name, form, **options)
    expected, skipped = second_reading()
    assert decoded.rejections == []
    assert decoded.skipped == skipped
    assert sum(map(len, expected)) == count
    for record, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
        assert ordered(ours) == ordered(theirs), f"record {record}"


def test_the_order_of_samples_inside_a_record_is_the_producers() -> None:
    _, found = first_reading("telegraf_json", "telegraf_json")
    assert found == read_telegraf_json("telegraf_json", 1)[0]


@pytest.mark.parametrize(("name", "unit"), [("telegraf_json_ns", "ns"), ("telegraf_json_ms", "ms")])
def test_telegrafs_times_agree_in_every_unit_inferred_or_set(name: str, unit: str) -> None:
    _, seconds = first_reading("telegraf_json", "telegraf_json")
    assert first_reading(name, "telegraf_json")[1] == seconds
    assert first_reading(name, "telegraf_json", time_unit=unit)[1] == seconds


def test_telegrafs_json_and_line_protocol_hold_the_same() -> None:
    _, as_json = first_reading("telegraf_json", "telegraf_json")
    _, as_lines = first_reading("telegraf_influx", "telegraf_influx")
    assert [ordered(one) for one in as_json] == [ordered(one) for one in as_lines]


def test_otlp_holds_the_same_in_protobuf_and_in_json() -> None:
    _, as_json = first_reading("otlp_json", "otlp")
    _, as_protobuf = first_reading("otlp_proto", "otlp")
    every_json = ordered([one for record in as_json for one in record])
    assert every_json == ordered([one for record in as_protobuf for one in record])


def test_collectds_derives_are_counters_where_rates_are_not_stored() -> None:
    _, found = first_reading("collectd", "collectd", store_rates=False)
    expected, _ = read_collectd("collectd", rates=False)
    assert [ordered(one) for one in found] == [ordered(one) for one in expected]
    assert {one.type for record in found for one in record} == {"gauge", "counter"}


@pytest.mark.parametrize("name", SECOND)
def test_captures_cut_into_single_records_become_the_same(name: str) -> None:
    form, options, _, _ = SECOND[name]
    _, whole = first_reading(name, form, **options)
    table, decoder = SeriesTable("default", Recogniser()), decoder_for(form, FormatOptions(**options))
    for at, (payload, record) in enumerate(zip(payloads(name), records(name), strict=True)):
        one = decoder.decode([payload], [record["timestamp_ms"]], table)
        values = sorted(one.value.tolist())
        assert values == sorted(s.value for s in whole[at] if isinstance(s.value, float))
        assert len(one.histograms) == sum(isinstance(s.value, dict) for s in whole[at])

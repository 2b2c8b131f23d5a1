"""Prometheus' two ways, collectd, Vector, Metricbeat and Fluent Bit."""

from __future__ import annotations

import json
import struct
from typing import Any

import cramjam
import pytest

from integrations.formats import Recogniser, SeriesTable, decoder_for

ADAPTER = (
    b'{"timestamp":"2026-11-23T15:00:00Z","value":"0.42","name":"node_load1",'
    b'"labels":{"__name__":"node_load1","instance":"h1:9100","job":"node"}}'
)
COLLECTD = (
    b'[{"values":[197141504,175136768],"dstypes":["derive","derive"],"dsnames":["read","write"],'
    b'"time":1251533299.265,"interval":10.0,"host":"h1","plugin":"disk","plugin_instance":"sda",'
    b'"type":"disk_octets","type_instance":""}]'
)
VECTOR = (
    b'{"name":"foos","namespace":"vector","tags":{"k":"v"},"timestamp":"2018-11-14T08:09:10.000000011Z",'
    b'"kind":"incremental","counter":{"value":100.0}}'
)
METRICBEAT = (
    b'{"@timestamp":"2017-10-12T08:05:34.853Z","event":{"dataset":"system.cpu","duration":115000},'
    b'"metricset":{"name":"cpu","period":10000},"host":{"name":"h1","os":{"kernel":"6.1"}},'
    b'"system":{"cpu":{"cores":4,"user":{"pct":0.4}}}}'
)
FLUENT_BIT = b'{"@timestamp":1700000000.123456,"cpu_p":1.5,"user_p":1.0}'


def test_the_adapters_example_becomes_its_sample(tell) -> None:
    assert tell("prometheus_json", ADAPTER).samples == [
        {
            "metric": "node_load1",
            "labels": {"instance": "h1:9100", "job": "node"},
            "value": 0.42,
            "timestamp_ms": 1_795_446_000_000,
            "type": "gauge",
            "unit": "",
        }
    ]


def test_the_adapters_special_values_are_skipped_and_names_tell_counters(tell) -> None:
    special = [ADAPTER.replace(b"0.42", one) for one in (b"NaN", b"+Inf", b"-Inf", b"1e3")]
    told = tell("prometheus_json", *special)
    assert (told.values, told.skipped, told.rejected) == ({"node_load1": 1000.0}, {"not_finite": 3}, [])
    counters = [ADAPTER.replace(b'"node_load1","labels', b'"x%b","labels' % one) for one in (b"_total", b"_sum", b"")]
    assert [one["type"] for one in tell("prometheus_json", *counters).samples] == ["counter", "counter", "gauge"]


@pytest.mark.parametrize("value", [b"0_42", b"", b"x"])
def test_an_adapters_value_that_is_no_number_is_rejected(tell, value: bytes) -> None:
    assert tell("prometheus_json", ADAPTER.replace(b"0.42", value)).rejected == [(0, "bad_value")]


def test_an_adapters_name_may_stand_in_its_labels(tell) -> None:
    assert tell("prometheus_json", b'{"value":"1","labels":{"__name__":"up"}}').values == {"up": 1.0}
    assert tell("prometheus_json", b'{"value":"1","labels":{}}').rejected == [(0, "missing_metric")]


def varint(number: int) -> bytes:
    out = b""
    number &= 2**64 - 1
    while number >= 0x80:
        out, number = out + bytes([number & 0x7F | 0x80]), number >> 7
    return out + bytes([number])


def chunk(field: int, body: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(body)) + body


def series(labels: dict[str, str], *samples: tuple[float | bytes, int], extra: bytes = b"") -> bytes:
    body = b"".join(chunk(1, chunk(1, k.encode()) + chunk(2, v.encode())) for k, v in labels.items())
    for value, time in samples:
        bits = value if isinstance(value, bytes) else struct.pack("<d", value)
        body += chunk(2, b"\x09" + bits + b"\x10" + varint(time))
    return chunk(1, body + extra)


def snappy(request: bytes) -> bytes:
    return bytes(cramjam.snappy.compress_raw(request))


UP = {"__name__": "up", "instance": "h1:9100"}


def test_remote_write_becomes_its_samples(tell) -> None:
    many = series(UP, (1.0, 1000), (0.0, 2000)) + series({"__name__": "hits_total"}, (5.0, 1000))
    told = tell("prometheus_remote_write", snappy(many))
    assert [(one["metric"], one["value"], one["timestamp_ms"], one["type"]) for one in told.samples] == [
        ("up", 1.0, 1000, "gauge"),
        ("up", 0.0, 2000, "gauge"),
        ("hits_total", 5.0, 1000, "counter"),
    ]
    assert told.samples[0]["labels"] == {"instance": "h1:9100"}


def test_remote_writes_stale_markers_and_native_histograms_are_counted(tell) -> None:
    stale = struct.pack("<Q", 0x7FF0000000000002)
    nan = struct.pack("<Q", 0x7FF8000000000001)
    request = series(UP, (stale, 1000), (nan, 2000), (1.0, 3000), extra=chunk(4, b"\x08\x01"))
    told = tell("prometheus_remote_write", snappy(request))
    assert told.values == {"up": 1.0}
    assert told.skipped == {"stale": 1, "not_finite": 1, "native_histogram": 1}
    assert told.rejected == []


def test_a_request_for_nothing_and_one_of_metadata_are_no_errors(tell) -> None:
    told = tell("prometheus_remote_write", snappy(b""), snappy(chunk(3, b"\x08\x01")))
    assert (told.samples, told.rejected, told.skipped) == ([], [], {"empty_request": 1})


def family(name: str, kind: int) -> bytes:
    return chunk(3, (b"\x08" + varint(kind) if kind else b"") + chunk(2, name.encode()) + chunk(4, b"help"))


def test_remote_writes_metadata_say_what_names_do_not() -> None:
    table, decoder = SeriesTable("default", Recogniser()), decoder_for("prometheus_remote_write")
    names = ["queue_count", "ticks", "rpc_count", "rpc", "jobs_total", "x_bucket", "untold_sum"]
    request = snappy(b"".join(series({"__name__": name}, (1.0, 1000)) for name in names))
    kinds = {"queue_count": 2, "ticks": 1, "rpc": 5, "jobs": 1, "x": 4, "untold": 0}
    metadata = snappy(b"".join(family(name, kind) for name, kind in kinds.items()))

    def types(*requests: bytes) -> list[str]:
        decoded = decoder.decode(requests, [0] * len(requests), table)
        assert decoded.rejections == []
        return [table[dense].type[0] for dense in decoded.series.tolist()]

    assert "".join(types(request)) == "cgcgccc"
    assert types(metadata) == []
    assert "".join(types(request)) == "gccgcgc"
    assert "".join(types(snappy(family("queue_count", 1)), request)) == "gccgcgc"


def test_broken_metadata_cost_no_sample(tell) -> None:
    request = series(UP, (1.0, 1000)) + chunk(3, b"\x12\x02\xff\xfe") + chunk(3, b"\x12\x7f") + chunk(3, b"")
    told = tell("prometheus_remote_write", snappy(request))
    assert (told.values, told.rejected) == ({"up": 1.0}, [])


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "empty"),
        (b"hello", "not_snappy"),
        (varint(2**31) + b"abc", "too_large"),
        (snappy(b"\xff\xff"), "not_protobuf"),
        (snappy(series(UP, (1.0, 1000))[:-1]), "not_protobuf"),
        (snappy(b"\x10\x01"), "no_metrics"),
        (snappy(chunk(4, b"up") + chunk(5, b"")), "remote_write_2"),
        (snappy(series({"job": "x"}, (1.0, 1000))), "bad_labels"),
        (snappy(series({"__name__": "up"}, (1.0, -1))), "bad_timestamp"),
        (snappy(series({"__name__": "XX"}, (1.0, 1)).replace(b"XX", b"\xff\xfe")), "bad_labels"),
    ],
)
def test_what_is_no_remote_write_is_rejected_with_its_reason(tell, value: bytes, reason: str) -> None:
    good = snappy(series(UP, (1.0, 1000)))
    told = tell("prometheus_remote_write", good, value, good)
    assert told.rejected == [(1, reason)]
    assert len(told.samples) == 2


def test_collectds_example_becomes_a_sample_a_data_source(tell) -> None:
    told = tell("collectd", COLLECTD)
    assert [(one["metric"], one["value"], one["type"]) for one in told.samples] == [
        ("disk_disk_octets_read", 197141504.0, "gauge"),
        ("disk_disk_octets_write", 175136768.0, "gauge"),
    ]
    assert {(one["timestamp_ms"], *one["labels"].items()) for one in told.samples} == {
        (1_251_533_299_265, ("host", "h1"), ("plugin_instance", "sda"))
    }


def test_collectds_raw_counters_are_counters_and_absolutes_deltas(tell) -> None:
    types = [b"derive", b"counter", b"absolute", b"gauge"]
    values = [COLLECTD.replace(b"derive", one) for one in types]
    told = tell("collectd", *values, store_rates=False)
    assert [one["type"] for one in told.samples][::2] == ["counter", "counter", "delta", "gauge"]


def test_collectds_nulls_are_skipped_and_counted(tell) -> None:
    told = tell("collectd", COLLECTD.replace(b"197141504", b"null"))
    assert (list(told.values), told.skipped, told.rejected) == (["disk_disk_octets_write"], {"null_value": 1}, [])


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b'"read",', b"", "bad_value"),
        (b"[197141504,175136768]", b"5", "missing_value"),
        (b"197141504", b'"x"', "bad_value"),
        (b'"disk",', b"null,", "missing_metric"),
        (b"1251533299.265", b'"x"', "bad_timestamp"),
    ],
)
def test_a_broken_value_list_is_rejected_and_its_neighbours_stay(tell, old: bytes, new: bytes, reason: str) -> None:
    both = b"[" + COLLECTD[1:-1].replace(old, new) + b"," + COLLECTD[1:]
    told = tell("collectd", both)
    assert told.rejected == [(0, reason)]
    assert told.values["disk_disk_octets_write"] == 175136768.0


def test_vectors_example_is_a_delta(tell) -> None:
    assert tell("vector", VECTOR).samples == [
        {
            "metric": "vector_foos",
            "labels": {"k": "v"},
            "value": 100.0,
            "timestamp_ms": 1_542_182_950_000,
            "type": "delta",
            "unit": "",
        }
    ]


def vector(kind: str = "absolute", **value: Any) -> bytes:
    return json.dumps({"name": "m", "tags": {}, "timestamp": "2018-11-14T08:09:10Z", "kind": kind} | value).encode()


@pytest.mark.parametrize(
    ("value", "number", "absolute"),
    [
        ({"counter": {"value": 2.5}}, 2.5, "counter"),
        ({"gauge": {"value": -1}}, -1.0, "gauge"),
        ({"set": {"values": ["a", "b", "c"]}}, 3.0, "gauge"),
    ],
)
def test_vectors_numbers_are_what_their_kind_says(tell, value: dict[str, Any], number: float, absolute: str) -> None:
    told = tell("vector", vector(**value), vector("incremental", **value))
    assert [(one["value"], one["type"]) for one in told.samples] == [(number, absolute), (number, "delta")]


@pytest.mark.parametrize(
    ("value", "columns"),
    [
        (
            {
                "distribution": {
                    "samples": [{"value": 3.0, "rate": 1}, {"value": 1.0, "rate": 2}, {"value": 3.0, "rate": 4}],
                    "statistic": "histogram",
                }
            },
            {"count": 7, "sum": 17.0, "min": 1.0, "max": 3.0, "bounds": [1.0, 3.0], "counts": [2, 5, 0]},
        ),
        (
            {
                "aggregated_histogram": {
                    "buckets": [{"upper_limit": 1.0, "count": 2}, {"upper_limit": 2.0, "count": 3}],
                    "count": 6,
                    "sum": 9.5,
                }
            },
            {"count": 6, "sum": 9.5, "bounds": [1.0, 2.0], "counts": [2, 3, 1]},
        ),
        (
            {
                "aggregated_histogram": {
                    "buckets": [{"upper_limit": 1.0, "count": 2}, {"upper_limit": None, "count": 3}],
                    "count": 5,
                    "sum": 9.5,
                }
            },
            {"count": 5, "sum": 9.5, "bounds": [1.0], "counts": [2, 3]},
        ),
        (
            {"aggregated_summary": {"quantiles": [{"quantile": 0.5, "value": 1.5}], "count": 5, "sum": 9.5}},
            {"count": 5, "sum": 9.5, "quantiles": [0.5], "quantile_values": [1.5]},
        ),
    ],
)
def test_vectors_distributions_become_histograms(tell, value: dict[str, Any], columns: dict[str, Any]) -> None:
    told = tell("vector", vector(**value), vector("incremental", **value))
    assert told.rejected == []
    about = {"metric": "m", "labels": {}, "timestamp_ms": 1_542_182_950_000, "unit": ""}
    assert told.samples == [about | columns | {"type": kind} for kind in ("counter", "delta")]


def test_vectors_tags_of_several_values_keep_the_last_and_sketches_are_counted(tell) -> None:
    told = tell("vector", vector(tags={"a": ["x", "y"], "b": None, "c": [None]}, gauge={"value": 1}), vector(sketch={}))
    assert [one["labels"] for one in told.samples] == [{"a": "y"}]
    assert (told.skipped, told.rejected) == ({"sketch": 1}, [])


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (vector(), "missing_value"),
        (vector(gauge=3), "bad_value"),
        (vector(gauge={"value": "x"}), "bad_value"),
        (vector(gauge={}), "missing_value"),
        (vector("sometimes", gauge={"value": 1}), "bad_type"),
        (vector(gauge={"value": 1}, tags={"a": 1}), "bad_labels"),
        (vector(gauge={"value": 1}, name=""), "missing_metric"),
        (vector(aggregated_histogram={"buckets": [1], "count": 1, "sum": 1}), "malformed_histogram"),
        (vector(aggregated_histogram={"buckets": [], "count": 1.5, "sum": 1}), "malformed_histogram"),
        (vector(aggregated_summary={"quantiles": [{"quantile": 2, "value": 1}], "count": 1}), "malformed_histogram"),
        (vector(distribution={"samples": [{"value": 1, "rate": -1}]}), "malformed_histogram"),
        (vector(set={"values": {}}), "bad_value"),
    ],
)
def test_a_broken_vector_event_is_rejected_and_its_neighbours_stay(tell, value: bytes, reason: str) -> None:
    told = tell("vector", b"[" + VECTOR + b"," + value + b"]")
    assert told.rejected == [(0, reason)]
    assert told.values == {"vector_foos": 100.0}


def test_metricbeats_nested_numbers_become_dotted_names(tell) -> None:
    told = tell("metricbeat", METRICBEAT)
    assert told.values == {"system.cpu.cores": 4.0, "system.cpu.user.pct": 0.4}
    assert {one["timestamp_ms"] for one in told.samples} == {1_507_795_534_853}
    assert all(one["labels"] == {"host.name": "h1"} for one in told.samples)
    assert (told.rejected, told.skipped) == ([], {"string_field": 1})


def test_metricbeats_text_tells_rows_apart_and_known_totals_are_counters(tell) -> None:
    body = {
        "@timestamp": "2017-10-12T08:05:34.853Z",
        "system": {"network": {"name": "eth0", "in": {"bytes": 5}, "up": True, "addresses": ["x"], "note": "n" * 200}},
        "cloud": {"region": "eu", "instance": {"id": 7}},
    }
    told = tell("metricbeat", json.dumps(body).encode())
    assert [(one["metric"], one["type"], one["value"]) for one in told.samples] == [
        ("system.network.in.bytes", "counter", 5.0),
        ("system.network.up", "gauge", 1.0),
    ]
    assert told.samples[0]["labels"] == {
        "system.network.name": "eth0",
        "cloud.region": "eu",
        "cloud.instance.id": "7",
    }
    assert told.skipped == {"array": 1, "string_field": 1}


def test_metricbeats_states_churn_no_series_and_its_ids_are_no_values(tell) -> None:
    bodies = [
        {
            "@timestamp": "2017-10-12T08:05:34.853Z",
            "host": {"name": "h1", "cpu": {"usage": 0.2}, "os": {"kernel": "6.1"}, "ip": ["10.0.0.1"]},
            "docker": {"container": {"name": "web", "status": f"Up {minutes} minutes", "size": {"rw": 5}}},
            "process": {"pid": 17, "ppid": 1, "command_line": "nginx -g"},
            "system": {"process": {"state": state, "num_threads": 4}, "core": {"id": 3}},
            "service": {"type": "docker", "port": 80, "uptime": 3},
            "labels": {"team": "shop"},
        }
        for minutes, state in ((3, "sleeping"), (4, "running"))
    ]
    told = tell("metricbeat", *[json.dumps(body).encode() for body in bodies])
    assert told.values == {"host.cpu.usage": 0.2, "docker.container.size.rw": 5.0, "system.process.num_threads": 4.0}
    labels = {
        "host.name": "h1",
        "docker.container.name": "web",
        "process.pid": "17",
        "system.core.id": "3",
        "labels.team": "shop",
    }
    assert [one["labels"] for one in told.samples] == [labels] * 6
    assert told.skipped == {"string_field": 10, "array": 2, "no_quantity": 6}
    listed = tell("metricbeat", json.dumps(bodies[0]).encode(), label_fields=("service.type",))
    assert listed.samples[0]["labels"] == labels | {"service.type": "docker"}


def test_fluent_bits_flat_numbers_become_metrics(tell) -> None:
    told = tell("fluentbit", FLUENT_BIT)
    assert told.values == {"cpu_p": 1.5, "user_p": 1.0}
    assert {one["timestamp_ms"] for one in told.samples} == {1_700_000_000_123}


def test_fluent_bits_text_is_a_label_only_where_its_name_is_known_or_listed(tell) -> None:
    value = (
        b'{"@timestamp":1700000000.5,"n":1,"hostname":"h1","log":"a line","dev":"sda","ok":true,"x":null,"y":[1],'
        b'"kubernetes":{"pod_name":"p1"}}'
    )
    told = tell("fluentbit", value, label_fields=("dev",))
    labels = {"hostname": "h1", "dev": "sda", "kubernetes.pod_name": "p1"}
    assert [one["labels"] for one in told.samples] == [labels] * 2
    assert told.values == {"n": 1.0, "ok": 1.0}
    assert told.skipped == {"string_field": 1, "null_value": 1, "array": 1}


@pytest.mark.parametrize("form", ["prometheus_json", "collectd", "vector", "metricbeat", "fluentbit"])
@pytest.mark.parametrize(
    ("value", "reason"), [(b"", "empty"), (b"{", "not_json"), (b"null", "not_an_object"), (b"[3]", "not_an_object")]
)
def test_what_is_no_json_object_is_rejected(tell, form: str, value: bytes, reason: str) -> None:
    assert tell(form, value).rejected == [(0, reason)]

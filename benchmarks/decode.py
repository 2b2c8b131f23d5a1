"""How fast each format is decoded to columns, on one core, with every series met before.

50,000 series of 500 nodes; each round holds one sample of each, and is decoded in batches of some 5,000 samples, as
the gateway does. ``python -m benchmarks.decode`` prints JSON.
"""

from __future__ import annotations

import json
import random
import struct
import sys
import time
from collections.abc import Callable, Sequence
from typing import Final

import cramjam
from google.protobuf.json_format import MessageToJson
from opentelemetry.proto.metrics.v1 import metrics_pb2

from integrations.formats import Recogniser, SeriesTable, decoder_for

NODES: Final = 500
ROUNDS: Final = 4
BATCH_SAMPLES: Final = 5000
START_S: Final = 1_795_446_000
_FIELDS: Final = [
    f"usage_{one}"
    for one in ("user", "system", "idle", "nice", "iowait", "irq", "softirq", "steal", "guest", "guest_nice")
]
_SERIES_A_NODE: Final = 100

Round = Callable[[int, random.Random], list[bytes]]


def _native(at_s: int, chance: random.Random) -> list[bytes]:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at_s))
    return [
        b'{"metric": "node_%b_ratio", "value": %b, "timestamp": "%b", "labels": {"cluster": "c%d", "region": '
        b'"eu-west-1", "node": "n%d", "cpu": "cpu%d"}, "unit": "1", "type": "gauge"}'
        % (_FIELDS[one % 10].encode(), repr(chance.random()).encode(), stamp.encode(), node % 4, node, one // 10)
        for node in range(NODES)
        for one in range(_SERIES_A_NODE)
    ]


def _native_epoch(at_s: int, chance: random.Random) -> list[bytes]:
    return [
        b'{"metric":"node_%b_ratio","value":%.3f,"timestamp":%d,"labels":{"cluster":"c%d","node":"n%d","cpu":"cpu%d"}}'
        % (_FIELDS[one % 10].encode(), 100 * chance.random(), at_s * 1000, node % 4, node, one // 10)
        for node in range(NODES)
        for one in range(_SERIES_A_NODE)
    ]


def _telegraf_json(at_s: int, chance: random.Random) -> list[bytes]:
    return [
        json.dumps(
            {
                "fields": {field: 100 * chance.random() for field in _FIELDS},
                "name": "cpu",
                "tags": {"cluster": f"c{node % 4}", "cpu": f"cpu{cpu}", "host": f"n{node}", "region": "eu-west-1"},
                "timestamp": at_s,
            },
            separators=(",", ":"),
        ).encode()
        + b"\n"
        for node in range(NODES)
        for cpu in range(_SERIES_A_NODE // 10)
    ]


def _telegraf_batch(at_s: int, chance: random.Random) -> list[bytes]:
    one = _telegraf_json(at_s, chance)
    return [b'{"metrics":[%b]}' % b",".join(one[start : start + 50]) for start in range(0, len(one), 50)]


def _telegraf_influx(at_s: int, chance: random.Random) -> list[bytes]:
    return [
        f"cpu,cluster=c{node % 4},cpu=cpu{cpu},host=n{node},region=eu-west-1 "
        f"{','.join(f'{field}={100 * chance.random()!r}' for field in _FIELDS)} {at_s}000000000\n".encode()
        for node in range(NODES)
        for cpu in range(_SERIES_A_NODE // 10)
    ]


def _otlp(at_s: int, chance: random.Random) -> list[metrics_pb2.MetricsData]:
    return [_otlp_node(node, at_s, chance) for node in range(NODES)]


def _otlp_node(node: int, at_s: int, chance: random.Random) -> metrics_pb2.MetricsData:
    message = metrics_pb2.MetricsData()
    resource = message.resource_metrics.add()
    names = {"host.name": f"n{node}", "k8s.cluster.name": f"c{node % 4}", "k8s.node.name": f"n{node}"}
    for key, value in names.items():
        resource.resource.attributes.add(key=key).value.string_value = value
    scope = resource.scope_metrics.add()
    for field in _FIELDS:
        metric = scope.metrics.add(name=f"system.cpu.{field}", unit="1", description="Share of the time.")
        for cpu in range(_SERIES_A_NODE // 10):
            point = metric.gauge.data_points.add(
                as_double=chance.random(), time_unix_nano=at_s * 10**9, start_time_unix_nano=START_S * 10**9
            )
            point.attributes.add(key="cpu").value.string_value = f"cpu{cpu}"
            point.attributes.add(key="state").value.string_value = field
    return message


def _otlp_protobuf(at_s: int, chance: random.Random) -> list[bytes]:
    return [message.SerializeToString() for message in _otlp(at_s, chance)]


def _otlp_json(at_s: int, chance: random.Random) -> list[bytes]:
    # json_format keeps int64 as text, as the collector does.
    return [MessageToJson(message, indent=None).encode() for message in _otlp(at_s, chance)]


def _remote_write(at_s: int, chance: random.Random) -> list[bytes]:
    return [bytes(cramjam.snappy.compress_raw(_write_request(node, at_s, chance))) for node in range(NODES)]


def _write_request(node: int, at_s: int, chance: random.Random) -> bytes:
    return b"".join(_chunk(1, _write_series(node, one, at_s, chance.random())) for one in range(_SERIES_A_NODE))


def _write_series(node: int, one: int, at_s: int, value: float) -> bytes:
    labels = {"__name__": f"node_{_FIELDS[one % 10]}", "cpu": f"cpu{one // 10}", "instance": f"n{node}:9100"}
    body = b"".join(_chunk(1, _chunk(1, k.encode()) + _chunk(2, v.encode())) for k, v in labels.items())
    return body + _chunk(2, b"\x09" + struct.pack("<d", value) + b"\x10" + _varint(at_s * 1000))


def _chunk(field: int, body: bytes) -> bytes:
    return bytes([field << 3 | 2]) + _varint(len(body)) + body


def _varint(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out) + bytes([number])


def _collectd(at_s: int, chance: random.Random) -> list[bytes]:
    return [
        json.dumps(
            [
                {
                    "values": [chance.random() * 1e6, chance.random() * 1e6],
                    "dstypes": ["derive", "derive"],
                    "dsnames": ["read", "write"],
                    "time": at_s + 0.627,
                    "interval": 10.0,
                    "host": f"n{node}",
                    "plugin": "disk",
                    "plugin_instance": f"sd{one}",
                    "type": "disk_octets",
                    "type_instance": "",
                }
            ],
            separators=(",", ":"),
        ).encode()
        for node in range(NODES)
        for one in range(_SERIES_A_NODE // 2)
    ]


ROUNDS_OF: Final[dict[str, tuple[str, Round]]] = {
    "native": ("native", _native),
    "native_epoch": ("native", _native_epoch),
    "telegraf_json": ("telegraf_json", _telegraf_json),
    "telegraf_json_batch": ("telegraf_json", _telegraf_batch),
    "telegraf_influx": ("telegraf_influx", _telegraf_influx),
    "otlp_protobuf": ("otlp", _otlp_protobuf),
    "otlp_json": ("otlp", _otlp_json),
    "remote_write": ("prometheus_remote_write", _remote_write),
    "collectd": ("collectd", _collectd),
}


def measure(names: Sequence[str] = tuple(ROUNDS_OF)) -> dict[str, float]:
    """Samples a second of processor time of each format, as ``decode_<name>_samples_per_s``."""
    return {f"decode_{name}_samples_per_s": _rate(*ROUNDS_OF[name]) for name in names}


def _rate(format_name: str, make: Round) -> float:
    decoder, table = decoder_for(format_name), SeriesTable("bench", Recogniser())
    chance = random.Random(7)
    rounds = [make(START_S + 15 * one, chance) for one in range(ROUNDS + 1)]
    per_message = max(1, NODES * _SERIES_A_NODE // len(rounds[0]))
    size = max(1, BATCH_SAMPLES // per_message)
    best = 0.0
    for at, messages in enumerate(rounds):
        began, samples = time.process_time(), 0
        for start in range(0, len(messages), size):
            batch = messages[start : start + size]
            decoded = decoder.decode(batch, [START_S * 1000] * len(batch), table)
            assert not decoded.rejections
            samples += len(decoded)
        assert samples == NODES * _SERIES_A_NODE == len(table)
        # The first round interns the series.
        best = max(best, samples / (time.process_time() - began)) if at else 0.0
    return best


run = measure

if __name__ == "__main__":
    json.dump(measure(sys.argv[1:] or tuple(ROUNDS_OF)), sys.stdout, indent=2)
    sys.stdout.write("\n")

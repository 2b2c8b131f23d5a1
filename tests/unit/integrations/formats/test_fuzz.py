"""No bytes raise, whatever they are, and what was good beside them stays."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import cramjam
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integrations.formats import FORMATS, Decoded, FormatOptions, Recogniser, SeriesTable, decoder_for
from integrations.formats.capture import sample_dicts

WIRE = Path(__file__).resolve().parents[4] / "../shared/data/wire"
NOW_MS = 1_795_446_000_000

SEEDS: dict[str, bytes] = {
    "native": b'[{"metric":"m","value":1.5,"timestamp":"2026-11-23T15:00:00Z","labels":{"a":"b"},"unit":"s"}]',
    "telegraf_json": b'{"fields":{"a":1,"b":2.5,"s":"x"},"name":"m","tags":{"t":"v"},"timestamp":1458229140}',
    "telegraf_influx": rb'm\ n,t=v\,w a=1i,b=2.5,s="x \" y",t=true 1458229140000000000',
    "otlp": bytes.fromhex(
        "0a86010a130a110a09686f73742e6e616d6512040a026831126f12280a016d1a01312a200a1e19006065d39fb4ea1821000000000000"
        "f83f3a0a0a0363707512030a016312430a01681a01734a3b0a3719006065d39fb4ea1821030000000000000029000000000000f83f32"
        "10010000000000000002000000000000003a08000000000000f03f1002"
    ),
    "prometheus_json": b'{"timestamp":"2026-11-23T15:00:00Z","value":"0.42","name":"m","labels":{"__name__":"m"}}',
    "prometheus_remote_write": bytes(
        cramjam.snappy.compress_raw(bytes.fromhex("0a1e0a0e0a085f5f6e616d655f5f12027570120c09000000000000f03f10e807"))
    ),
    "collectd": b'[{"values":[1,null],"dstypes":["derive","gauge"],"dsnames":["read","value"],"time":1251533299.265,'
    b'"host":"h","plugin":"p","plugin_instance":"","type":"t","type_instance":"x"}]',
    "vector": b'{"name":"m","namespace":"n","tags":{"k":"v"},"timestamp":"2018-11-14T08:09:10Z","kind":"absolute",'
    b'"aggregated_histogram":{"buckets":[{"upper_limit":1.0,"count":2}],"count":3,"sum":4.5}}',
    "metricbeat": b'{"@timestamp":"2017-10-12T08:05:34.853Z","host":{"name":"h"},'
    b'"system":{"cpu":{"user":{"pct":0.4}}}}',
    "fluentbit": b'{"@timestamp":1700000000.123456,"cpu_p":1.5,"hostname":"h"}',
}
_OTLP_DIGITS = (
    b'{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m","gauge":{"dataPoints":[{"%s":"%s"}]}}]}]}]}'
)
NASTY = [
    b"",
    b"null",
    b"true",
    b'""',
    b"[]",
    b"{}",
    b"[[]]",
    b"\x00" * 64,
    b"\xff" * 64,
    b"[" * 50_000,
    b'{"a":' * 50_000,
    b"\x0a" * 50_000,
    b'{"metric":"m","value":' + b"9" * 5000 + b"}",
    b'{"metric":"\\ud800","value":1}',
    b'{"metric":"\xed\xa0\x80","value":1}',
    b'{"name":"m","fields":{"a":1e400,"b":-1e-400},"tags":{},"timestamp":1e400}',
    _OTLP_DIGITS % (b"asInt", b"9" * 5000),
    _OTLP_DIGITS % (b"timeUnixNano", b"9" * 5000),
    b'{"name":"m","timestamp":1,"distribution":{"samples":[{"value":1e308,"rate":9},{"value":-1e308,"rate":9}]}}',
    b'{"resourceMetrics":[{"scopeMetrics":[{"metrics":[null,{"name":"m","sum":{"dataPoints":[null,{}]}}]}]}]}',
]


@cache
def captures(form: str) -> list[bytes]:
    files = {"otlp": ["otlp_proto", "otlp_json"], "prometheus_remote_write": ["telegraf_remote_write"]}
    found = [SEEDS[form]]
    for name in files.get(form, [form]):
        path = WIRE / f"{name}.jsonl"
        if path.is_file():
            with path.open() as file:
                found += [
                    base64.b64decode(json.loads(line)["value_base64"]) for _, line in zip(range(6), file, strict=False)
                ]
    return found


def check(form: str, values: list[bytes], options: FormatOptions | None = None) -> Decoded:
    """Decode, cold and warm, and hold the result against what every decoder promises."""
    table = SeriesTable("default", Recogniser())
    decoder = decoder_for(form, options or FormatOptions())
    decoder.decode(values, [NOW_MS] * len(values), table)
    decoded = decoder.decode(values, [NOW_MS] * len(values), table)
    rows = len(decoded.value)
    assert len(decoded.series) == len(decoded.timestamp_ms) == len(decoded.record) == rows
    assert (decoded.series.dtype, decoded.timestamp_ms.dtype) == (np.int32, np.int64)
    assert (decoded.value.dtype, decoded.record.dtype) == (np.float64, np.int32)
    assert np.isfinite(decoded.value).all()
    assert (decoded.timestamp_ms >= 0).all()
    assert (np.diff(decoded.record) >= 0).all()
    assert not rows or 0 <= decoded.series.min() <= decoded.series.max() < len(table)
    records = [one.record for one in decoded.rejections]
    assert records == sorted(set(records))
    assert all(0 <= record < len(values) for record in records)
    assert all(one.reason.isidentifier() and one.reason.islower() for one in decoded.rejections)
    assert "decoder_failed" not in {one.reason for one in decoded.rejections}
    assert all(len(one.detail.encode()) < 2000 for one in decoded.rejections)
    json.dumps(list(sample_dicts(decoded, table)), allow_nan=False)
    return decoded


FUZZ = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@pytest.mark.parametrize("form", FORMATS)
def test_each_seed_is_good(form: str) -> None:
    decoded = check(form, [SEEDS[form]])
    assert decoded.rejections == []
    assert len(decoded) + len(decoded.histograms) > 0


@pytest.mark.parametrize("form", FORMATS)
def test_nasty_bytes_never_raise_and_leave_their_neighbours_alone(form: str) -> None:
    alone = check(form, [SEEDS[form]])
    for nasty in NASTY:
        decoded = check(form, [SEEDS[form], nasty, SEEDS[form]])
        assert [len(decoded.value[decoded.record == at]) for at in (0, 2)] == [len(alone)] * 2
        assert {one.record for one in decoded.rejections} <= {1}


@pytest.mark.parametrize("form", FORMATS)
def test_five_megabytes_never_raise(form: str) -> None:
    seed = SEEDS[form]
    decoder, table = decoder_for(form), SeriesTable("default", Recogniser())
    for huge in (seed * (5_000_000 // len(seed)), b"x" * 5_000_000, b'{"a":"' + b"y" * 5_000_000):
        decoded = decoder.decode([seed, huge], [NOW_MS] * 2, table)
        assert (decoded.record == 0).any() or decoded.histograms


@pytest.mark.parametrize("form", FORMATS)
@FUZZ
@given(st.lists(st.binary(max_size=80), max_size=4))
def test_random_bytes_never_raise(form: str, values: list[bytes]) -> None:
    check(form, values)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("form", sorted(FORMATS.keys() - {"telegraf_influx", "prometheus_remote_write"}))
@FUZZ
@given(st.data())
def test_json_of_wrong_types_never_raises(form: str, data: st.DataObject) -> None:
    """One part of a good message becomes something else."""
    texts = [value for value in captures(form) if value[:1] in {b"{", b"["}]
    if not texts:
        return
    body = json.loads(data.draw(st.sampled_from(texts)))
    spot: object = body
    while isinstance(spot, dict | list) and spot:
        key = data.draw(st.sampled_from(sorted(spot) if isinstance(spot, dict) else range(len(spot))))
        inner = spot[key]
        if not isinstance(inner, dict | list) or not inner or data.draw(st.booleans()):
            spot[key] = data.draw(JSON)
            break
        spot = inner
    check(form, [json.dumps(body).encode("utf-8", "replace")])


def _leaves(body: object) -> Iterator[tuple[Any, Any]]:
    """Where every value stands that holds no other: its owner and its key there."""
    for key, inner in body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ():
        if isinstance(inner, dict | list) and inner:
            yield from _leaves(inner)
        else:
            yield body, key


@pytest.mark.parametrize("form", sorted(FORMATS.keys() - {"telegraf_influx", "prometheus_remote_write"}))
@pytest.mark.parametrize("digits", [20, 310, 4301])
def test_long_digits_in_any_place_never_raise(form: str, digits: int) -> None:
    """As text and as a number."""
    texts = [value for value in captures(form)[:3] if value[:1] in {b"{", b"["}]
    for text in [*texts, _OTLP_DIGITS % (b"asInt", b"1"), _OTLP_DIGITS % (b"timeUnixNano", b"1")]:
        spots = sum(1 for _ in _leaves(json.loads(text)))
        for at in range(min(spots, 40)):
            body = json.loads(text)
            owner, key = list(_leaves(body))[at]
            owner[key] = "LONG"
            for long in (b'"%s"', b'"-%s"', b"%s", b"-%s"):
                check(form, [json.dumps(body).encode().replace(b'"LONG"', long % (b"9" * digits))])


@pytest.mark.parametrize("form", FORMATS)
@FUZZ
@given(st.data())
def test_mutated_messages_never_raise(form: str, data: st.DataObject) -> None:
    """Bytes of a good message change, go, come twice or are cut off."""
    value = bytearray(data.draw(st.sampled_from(captures(form))))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(value)))
        kind = data.draw(st.sampled_from(["set", "insert", "remove", "cut"]))
        if kind == "set" and at < len(value):
            value[at] = data.draw(st.integers(0, 255))
        elif kind == "insert":
            value[at:at] = data.draw(st.binary(max_size=4))
        elif kind == "remove":
            del value[at : at + data.draw(st.integers(1, 8))]
        elif kind == "cut":
            del value[at:]
    check(form, [bytes(value), SEEDS[form]], FormatOptions(store_rates=data.draw(st.booleans())))

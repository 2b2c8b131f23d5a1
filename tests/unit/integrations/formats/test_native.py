"""Our own JSON."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.formats import FormatOptions, Recogniser, SeriesTable, decoder_for
from integrations.formats.capture import sample_dicts

EXAMPLE = (
    b'{"metric": "node_cpu_ratio", "value": 0.93, "timestamp": "2026-11-23T15:00:00Z", '
    b'"labels": {"cluster": "c1", "node": "n1"}, "unit": "1", "type": "gauge"}'
)
AT_MS = 1_795_446_000_000


def body(**changes: Any) -> bytes:
    return json.dumps({"metric": "m", "value": 1, "timestamp": AT_MS} | changes).encode()


def test_the_example_becomes_its_sample(tell) -> None:
    told = tell("native", EXAMPLE)
    assert told.samples == [
        {
            "metric": "node_cpu_ratio",
            "labels": {"cluster": "c1", "node": "n1"},
            "value": 0.93,
            "timestamp_ms": AT_MS,
            "type": "gauge",
            "unit": "1",
        }
    ]
    assert told.rejected == []


def test_an_array_holds_many_samples_in_their_order(tell) -> None:
    told = tell("native", b"[" + body() + b" ,\n" + body(value=2, metric="n") + b"," + body(value=3) + b"]\n")
    assert [(one["metric"], one["value"]) for one in told.samples] == [("m", 1), ("n", 2), ("m", 3)]


def test_an_empty_array_holds_nothing_and_is_no_error(tell) -> None:
    assert tell("native", b"[]", b" [ ] ").rejected == []


@pytest.mark.parametrize(
    "time",
    [
        AT_MS // 1000,
        AT_MS,
        AT_MS * 1000,
        AT_MS * 10**6,
        AT_MS / 1000,
        float(AT_MS),
        str(AT_MS),
        "2026-11-23T15:00:00Z",
        "2026-11-23t15:00:00.000z",
        "2026-11-23T17:30:00+02:30",
        "2026-11-23T10:00:00.0-05:00",
        "2026-11-23 15:00:00",
        None,
    ],
)
def test_every_spelling_of_a_time_means_the_same(tell, time: object) -> None:
    assert [one["timestamp_ms"] for one in tell("native", body(timestamp=time)).samples] == [AT_MS]


def test_a_sample_without_a_time_takes_its_records(tell) -> None:
    assert tell("native", b'{"metric":"m","value":1}', record_ms=1234).samples[0]["timestamp_ms"] == 1234


def test_a_time_unit_that_is_set_is_not_inferred(tell) -> None:
    assert tell("native", body(timestamp=5000), time_unit="ms").samples[0]["timestamp_ms"] == 5000
    assert tell("native", body(timestamp=5000)).samples[0]["timestamp_ms"] == 5_000_000


def test_name_serves_as_well_as_metric(tell) -> None:
    assert tell("native", b'{"name":"m","value":1}').values == {"m": 1.0}


def test_labels_that_are_numbers_or_booleans_become_text_and_nulls_go(tell) -> None:
    told = tell("native", body(labels={"cpu": 0, "ok": True, "none": None, "share": 0.5}))
    assert told.samples[0]["labels"] == {"cpu": "0", "ok": "true", "share": "0.5"}


def test_type_and_unit_are_kept_and_an_unheard_type_is_unknown(tell) -> None:
    told = tell("native", body(type="counter", unit="By"), body(metric="n", type="histogram"), body(metric="o"))
    assert [(one["type"], one["unit"]) for one in told.samples] == [("counter", "By"), ("unknown", ""), ("gauge", "")]


@pytest.mark.parametrize(
    ("value", "reason", "named"),
    [
        (b"", "empty", ""),
        (b"null", "not_an_object", "null"),
        (b"17", "not_an_object", "a number"),
        (b"{", "not_json", ""),
        (b"\xff\xfe", "not_json", ""),
        (EXAMPLE + b"x", "not_json", "trailing"),
        (b"[" * 100_000, "not_json", "recursion"),
        (b'{"value": 1}', "missing_metric", "metric"),
        (b'{"metric": "", "value": 1}', "missing_metric", "metric"),
        (b'{"metric": "m"}', "missing_value", "m"),
        (b'{"metric": "m", "value": null}', "missing_value", "m"),
        (b'{"metric": "m", "value": "1"}', "bad_value", "a string"),
        (b'{"metric": "m", "value": true}', "bad_value", "a boolean"),
        (b'{"metric": "m", "value": NaN}', "not_json", ""),
        (b'{"metric": "m", "value": 1, "labels": [1]}', "bad_labels", "an array"),
        (b'{"metric": "m", "value": 1, "labels": {"a": {}}}', "bad_labels", "labels.a"),
        (b'{"metric": "m", "value": 1, "timestamp": "soon"}', "bad_timestamp", "soon"),
        (b'{"metric": "m", "value": 1, "timestamp": "2026-02-30T00:00:00Z"}', "bad_timestamp", "2026-02-30"),
        (b'{"metric": "m", "value": 1, "timestamp": -5}', "bad_timestamp", "-5"),
        (b'{"metric": "m", "value": 1, "timestamp": 1e300}', "bad_timestamp", "1e+300"),
        (b'{"metric": "m", "value": 1, "timestamp": true}', "bad_timestamp", "bool"),
        (b'{"metric": "m", "value": 1, "timestamp": {}}', "bad_timestamp", "dict"),
        (b'{"metric": "\\ud800", "value": 1}', "not_json", ""),
    ],
)
def test_what_cannot_be_read_is_rejected_with_its_reason(tell, value: bytes, reason: str, named: str) -> None:
    told = tell("native", EXAMPLE, value, EXAMPLE)
    assert told.rejected == [(1, reason)]
    assert named in told.details[0]
    assert len(told.samples) == 2


def test_samples_of_a_type_that_there_is_not_are_taken_and_counted(tell) -> None:
    array = b"[" + body(type="guage") + b"," + body() + b"," + body(type="gauge") + b"," + body(type=None) + b"]"
    told = tell(
        "native", array, body(type="guage"), body(type="unknown"), body(type="x").replace(b"type", b"t\\u0079pe")
    )
    assert len(told.samples) == 7
    assert told.decoded.noted == {"unknown_type": 4}
    assert (told.rejected, told.skipped) == ([], {})


def test_a_record_that_is_partly_bad_keeps_its_good_samples_and_is_rejected_once(tell) -> None:
    told = tell("native", b"[" + body() + b', {"value": 1}, 7, ' + body(value=2) + b"]")
    assert [one["value"] for one in told.samples] == [1, 2]
    assert told.rejected == [(0, "missing_metric")]
    assert told.details == ["metric is null (and 1 more)"]


def test_a_number_too_large_for_a_double_is_not_finite_or_rejected(tell) -> None:
    told = tell("native", b'{"metric":"m","value":1' + b"0" * 400 + b"}", b'{"metric":"m","value":1e999}')
    assert told.samples == []


def test_a_series_whose_labels_stand_in_another_order_is_the_same_series(tell) -> None:
    table = SeriesTable("default", Recogniser())
    values = [body(labels={"a": "1", "b": "2"}), body(labels={"b": "2", "a": "1"})]
    decoded = decoder_for("native").decode(values, [0, 0], table)
    assert decoded.series.tolist() == [0, 0]


def test_a_value_inside_the_labels_is_no_value(tell) -> None:
    told = tell("native", body(labels={"value": "7", "timestamp": "8"}))
    assert told.samples[0]["labels"] == {"value": "7", "timestamp": "8"}
    assert told.samples[0]["value"] == 1.0


def test_keys_with_escapes_and_keys_twice_are_read_as_json_has_them(tell) -> None:
    told = tell("native", b'{"metric":"m","v\\u0061lue":3}', b'{"metric":"m","value":1,"value":2}')
    assert [one["value"] for one in told.samples] == [3, 2]


def test_a_message_of_five_megabytes_is_read_or_rejected(tell) -> None:
    many = b"[" + b",".join([body()] * 80_000) + b"]"
    assert len(many) > 4_000_000
    assert len(tell("native", many).samples) == 80_000
    assert tell("native", b"[" + b"x" * 5_000_000).rejected == [(0, "not_json")]


NUMBERS = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**63), 2**64))
TIMES = st.one_of(
    st.none(),
    st.integers(0, 2**63 - 1),
    st.floats(0, 1e18),
    st.datetimes().map(lambda one: f"{one.isoformat()}Z"),
    st.text(max_size=8),
)


@given(st.lists(st.tuples(NUMBERS, TIMES, st.text(max_size=5), st.sampled_from([",", " , "])), max_size=8))
def test_the_quick_and_the_slow_reading_agree(rows: list[tuple[float, object, str, str]]) -> None:
    """White space before the closing brace changes nothing; a key twice forces the slow reading."""
    table, decoder = SeriesTable("default", Recogniser()), decoder_for("native", FormatOptions())
    quick, slow = [], []
    for number, time, label, comma in rows:
        common = f'"metric":"m"{comma}"labels":{json.dumps({"a": label})}{comma}"timestamp":{json.dumps(time)}'
        quick.append(f'{{{common}{comma}"value":{json.dumps(number)}}}'.encode())
        slow.append(f'{{"value":0{comma}{common}{comma}"value":{json.dumps(number)}}}'.encode())
    times = [AT_MS] * len(rows)
    one, other = (decoder.decode(values, times, table) for values in (quick, slow))
    assert list(sample_dicts(one, table)) == list(sample_dicts(other, table))
    assert one.rejections == other.rejections
    assert np.array_equal(one.record, other.record)
    assert all(map(math.isfinite, one.value.tolist()))

"""The series table, the recogniser, and what columns do with what decoders give them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.formats import FORMATS, FormatOptions, Recogniser, SeriesTable, decoder_for
from integrations.formats.base import Columns
from integrations.formats.dense_index import DenseIndex
from integrations.formats.recognise import without_port
from integrations.formats.warm import warm_up
from schemas.errors import ConfigurationError
from schemas.ids import series_id


def table() -> SeriesTable:
    return SeriesTable("default", Recogniser())


def test_a_series_is_interned_once_whatever_the_order_of_its_labels() -> None:
    t = table()
    assert t.intern("m", {"a": "1", "b": "2"}) == t.intern("m", {"b": "2", "a": "1"}) == 0
    assert len(t) == 1
    assert t.ids.tolist() == [series_id("default", "m", {"a": "1", "b": "2"})]


def test_type_and_unit_are_no_part_of_the_identity_but_of_the_description() -> None:
    t = table()
    one, other = t.intern("m", {}, "gauge", "s"), t.intern("m", {}, "counter", "s")
    assert one != other
    assert t.ids[one] == t.ids[other]
    assert (t[one].type, t[other].type) == ("gauge", "counter")


def test_thousands_of_series_keep_their_ids_texts_and_entities() -> None:
    t = table()
    for node in range(5000):
        assert t.intern("m", {"node": f"n{node}"}) == node
    assert t.ids[4999] == t[4999].id
    assert t.entities[4999] == "node:n4999"
    assert len(set(t.ids.tolist())) == 5000


def test_clear_forgets_series_and_scratch_and_counts_a_generation() -> None:
    t = table()
    t.intern("m", {})
    kept: list[int] = t.scratch("decoder", list)
    assert t.scratch("decoder", list) is kept
    t.clear()
    assert (len(t), len(t.ids), t.texts, t.entities, t.generation) == (0, 0, [], [], 1)
    assert t.scratch("decoder", list) is not kept


@pytest.mark.parametrize("form", FORMATS)
def test_a_decoder_survives_a_cleared_table_and_serves_several(form: str) -> None:
    decoder = decoder_for(form)
    value = {"native": b'{"metric":"m","value":1}', "telegraf_influx": b"m a=1 1"}.get(form, b"{}")
    one, other = table(), SeriesTable("other", Recogniser())
    other.intern("filler", {})
    first = decoder.decode([value], [5], one)
    decoder.decode([value], [5], other)
    one.clear()
    again = decoder.decode([value], [5], one)
    assert first.series.tolist() == again.series.tolist()
    assert len(one) == len(set(again.series.tolist()))


def test_a_producer_who_writes_one_series_in_ever_new_ways_fills_no_memory() -> None:
    t, decoder = table(), decoder_for("native")
    for batch in range(4):
        values = [b'{"metric":"m","value":1,"note":%d0000%d}' % (batch, n) for n in range(3000)]
        decoder.decode(values, [5] * len(values), t)
    assert len(t) == 1
    assert len(t.scratch("native", DenseIndex)) <= t.scratch_limit + 3000


def test_text_that_utf8_cannot_hold_is_mended() -> None:
    t = table()
    dense = t.intern("m\ud800", {"a": "\udfff"})
    assert (t[dense].metric, dict(t[dense].labels)) == ("m?", {"a": "?"})


DIMS = {
    "OpenTelemetry's resource": (
        {"k8s.cluster.name": "c", "cloud.region": "r", "cloud.availability_zone": "z", "host.name": "h"},
        {"cluster": "c", "region": "r", "zone": "z", "node": "h"},
    ),
    "a node is more than a host": ({"host": "h", "k8s.node.name": "n"}, {"node": "n"}),
    "an empty label says nothing": ({"node": "", "host": "h"}, {"node": "h"}),
    "Prometheus' instance": ({"instance": "h:9100"}, {"node": "h"}),
    "a pod's instance is no node": ({"instance": "10.0.0.1:80", "pod": "p"}, {"pod": "p"}),
    "a service in its namespace": (
        {"service.name": "s", "k8s.namespace.name": "n"},
        {"namespace": "n", "service": "s"},
    ),
    "nothing": ({"cpu": "cpu0"}, {}),
}


@pytest.mark.parametrize("case", DIMS)
def test_dimensions_are_recognised(case: str) -> None:
    labels, dims = DIMS[case]
    assert Recogniser().dims(labels) == dims


def test_a_mapping_of_ones_own_replaces_the_default_of_that_dimension_only() -> None:
    recognise = Recogniser({"node": ("rack",)})
    assert recognise.dims({"rack": "r", "host": "h", "cluster": "c"}) == {"node": "r", "cluster": "c"}
    assert "rack" in recognise.names


@pytest.mark.parametrize("address", ["h1", "::1", "h1:", ":9100", "h1:x", "a:b:1"])
def test_what_has_no_port_stays_as_it_is(address: str) -> None:
    assert without_port(address) == address


def test_rows_come_in_the_order_of_their_records_and_keep_it_inside_one() -> None:
    columns = Columns()
    ids, times = np.array([7, 8, 9], np.int32), np.array([1, 2, 3])
    columns.add_arrays(ids, times, np.array([0.0, np.nan, 2.0]), np.array([0, 1, 2], np.int32))
    columns.add(5, 9, 1.0, 1)
    columns.add(6, 9, np.inf, 1)
    columns.add(4, 9, 1.0, 0)
    decoded = columns.decoded()
    assert decoded.record.tolist() == [0, 0, 1, 2]
    assert decoded.series.tolist() == [7, 4, 5, 9]
    assert decoded.skipped == {"not_finite": 2}
    assert len(decoded) == 4


def test_a_record_is_rejected_once_with_its_first_reason_and_a_short_detail() -> None:
    columns = Columns()
    columns.reject(3, "bad_value", "x" * 10_000)
    columns.reject(3, "bad_labels", "y")
    columns.reject(1, "empty", "\ud800")
    first, second = columns.decoded().rejections
    assert (first.record, first.reason, first.detail) == (1, "empty", "\\ud800")
    assert (second.record, second.reason) == (3, "bad_value")
    assert second.detail.endswith("x (and 1 more)")
    assert len(second.detail) < 400


def test_an_unheard_format_is_the_users_mistake_and_names_those_that_are() -> None:
    with pytest.raises(ConfigurationError, match="native, telegraf_json"):
        decoder_for("xml")


def test_every_format_has_its_name() -> None:
    assert set(FORMATS) == {
        "native",
        "telegraf_json",
        "telegraf_influx",
        "otlp",
        "prometheus_json",
        "prometheus_remote_write",
        "collectd",
        "vector",
        "metricbeat",
        "fluentbit",
    }
    assert all(FORMATS[name](FormatOptions()).name == name for name in FORMATS)


@given(st.dictionaries(st.integers(0, 2**64 - 1), st.integers(0, 2**31 - 1), max_size=50), st.integers(0, 2**64 - 1))
def test_an_index_finds_what_was_put_and_nothing_else(known: dict[int, int], other: int) -> None:
    index = DenseIndex()
    for hash_, dense in known.items():
        index.put(hash_, dense)
    # 0 marks an empty slot, so the hash 0 shares the place of 1.
    if not {0, 1} <= known.keys():
        assert index.find(np.array(list(known), np.uint64)).tolist() == list(known.values())
        assert len(index) == len(known)
    if other not in known and other > 1:
        assert index.find(np.array([other], np.uint64)).tolist() == [-1]


def test_an_index_grows_and_forgets() -> None:
    index = DenseIndex()
    hashes = np.random.default_rng(1).integers(2, 2**63, 20_000).astype(np.uint64)
    for dense, hash_ in enumerate(hashes.tolist()):
        index.put(hash_, dense)
    assert index.find(hashes).tolist() == list(range(20_000))
    index.keep_below(20_000)
    assert len(index) == 20_000
    index.keep_below(19_999)
    assert len(index) == 0


def test_warming_up_decodes_a_message_of_every_compiled_format() -> None:
    warm_up()
    warm_up(FORMATS)

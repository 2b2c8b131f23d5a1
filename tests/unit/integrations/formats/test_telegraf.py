"""Telegraf's JSON and Influx line protocol."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.formats import FormatOptions, Recogniser, SeriesTable, decoder_for
from integrations.formats.capture import sample_dicts
from integrations.formats.telegraf_names import types_of_fields

CPU_JSON = (
    b'{"fields":{"usage_idle":98.1,"usage_user":1.2},"name":"cpu","tags":{"cpu":"cpu0","host":"raynor"},'
    b'"timestamp":1458229140}\n'
)
CPU_LINE = b"cpu,cpu=cpu0,host=raynor usage_idle=98.1,usage_user=1.2 1458229140000000000\n"
CPU = [
    {
        "metric": f"cpu_{field}",
        "labels": {"cpu": "cpu0", "host": "raynor"},
        "value": value,
        "timestamp_ms": 1_458_229_140_000,
        "type": "gauge",
        "unit": "",
    }
    for field, value in (("usage_idle", 98.1), ("usage_user", 1.2))
]


@pytest.mark.parametrize(("form", "value"), [("telegraf_json", CPU_JSON), ("telegraf_influx", CPU_LINE)])
def test_the_example_becomes_a_sample_a_field(tell, form: str, value: bytes) -> None:
    told = tell(form, value)
    assert told.samples == CPU
    assert told.rejected == []


def test_a_batch_of_metrics_becomes_what_its_metrics_do(tell) -> None:
    told = tell("telegraf_json", b'{"metrics":[' + CPU_JSON + b"," + CPU_JSON + b"]}", CPU_JSON)
    assert told.samples == CPU * 3
    assert [one.tolist() for one in (told.decoded.record,)] == [[0, 0, 0, 0, 1, 1]]


def test_a_batch_keeps_its_good_metrics_and_their_order(tell) -> None:
    text = b'{"fields":{"a":1,"s":"x"},"name":"m","tags":{}}'
    bad = b'{"fields":{"a":{}},"name":"n"}'
    told = tell("telegraf_json", CPU_JSON, b'{"metrics":[' + b",".join([CPU_JSON, text, bad, CPU_JSON]) + b"]}")
    assert [one["metric"] for one in told.samples][2:] == [
        "cpu_usage_idle",
        "cpu_usage_user",
        "m_a",
        "cpu_usage_idle",
        "cpu_usage_user",
    ]
    assert (told.rejected, told.details) == ([(1, "bad_value")], ["n_a is an object, not a number"])
    assert told.skipped == {"string_field": 1}
    assert tell("telegraf_json", b'{"metrics":[]}').rejected == []


@pytest.mark.parametrize(
    ("time", "options"),
    [
        ("1458229140000", {}),
        ("1458229140000000000", {}),
        ("1458229140000000", {"time_unit": "us"}),
        ('"2016-03-17T15:39:00Z"', {}),
        ("1458229140.0", {"time_unit": "s"}),
    ],
)
def test_times_are_inferred_set_or_spelled_out(tell, time: str, options: dict[str, str]) -> None:
    assert tell("telegraf_json", CPU_JSON.replace(b"1458229140", time.encode()), **options).samples == CPU


def test_text_is_skipped_and_counted_and_booleans_are_numbers(tell) -> None:
    told = tell(
        "telegraf_json", b'{"fields":{"up":true,"down":false,"note":"x","gone":null,"n":1},"name":"m","tags":{}}'
    )
    assert told.values == {"m_up": 1.0, "m_down": 0.0, "m_n": 1.0}
    assert told.skipped == {"string_field": 1, "null_value": 1}
    assert told.rejected == []


def test_a_message_of_nothing_but_text_has_no_samples_and_is_no_error(tell) -> None:
    told = tell(
        "telegraf_json", b'{"fields":{"uptime_format":"1 day"},"name":"system","tags":{"host":"h"},"timestamp":1}'
    )
    assert (told.samples, told.rejected, told.skipped) == ([], [], {"string_field": 1})


def test_integers_of_sixty_four_bits_and_floats_stand_side_by_side(tell) -> None:
    told = tell("telegraf_json", b'{"fields":{"a":18446744073709551615,"b":-9223372036854775808,"c":0.5},"name":"m"}')
    assert told.values == {"m_a": 2.0**64, "m_b": -(2.0**63), "m_c": 0.5}


@pytest.mark.parametrize(
    ("value", "reason", "named"),
    [
        (b"", "empty", ""),
        (b"null", "not_an_object", "null"),
        (b"{", "not_json", ""),
        (b'{"name":"m"}', "missing_value", "fields is null"),
        (b'{"name":"m","fields":{}}', "missing_value", "fields is empty"),
        (b'{"name":"m","fields":[1]}', "missing_value", "an array"),
        (b'{"fields":{"a":1}}', "missing_metric", "name"),
        (b'{"name":"m","fields":{"a":1},"tags":[]}', "bad_labels", "m: tags"),
        (b'{"name":"m","fields":{"a":1},"timestamp":"x"}', "bad_timestamp", "m"),
        (b'{"metrics":[1]}', "not_an_object", "element 0"),
    ],
)
def test_bad_json_is_rejected_with_its_reason(tell, value: bytes, reason: str, named: str) -> None:
    told = tell("telegraf_json", CPU_JSON, value, CPU_JSON)
    assert told.rejected == [(1, reason)]
    assert named in told.details[0]
    assert told.samples == CPU * 2


def test_a_bad_field_is_named_and_the_others_stay(tell) -> None:
    told = tell("telegraf_json", b'{"fields":{"a":1,"b":{"x":1},"c":2},"name":"m","tags":{}}')
    assert told.values == {"m_a": 1.0, "m_c": 2.0}
    assert (told.rejected, told.details) == ([(0, "bad_value")], ["m_b is an object, not a number"])


@pytest.mark.parametrize(
    ("measurement", "field", "kind"),
    [
        ("net", "bytes_recv", "counter"),
        ("net", "speed", "gauge"),
        ("net", "tcp_retranssegs", "counter"),
        ("net", "tcp_currestab", "gauge"),
        ("diskio", "io_time", "counter"),
        ("diskio", "iops_in_progress", "gauge"),
        ("cpu", "time_user", "counter"),
        ("cpu", "usage_user", "gauge"),
        ("kernel", "boot_time", "gauge"),
        ("http_requests_total", "counter", "counter"),
        ("prometheus", "http_requests_total", "counter"),
        ("bytes", "recv", "gauge"),
    ],
)
def test_fields_that_accumulate_are_counters(measurement: str, field: str, kind: str) -> None:
    assert types_of_fields(measurement, {}, [field]) == [kind]


@pytest.mark.parametrize(
    ("measurement", "tags", "fields", "counters"),
    [
        ("http_requests_total", {}, ["counter"], {"counter"}),
        ("http_requests_total", {}, ["value"], {"value"}),
        ("http_requests_total", {}, ["gauge"], set()),
        ("latency_seconds", {}, ["0.005", "10", "+Inf", "count", "sum"], {"0.005", "10", "+Inf", "count", "sum"}),
        ("rpc_seconds", {}, ["0.5", "0.99", "count", "sum"], {"count", "sum"}),
        ("rpc_seconds", {}, ["count", "sum"], {"count", "sum"}),
        ("requests", {"le": "0.5"}, ["usage_bucket"], {"usage_bucket"}),
        ("requests", {}, ["usage_bucket"], set()),
        ("statsd_timer", {}, ["count", "sum", "mean", "stddev", "upper", "lower"], set()),
        ("mem", {}, ["huge_pages_total", "total"], set()),
    ],
)
def test_only_what_a_message_makes_certain_is_a_counter(
    measurement: str, tags: dict[str, str], fields: list[str], counters: set[str]
) -> None:
    kinds = dict(zip(fields, types_of_fields(measurement, tags, fields), strict=True))
    assert {field for field, kind in kinds.items() if kind == "counter"} == counters


@pytest.mark.parametrize(
    ("form", "value", "metric"),
    [
        ("telegraf_json", b'{"fields":{"seen":1},"name":"jobs","timestamp":1458229140}', "jobs_seen"),
        ("telegraf_influx", b"jobs seen=1", "jobs_seen"),
        ("prometheus_json", b'{"value":"1","labels":{"__name__":"jobs_seen"}}', "jobs_seen"),
        ("fluentbit", b'{"jobs_seen":1}', "jobs_seen"),
        ("metricbeat", b'{"jobs":{"seen":1}}', "jobs.seen"),
    ],
)
def test_a_source_says_what_accumulates_where_its_messages_do_not(tell, form: str, value: bytes, metric: str) -> None:
    for counters, kind in (((), "gauge"), (("jobs.s[e]+n",), "counter"), (("jobs",), "gauge")):
        told = tell(form, value, counters=counters)
        assert [(one["metric"], one["type"]) for one in told.samples] == [(metric, kind)]


def test_two_sources_of_one_tenant_keep_their_own_counters() -> None:
    table, value = SeriesTable("default", Recogniser()), b"jobs seen=1"
    dense = [
        decoder_for("telegraf_influx", FormatOptions(counters=counters)).decode([value], [0], table).series.tolist()
        for counters in ((), ("jobs_seen",), ())
    ]
    assert dense == [[0], [1], [0]]


LINES = {
    "integers, unsigned integers and booleans are numbers": (
        b"m a=1i,b=-2i,c=3u,d=t,e=FALSE,f=1e3,g=+.5 1",
        {"m_a": 1, "m_b": -2, "m_c": 3, "m_d": 1, "m_e": 0, "m_f": 1000, "m_g": 0.5},
    ),
    "escapes in names, tags and keys are undone": (rb"my\ mea\,sure a\=b\ c=1 1", {"my mea,sure_a=b c": 1}),
    "a backslash before anything else is itself": (rb"disk,path=C:\dir f\x=1 1", {r"disk_f\x": 1}),
    "comments and blank lines are left out": (b"# a comment\n\n  \nm a=1 1\n#m b=2 1\n", {"m_a": 1}),
    "a carriage return is white space": (b"m a=1 1\r\nm b=2 1\r\n", {"m_a": 1, "m_b": 2}),
    "text may hold anything, lines too": (b'm s="a, b=1 \\" x\ny",a=1 1\nm b=2 1', {"m_a": 1, "m_b": 2}),
    "several lines are several metrics": (b"m a=1 1\nn a=2 1\nm a=3 2", {"m_a": 3, "n_a": 2}),
    "a quote in a tag is a character": (b'm,t="x" a=1 1', {"m_a": 1}),
}


@pytest.mark.parametrize("sentence", LINES)
def test_line_protocol(tell, sentence: str) -> None:
    value, values = LINES[sentence]
    told = tell("telegraf_influx", value)
    assert told.rejected == []
    assert told.values == values


def test_escaped_tags_keep_their_meaning(tell) -> None:
    told = tell("telegraf_influx", rb"m,a\ b=c\,d,e\=f=g\ h,i=C:\x v=1 1")
    assert told.samples[0]["labels"] == {"a b": "c,d", "e=f": "g h", "i": r"C:\x"}


def test_a_line_without_a_time_takes_its_records(tell) -> None:
    assert tell("telegraf_influx", b"m a=1", record_ms=77).samples[0]["timestamp_ms"] == 77


def test_text_fields_are_counted(tell) -> None:
    told = tell("telegraf_influx", b'm a="x",b="y z",c=1 1')
    assert (told.values, told.skipped) == ({"m_c": 1.0}, {"string_field": 2})


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"m", "missing_value"),
        (b"m ", "missing_value"),
        (b"m a", "bad_value"),
        (b"m a=", "bad_value"),
        (b"m a=1,", "bad_value"),
        (b"m a=x 1", "bad_value"),
        (b"m a=1.5i 1", "bad_value"),
        (b"m a=nan 1", "bad_value"),
        (b"m a=1_0 1", "bad_value"),
        (b"m a=1 soon", "bad_timestamp"),
        (b"m a=1 -5", "bad_timestamp"),
        (b",t=1 a=1 1", "missing_metric"),
        (b"m,t a=1 1", "bad_labels"),
        (b'm a="open 1', "bad_value"),
        (b"m a=1 1 2", "bad_timestamp"),
        (b"\xff a=1", "not_utf8"),
        (b"", "empty"),
    ],
)
def test_a_bad_line_is_rejected_by_its_number_and_the_others_stay(tell, line: bytes, reason: str) -> None:
    assert tell("telegraf_influx", line).rejected == [(0, reason)]
    if reason not in {"not_utf8", "empty"}:
        told = tell("telegraf_influx", b"m good=1 1\n" + line)
        assert told.values == {"m_good": 1.0}
        assert told.details[0].startswith("line 2: ")


WORDS = st.text(
    st.characters(codec="utf-8", exclude_characters="\n\r\\\0\t", exclude_categories=["Cs"]), min_size=1, max_size=6
)
SANE = WORDS.filter(lambda one: one.strip(" \x0b\x0c") == one and not one.startswith("#") and '"' not in one)


@given(
    SANE,
    st.dictionaries(SANE, SANE, max_size=3),
    st.dictionaries(SANE, st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=4),
    st.integers(0, 2**40),
)
def test_json_and_line_protocol_agree_on_what_both_can_say(
    name: str, tags: dict[str, str], fields: dict[str, float], seconds: int
) -> None:
    def escaped(text: str, which: str) -> str:
        for one in which:
            text = text.replace(one, f"\\{one}")
        return text

    head = "".join([escaped(name, ", ")] + [f",{escaped(k, ',= ')}={escaped(v, ',= ')}" for k, v in tags.items()])
    pairs = ",".join(escaped(key, ",= ") + "=" + repr(value) for key, value in fields.items())
    line = f"{head} {pairs} {seconds}"
    body = json.dumps({"name": name, "tags": tags, "fields": fields, "timestamp": seconds})
    told = []
    for form, value in (("telegraf_json", body), ("telegraf_influx", line)):
        table = SeriesTable("default", Recogniser())
        decoded = decoder_for(form).decode([value.encode()], [0], table)
        told.append((list(sample_dicts(decoded, table)), [one.reason for one in decoded.rejections]))
    assert told[0] == told[1]


@pytest.mark.parametrize(
    "line",
    [
        b'm,t=5" a=1',
        b'm,t="x a=1',
        b'm"n,t=v a=1',
        b'm,t=v a"b=1',
        b'  m,t=5" a=1',
        b'm,t=5\\" a=1',
        b'# a "comment',
        b'm,t=v s="unclosed',
        b"m,t=v\\",
    ],
)
def test_a_lone_quote_does_not_swallow_the_next_line(tell, line: bytes) -> None:
    told = tell("telegraf_influx", line + b"\n" + CPU_LINE)
    assert told.samples[-2:] == CPU


def test_text_in_quotes_may_hold_line_ends_behind_a_tag_with_a_quote(tell) -> None:
    told = tell("telegraf_influx", b'm,t=5" s="a\nb \\" =\n",n=2 1458229140000000000\n' + CPU_LINE)
    assert [one["labels"] for one in told.samples[:1]] == [{"t": '5"'}]
    assert (told.samples[1:], told.rejected, told.skipped) == (CPU, [], {"string_field": 1})

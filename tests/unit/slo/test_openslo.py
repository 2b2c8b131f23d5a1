"""What is read from OpenSLO, and what is said of what cannot hold."""

from __future__ import annotations

import random
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import ConfigurationError
from slo.definition import (
    AlertPolicy,
    BucketIndicator,
    BurnTier,
    CalendarWindow,
    RatioIndicator,
    RollingWindow,
    Slo,
    Source,
    ThresholdIndicator,
)
from slo.export import to_openslo
from slo.openslo import load, read_slos
from tests.unit.slo.definitions import CHECKOUT, DAY_S, THRESHOLD, TIERED, slo_of, slos
from tests.unit.slo.openslo_schema import SCHEMAS


def only(text: str) -> Slo:
    (slo,) = load(text, "slos.yaml")
    return slo


def test_a_ratio_by_time_slices_with_an_sla_is_read() -> None:
    slo = only(CHECKOUT)
    assert (slo.key, slo.title, slo.service) == ("default/checkout", "Checkout answers", "web-shop")
    assert slo.labels == {"team": "shop", "tags": "a,b"}
    assert (slo.target, slo.sla, slo.slice_s, slo.slice_target) == (0.9995, 0.99, 60, 0.99)
    assert (slo.unknown, slo.alerts) == ("bad", AlertPolicy(min_events=20))
    assert slo.indicator == RatioIndicator(
        bad=Source(metric="http_requests_total", selector='{job="api",port="8080",code=~"5.."}'),
        total=Source(metric="http_requests_total", selector='{job="api"}'),
    )


def test_what_an_slo_refers_to_is_found_wherever_it_stands() -> None:
    slo = only(TIERED)
    assert slo.indicator == BucketIndicator(
        histogram=Source(metric="payment_seconds", selector='{route="/pay"}'), le=0.3
    )
    assert slo.window == CalendarWindow(unit="month", start="2026-01-01 00:00:00", time_zone="Europe/Berlin")
    assert slo.alerts == AlertPolicy(
        profile="custom",
        tiers=(
            BurnTier(name="quick-burn", long_s=3600, short_s=300, factor=14.4, priority="P0"),
            BurnTier(name="slow-burn", long_s=3 * DAY_S, short_s=21_600, factor=1, priority="P2"),
        ),
    )


def test_a_threshold_on_a_quantile_takes_its_sla_from_an_annotation() -> None:
    slo = only(THRESHOLD)
    assert slo.indicator == ThresholdIndicator(source=Source(metric="latency_ms"), op="lte", value=250, quantile=0.99)
    assert (slo.sla, slo.slice_s, slo.window) == (0.95, 30, RollingWindow(duration_s=7 * DAY_S))
    assert (slo.alerts.profile, slo.alerts.remaining) == ("pyrra", (0.5, 0.1))


def test_an_annotation_leaves_tiers_of_the_profile_out() -> None:
    text = THRESHOLD.replace("alert-profile: pyrra", "tiers: page-quick_page-slow")
    assert only(text).alerts.only == ("page-quick", "page-slow")


def test_a_condition_on_the_name_stands_for_the_metric() -> None:
    text = THRESHOLD.replace("metric: latency_ms", "matchers: '{__name__=~\"latency_.*\"}'")
    indicator = only(text).indicator
    assert isinstance(indicator, ThresholdIndicator)
    assert indicator.source.select == '{__name__=~"latency_.*"}'


def test_one_bad_document_leaves_the_others_readable() -> None:
    reading = read_slos(CHECKOUT.replace("99.95", "ninety") + "---\n" + TIERED, "slos.yaml")
    assert [slo.name for slo in reading.slos] == ["payments"]
    assert [str(one).split(": ")[1] for one in reading.problems] == ["spec.objectives[0].targetPercent"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"", "a.yaml:1: there is no object in it. Define an SLO, or remove it", id="nothing"),
        pytest.param(b"a: \xff", "a.yaml:1: the text is not UTF-8. Save it as UTF-8", id="bytes"),
        pytest.param(b"[" * 5000, "a.yaml:1: not YAML (nested too deeply). Mend the file", id="depth"),
        pytest.param(b"just words", "a.yaml:1: a mapping is wanted, not 'just words'. Write key: value", id="words"),
        pytest.param(
            b"a: 1\nb: \x07", "a.yaml:2: not YAML (a character that YAML does not allow). Remove it", id="a bell"
        ),
        pytest.param(b"&a [*a]", "a.yaml:1: a mapping is wanted, not a list. Write key: value", id="itself"),
    ],
)
def test_garbage_is_one_line(content: bytes, said: str) -> None:
    assert [str(one) for one in read_slos(content, "a.yaml").problems] == [said]


def conforms(text: str) -> None:
    """Hold a text against what OpenSLO's own schemas ask."""
    for one in yaml.safe_load_all(text):
        jsonschema.validate(one, SCHEMAS[one["kind"]])


@settings(max_examples=100, deadline=None)
@given(slos())
def test_what_is_written_reads_back_the_same_and_is_openslo(slo: Slo) -> None:
    text = to_openslo(slo)
    assert load(text, "export", slo.tenant) == [slo]
    conforms(text)


def test_what_ships_is_openslo() -> None:
    for path in sorted((Path(__file__).resolve().parents[3] / "slo" / "shipped").glob("*.yaml")):
        conforms(path.read_text())
        assert "RatioTimeslices" not in path.read_text(), "older schemas of v1 do not have it"


def test_labels_of_several_values_are_written_as_a_list() -> None:
    text = to_openslo(only(CHECKOUT))
    assert yaml.safe_load(text)["metadata"]["labels"] == {"team": "shop", "tags": ["a", "b"]}


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"window": RollingWindow(duration_s=90)}, "90 s are no whole minutes"),
        ({"service": "Web Shop"}, "'Web Shop' is no name"),
        ({"slice_s": 7}, "it would read back as another one"),
    ],
)
def test_what_openslo_has_no_words_for_is_refused(given: dict[str, object], why: str) -> None:
    with pytest.raises(ConfigurationError, match=f"default/checkout cannot be written as OpenSLO: .*{why}"):
        to_openslo(slo_of(**given))


VALUES = (
    "",
    "0",
    "-1",
    "1e999999999999",
    "nan",
    "[]",
    "{}",
    "null",
    "yes",
    "'",
    '"\\ud800"',
    "&a x",
    "*a",
    "1:30",
    "!!float x",
    "0x1F",
    "99999999d",
    "9" * 30,
    "<<",
    "P0",
    "2026-13-01 00:00:00",
    '{a=~"(((x{99999999999})"}',
    "a\tb",
    "!!python/object:os.system x",
    "? x",
    "---",
    "%",
)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([CHECKOUT, TIERED, THRESHOLD]),
    st.integers(0, 2**32),
    st.sampled_from(["characters", "value", "line", "key", "bytes"]),
    st.sampled_from(VALUES),
)
def test_any_change_of_a_definition_loads_or_is_refused_in_one_line(text: str, seed: int, how: str, value: str) -> None:
    reading = read_slos(mutated(text, random.Random(seed), how, value), "slos.yaml")
    for problem in reading.problems:
        assert isinstance(problem, ConfigurationError)
        assert str(problem).startswith("slos.yaml:")
        assert "\n" not in str(problem)


def mutated(text: str, chance: random.Random, how: str, value: str) -> str | bytes:
    lines = text.splitlines(keepends=True)
    at = chance.randrange(len(lines))
    match how:
        case "characters":
            cut = chance.randrange(len(text))
            return (
                text[:cut]
                + chance.choice(["", ":", "{", "\n", "  ", "\x00", "-", "é"])
                + text[cut + chance.randrange(3) :]
            )
        case "value":
            key, colon, _ = lines[at].partition(":")
            lines[at] = f"{key}{colon} {value}\n"
        case "line":
            lines.insert(at, lines.pop(chance.randrange(len(lines))))
        case "key":
            lines[at] = lines[at].replace(lines[at].strip().split(":")[0], value or "x", 1)
        case _:
            raw = bytearray(text.encode())
            raw[chance.randrange(len(raw))] = chance.randrange(256)
            return bytes(raw)
    return "".join(lines)


def test_the_examples_of_these_tests_are_whole() -> None:
    assert all(list(yaml.safe_load_all(text)) for text in (CHECKOUT, TIERED, THRESHOLD))

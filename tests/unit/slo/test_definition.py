"""What an SLO cannot be, however it was made."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydantic import ValidationError

from slo.definition import (
    AlertPolicy,
    BucketIndicator,
    BurnTier,
    CalendarWindow,
    DerivedIndicator,
    RatioIndicator,
    Source,
)
from slo.words import indicator_text, objective_text, percent, window_text
from tests.unit.slo.definitions import slo_of

TIER = BurnTier(name="a", long_s=600, short_s=60, factor=2, priority="P1")
TOTAL = Source(metric="requests_total")


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: slo_of(sla=0.9995), "the SLA 0.9995 is not below the target 0.999"),
        (lambda: RatioIndicator(total=TOTAL), "a ratio has either good or bad, and total"),
        (lambda: RatioIndicator(good=TOTAL, bad=TOTAL, total=TOTAL), "a ratio has either good or bad, and total"),
        (lambda: DerivedIndicator(source="node_health", op="lt", value=1), "no other source does"),
        (lambda: DerivedIndicator(source="network_utilisation"), "compares with op and value"),
        (lambda: AlertPolicy(tiers=(TIER,)), "the profile google brings tiers of its own"),
        (lambda: AlertPolicy(profile="custom", tiers=(TIER, TIER)), "tiers of one name: a"),
        (lambda: AlertPolicy(remaining=(1.0,)), "at most six shares remain, from 0 up to, not at, 1"),
        (
            lambda: BurnTier(name="a", long_s=60, short_s=600, factor=2, priority="P1"),
            "the short window of a is longer than its long one",
        ),
    ],
)
def test_what_contradicts_itself_is_refused(make: Callable[[], object], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        make()


def test_a_key_is_a_name_among_all_tenants() -> None:
    assert slo_of(tenant="acme").key == "acme/checkout"


def test_objectives_read_as_sentences() -> None:
    sliced = slo_of(method="Timeslices", slice_s=60, slice_target=0.95)
    assert objective_text(sliced) == "99.9 % of slices of 1m are good, those in which 95 % of events are, over 30d"
    mean = slo_of(method="RatioTimeslices", slice_s=300)
    assert objective_text(mean) == "99.9 % is the mean of the good shares of slices of 5m, over 30d"
    month = CalendarWindow(unit="month", count=2, start="2026-01-01 00:00:00", time_zone="Europe/Berlin")
    assert window_text(month) == "calendar 2 months of Europe/Berlin from 2026-01-01 00:00:00"
    assert percent(1 - 0.9995) == "0.05 %"


@pytest.mark.parametrize(
    ("indicator", "text"),
    [
        (RatioIndicator(good=Source(metric="ok_total"), total=TOTAL), "ok_total, of requests_total"),
        (BucketIndicator(histogram=Source(metric="latency"), le=0.3), "events of latency up to 0.3"),
        (
            DerivedIndicator(source="network_utilisation", selector='{node="a"}', op="lt", value=0.8),
            'samples of network interfaces\' use of their speed < 0.8 {node="a"}',
        ),
    ],
)
def test_indicators_read_as_words(indicator: object, text: str) -> None:
    assert indicator_text(slo_of(indicator=indicator)) == text

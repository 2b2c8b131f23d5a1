"""SLOs for tests: by hand, and as strategies."""

from __future__ import annotations

from hypothesis import strategies as st

from slo.definition import (
    AlertPolicy,
    BucketIndicator,
    BurnTier,
    CalendarWindow,
    DerivedIndicator,
    RatioIndicator,
    RollingWindow,
    Slo,
    Source,
    ThresholdIndicator,
)
from slo.profiles import TIER_NAMES

DAY_S = 86_400
RATIO = RatioIndicator(
    bad=Source(metric="http_requests_total", selector='{code=~"5.."}'), total=Source(metric="http_requests_total")
)

CHECKOUT = """\
apiVersion: openslo/v1
kind: SLO
metadata:
  name: checkout
  displayName: Checkout answers
  labels:
    team: shop
    tags: [a, b]
  annotations:
    metrics-ai.io/unknown: bad
    metrics-ai.io/min-events: "20"
    example.com/other: anything
spec:
  description: Requests that are answered.
  service: web-shop
  indicator:
    metadata:
      name: answered
    spec:
      ratioMetric:
        counter: true
        bad:
          metricSource:
            type: metrics-ai
            spec:
              metric: http_requests_total
              match:
                job: api
                port: 8080
              matchers: '{code=~"5.."}'
        total:
          metricSource:
            type: metrics-ai
            spec:
              metric: http_requests_total
              match: {job: api}
  timeWindow:
    - duration: 28d
      isRolling: true
  budgetingMethod: Timeslices
  objectives:
    - displayName: Answered
      targetPercent: 99.95
      timeSliceTarget: 0.99
      timeSliceWindow: 1m
    - displayName: SLA
      target: 0.99
"""

TIERED = """\
apiVersion: openslo/v1
kind: SLO
metadata:
  name: payments
spec:
  service: payments
  indicatorRef: fast
  timeWindow:
    - duration: 1M
      isRolling: false
      calendar:
        startTime: 2026-01-01 00:00:00
        timeZone: Europe/Berlin
  budgetingMethod: Occurrences
  objectives:
    - target: 0.99
  alertPolicies:
    - quick
    - alertPolicyRef: slow
---
apiVersion: openslo/v1
kind: SLI
metadata:
  name: fast
spec:
  ratioMetric:
    counter: true
    good:
      metricSource:
        metricSourceRef: ours
        spec:
          histogram: payment_seconds
          le: 0.3
          match: {route: /pay}
    total:
      metricSource:
        metricSourceRef: ours
        spec:
          histogram: payment_seconds
          match: {route: /pay}
---
apiVersion: openslo/v1
kind: DataSource
metadata:
  name: ours
spec:
  type: metrics-ai
  connectionDetails: {}
---
apiVersion: openslo/v1
kind: AlertPolicy
metadata:
  name: quick
spec:
  alertWhenBreaching: true
  alertWhenNoData: true
  alertWhenResolved: false
  conditions:
    - kind: AlertCondition
      metadata:
        name: quick-burn
      spec:
        severity: P0
        condition:
          kind: burnrate
          op: gte
          threshold: 14.4
          lookbackWindow: 1h
          alertAfter: 5m
  notificationTargets:
    - targetRef: oncall
---
apiVersion: openslo/v1
kind: AlertPolicy
metadata:
  name: slow
spec:
  alertWhenBreaching: true
  conditions:
    - conditionRef: slow-burn
---
apiVersion: openslo/v1
kind: AlertCondition
metadata:
  name: slow-burn
spec:
  severity: ticket
  condition:
    threshold: 1
    lookbackWindow: 3d
    alertAfter: 6h
---
apiVersion: openslo/v1
kind: Service
metadata:
  name: payments
spec: {}
"""

THRESHOLD = """\
apiVersion: openslo/v1
kind: SLO
metadata:
  name: latency
  annotations:
    metrics-ai.io/sla-target: "0.95"
    metrics-ai.io/alert-profile: pyrra
    metrics-ai.io/remaining: 0.5_0.1
spec:
  service: shop
  indicator:
    spec:
      thresholdMetric:
        metricSource:
          type: metrics-ai
          spec:
            metric: latency_ms
            quantile: 0.99
  timeWindow:
    - duration: 7d
      isRolling: true
  budgetingMethod: Timeslices
  objectives:
    - op: lte
      value: 250
      target: 0.99
      timeSliceWindow: 0.5
      timeSliceTarget: 1
"""


def slo_of(**given: object) -> Slo:
    """An SLO of 99.9 % over 30 days, but for what is given."""
    return Slo.model_validate(
        {
            "name": "checkout",
            "service": "shop",
            "method": "Occurrences",
            "indicator": RATIO,
            "target": 0.999,
            "window": RollingWindow(duration_s=30 * DAY_S),
            **given,
        }
    )


_words = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
_names = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,10}[a-z0-9])?", fullmatch=True)
_texts = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=12)
_shares = st.floats(0.001, 0.999)
_conditions = st.builds("{}{}{!r}".format, _words, st.sampled_from(["=", "!=", "=~", "!~"]), _words).map(
    lambda text: text.replace("'", '"')
)
_selectors = st.lists(_conditions, max_size=3).map(lambda found: "{" + ",".join(found) + "}")
_sources = st.builds(Source, metric=_words, selector=_selectors)
_numbers = st.floats(-1e9, 1e9)
_indicators = st.one_of(
    st.builds(RatioIndicator, good=_sources, total=_sources, counter=st.booleans()),
    st.builds(RatioIndicator, bad=_sources, total=_sources, counter=st.booleans()),
    st.builds(BucketIndicator, histogram=_sources, le=_numbers),
    st.builds(
        ThresholdIndicator,
        source=_sources,
        op=st.sampled_from(["lt", "lte", "gt", "gte"]),
        value=_numbers,
        quantile=st.none() | _shares,
    ),
    st.builds(DerivedIndicator, source=st.sampled_from(["node_health", "alert_feedback"]), selector=_selectors),
    st.builds(
        DerivedIndicator, source=st.just("network_utilisation"), selector=_selectors, op=st.just("lt"), value=_numbers
    ),
)
_windows = st.one_of(
    st.builds(RollingWindow, duration_s=st.integers(60, 40_000).map(lambda minutes: minutes * 60)),
    st.builds(
        CalendarWindow,
        unit=st.sampled_from(["day", "week", "month", "quarter", "year"]),
        count=st.just(1),
        start=st.datetimes().map(lambda at: f"{at.year:04d}-{at:%m-%d %H:%M:%S}"),
        time_zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"]),
    ),
)
_tiers = st.lists(
    st.builds(
        BurnTier,
        name=_names,
        long_s=st.integers(30, 60).map(lambda minutes: minutes * 60),
        short_s=st.integers(1, 29).map(lambda minutes: minutes * 60),
        factor=st.floats(0.01, 1000),
        priority=st.sampled_from(["P0", "P1", "P2", "P3"]),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda tier: tier.name,
)
_events = st.integers(0, 1000)
_remaining = st.lists(st.integers(0, 999_999).map(lambda one: one / 1e6), max_size=6).map(tuple)
_policies = st.one_of(
    st.builds(
        AlertPolicy,
        profile=st.sampled_from(["google", "sloth", "pyrra", "custom"]),
        min_events=_events,
        min_bad=_events,
        remaining=_remaining,
    ),
    st.builds(
        AlertPolicy,
        profile=st.sampled_from(["google", "sloth", "pyrra"]),
        only=st.lists(st.sampled_from(TIER_NAMES), unique=True).map(tuple),
    ),
    st.builds(AlertPolicy, profile=st.just("custom"), tiers=_tiers.map(tuple), min_events=_events, min_bad=_events),
)


@st.composite
def slos(draw: st.DrawFn) -> Slo:
    """SLOs that OpenSLO has words for."""
    method = draw(st.sampled_from(["Occurrences", "Timeslices", "RatioTimeslices"]))
    target = draw(_shares)
    return slo_of(
        tenant=draw(_names),
        name=draw(_names),
        title=draw(st.just("") | _texts),
        description=draw(st.just("") | _texts),
        service=draw(_names),
        labels=draw(st.dictionaries(_words, _texts, max_size=2)),
        method=method,
        indicator=draw(_indicators),
        target=target,
        sla=draw(st.none() | _shares.map(lambda share: share * target * 0.99)),
        window=draw(_windows),
        slice_s=5 if method == "Occurrences" else draw(st.integers(5, DAY_S)),
        slice_target=draw(_shares) if method == "Timeslices" else None,
        unknown=draw(st.sampled_from(["ignore", "good", "bad"])),
        alerts=draw(_policies),
    )

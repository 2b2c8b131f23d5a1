"""The metric of a series, read from its canonical text."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from schemas.series import Series, metric_in

TEXT = st.text(max_size=20)


@given(metric=TEXT, label=TEXT, unit=TEXT)
@example(metric='a"b\\', label='","type":"', unit='"metric":"x","type":"')
@example(metric='"metric":"', label='"metric":"', unit="")
def test_the_metric_is_found_whatever_else_the_text_holds(metric: str, label: str, unit: str) -> None:
    series = Series("t", metric, {label: label}, {"node": label}, "gauge", unit)
    assert metric_in(series.text) == metric

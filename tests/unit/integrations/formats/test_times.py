"""Producers' times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.formats.time_scan import NOT_A_TIME, rfc3339_ms
from integrations.formats.times import BadTimeError, floats_to_ms, infer_unit, ints_to_ms, ms_or_bad, to_ms


def scanned(text: str) -> int:
    data = np.frombuffer(text.encode(), np.uint8)
    return int(rfc3339_ms(data, 0, len(data)))


@given(
    st.datetimes(datetime(1970, 1, 2), datetime(9999, 12, 30)),  # noqa: DTZ001
    st.sampled_from(["Z", "+00:00", "-11:30", "+05:45"]),
    st.integers(0, 9),
)
def test_the_compiled_reading_of_a_time_agrees_with_the_other_and_with_datetime(
    moment: datetime, offset: str, digits: int
) -> None:
    fraction = f".{moment.microsecond:06d}000"[: digits + 1] if digits else ""
    text = f"{moment.strftime('%Y').zfill(4)}-{moment:%m-%dT%H:%M:%S}{fraction}{offset}"
    assert scanned(text) == to_ms(text)
    exact = datetime.fromisoformat(text[:19] + (fraction[:4] if digits >= 3 else "") + offset.replace("Z", "+00:00"))
    if digits in {0, *range(3, 10)}:
        assert to_ms(text) == (exact - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


@given(st.text("0123456789-:.TZ+ ", max_size=30))
def test_whatever_the_compiled_reading_takes_for_a_time_the_other_does_too(text: str) -> None:
    quick = scanned(text)
    assert quick in {NOT_A_TIME, ms_or_bad(text, "auto")}


@pytest.mark.parametrize("text", ["2024-02-29T00:00:00Z", "2000-02-29T23:59:59.999Z", "1970-01-01T00:00:00Z"])
def test_leap_days_and_the_first_second_are_times(text: str) -> None:
    assert scanned(text) == to_ms(text) >= 0


@pytest.mark.parametrize("text", ["2023-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026", ""])
def test_days_that_no_calendar_has_are_no_times(text: str) -> None:
    assert scanned(text) == NOT_A_TIME
    if text != "2026":
        with pytest.raises(BadTimeError):
            to_ms(text)


def test_a_leap_second_counts_as_the_second_before_it() -> None:
    assert to_ms("2016-12-31T23:59:60Z") == to_ms("2016-12-31T23:59:59Z")


def test_nanoseconds_are_cut_not_rounded() -> None:
    assert to_ms("2018-11-14T08:09:10.000999999Z") == to_ms("2018-11-14T08:09:10Z")
    assert to_ms(1_542_182_950_000_999_999) == 1_542_182_950_000


@given(st.integers(-(2**63), 2**63 - 1), st.sampled_from(["auto", "s", "ms", "us", "ns"]))
def test_columns_of_whole_numbers_agree_with_single_ones(time: int, unit: str) -> None:
    assert ints_to_ms(np.array([time], np.int64), unit).tolist() == [ms_or_bad(time, unit)]  # type: ignore[arg-type]


@given(st.floats(), st.sampled_from(["auto", "s", "ms", "us", "ns"]))
def test_columns_of_fractions_agree_with_single_ones(time: float, unit: str) -> None:
    assert floats_to_ms(np.array([time]), unit).tolist() == [ms_or_bad(time, unit)]  # type: ignore[arg-type]


def test_a_unit_is_inferred_for_every_year_from_1973_to_2100() -> None:
    for second in (100_000_001, 1_795_446_000, 4_102_444_800):
        assert [infer_unit(second * factor) for factor in (1, 10**3, 10**6, 10**9)] == ["s", "ms", "us", "ns"]

"""Events hold numbers that any reader of JSON reads."""

from __future__ import annotations

import math
import sys

import pytest

from schemas.events import Contribution, Range, WindowVerdict


def test_an_infinity_is_the_largest_number_however_deep_it_lies() -> None:
    expected = Range(low=-math.inf, center=0.0, high=math.inf)
    verdict = WindowVerdict(window="5m", score=math.inf, agrees=True, expected=expected)
    again = WindowVerdict.model_validate_json(verdict.model_dump_json())
    assert again == verdict
    assert again.expected is not None
    assert (again.expected.low, again.expected.high) == (-sys.float_info.max, sys.float_info.max)


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="not a number"):
        Contribution(of="5m", value=math.nan)

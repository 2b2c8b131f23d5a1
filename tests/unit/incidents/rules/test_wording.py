"""Sentences of rules: fields are filled, and nothing in them is ever run."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.rules.wording import FIELD_NAMES, checked_text, filled
from tests.unit.incidents.rules.states import state


def test_every_field_is_filled() -> None:
    numbers = {
        "observed": 3.0,
        "ratio_to_usual": 1.5,
        "budget_left": 0.25,
        "burn_rate": 7.0,
        "time_to_limit_s": 90_000.0,
    }
    text = " ".join(f"{{{name}}}" for name in FIELD_NAMES if name != "labels.NAME")
    assert filled(text, state(300, numbers=numbers)) == (
        "MetricAnomaly latency service:web latency spike shop 3 1.5 +50 % 25% 7 25 hours 5 minutes 2"
    )


def test_what_is_not_known_is_a_question_mark_and_what_is_endless_says_so() -> None:
    assert filled("{budget_left} {labels.zone}", state()) == "? ?"
    assert filled("{ratio} {percent}", state(numbers={"ratio_to_usual": math.inf})) == "∞ ∞ %"


@pytest.mark.parametrize(
    "text", ["{labels.__class__.x}", "{0}", "{observed:>99999}", "{observed!r}", "{}", "{labels.}"]
)
def test_no_way_leads_out_of_the_fields(text: str) -> None:
    if text != "{labels.__class__.x}":
        with pytest.raises(ValueError, match="there is no field"):
            checked_text(text)
    assert "class" not in filled(text, state())


def test_a_labels_text_is_never_read_as_a_field_again() -> None:
    assert filled("{labels.service}", state(labels={"service": "{tenant}"})) == "{tenant}"


@given(st.text(max_size=60))
def test_any_text_is_either_refused_or_filled(text: str) -> None:
    try:
        checked_text(text)
    except ValueError:
        return
    assert isinstance(filled(text, state()), str)

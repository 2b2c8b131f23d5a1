"""Settings of the stores, and cursors."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from integrations.records import RecordsSettings
from integrations.serving.settings import ServingSettings
from integrations.stores import CursorError, Mark


@pytest.mark.parametrize("url", ["http://:hidden@h:1", "h:6379", "postgresql://u:hidden@h/n"])
def test_an_address_of_another_kind_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ValidationError, match="begins with redis") as refused:
        ServingSettings.model_validate({"url": url})
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize("url", ["mysql://u:hidden@h/n", "records.db", "redis://h"])
def test_a_database_of_another_kind_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ValidationError, match="begins with sqlite") as refused:
        RecordsSettings.model_validate({"url": url})
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize("hours", [[], [24], [6, 6], [14, 6]])
def test_shifts_begin_at_hours_of_a_day_each_once_in_order(hours: list[int]) -> None:
    with pytest.raises(ValidationError):
        RecordsSettings.model_validate({"shift_starts_h": hours})


@given(st.integers(0, 2**53), st.text())
def test_a_cursor_is_read_as_it_was_written(at_ms: int, identity: str) -> None:
    assert Mark.read(Mark(at_ms, identity).text()) == Mark(at_ms, identity)


@given(st.text())
def test_any_other_text_is_no_cursor_or_a_place(text: str) -> None:
    with contextlib.suppress(CursorError):
        assert isinstance(Mark.read(text).at_ms, int)

"""Text within limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.delivery.limits import cut, one_line, plain, units, web_address
from integrations.delivery.slack_blocks import escaped


@given(st.text(), st.integers(1, 60))
def test_a_cut_text_fits_and_is_a_beginning(text: str, most: int) -> None:
    found = cut(text, most)
    assert units(found) <= most
    assert len(found.encode("utf-16-le")) // 2 == units(found)
    assert plain(text) == found or (found.endswith("…") and plain(text).startswith(found[:-1]))


@given(st.text(alphabet="&<>ab🔥", max_size=80), st.integers(2, 60))
def test_marked_up_text_fits_and_no_sign_is_cut_in_two(text: str, most: int) -> None:
    found = escaped(text, most)
    assert units(found) <= most
    back = found.removesuffix("…").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert text.startswith(back)
    assert found.endswith("…") or back == text


@given(st.text(alphabet=st.characters(exclude_categories=[]), max_size=50))
def test_plain_text_can_be_sent(text: str) -> None:
    assert not set(plain(text)) & set(map(chr, [*range(9), *range(11, 32), 127]))
    plain(text).encode()
    assert "\n" not in one_line(text)


@pytest.mark.parametrize(
    "text", ["", "javascript:alert(1)", "https://", "http://a b", "http://a\n", "http://[::1", "//a"]
)
def test_what_nobody_can_follow_is_no_address(text: str) -> None:
    assert web_address(text) is None

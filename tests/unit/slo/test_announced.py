"""Definitions as settings."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.errors import SchemaError
from schemas.events import Setting
from slo.announced import SUBJECT, Announced, announce, announced, record_key
from tests.unit.slo.feeding import make_slo

SLO = make_slo(sla=0.995, labels={"team": "shop"})


def test_a_definition_is_read_as_it_was_announced() -> None:
    setting = Setting.from_bytes(announce(SLO.key, SLO, 5000).to_bytes())
    assert announced(setting) == Announced(SLO.key, SLO, 5000)
    assert record_key(SLO.key) == f"slo/{SLO.key}"


@pytest.mark.parametrize("body", [{}, {"key": 1}, {"key": "a/b", "slo": {"name": "b"}}, {"key": "a/b", "slo": "text"}])
def test_what_is_no_definition_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(SchemaError):
        announced(Setting(subject=SUBJECT, valid_from_ms=0, body=body))


def test_a_definition_of_another_name_is_refused() -> None:
    setting = announce(f"{SLO.key}-2", SLO, 0)
    with pytest.raises(SchemaError, match="that defines"):
        announced(setting)

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from slo.definition import Slo
from slo.engine import Engine, EngineSettings
from tests.unit.slo.feeding import Feed, make_slo


@pytest.fixture
def slo() -> Callable[..., Slo]:
    return make_slo


@pytest.fixture
def feed() -> Callable[..., Feed]:
    def make(settings: EngineSettings | None = None, **fields: Any) -> Feed:
        one = make_slo(**fields)
        return Feed(Engine([one], settings), slice_s=one.slice_s)

    return make

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from slo.definition import RatioIndicator, RollingWindow, Slo, Source

DAY_S = 86_400


def make_slo(name: str = "checkout", **fields: Any) -> Slo:
    given: dict[str, Any] = {
        "name": name,
        "service": "shop",
        "method": "Occurrences",
        "indicator": RatioIndicator(bad=Source(metric="errors"), total=Source(metric="requests")),
        "target": 0.999,
        "window": RollingWindow(duration_s=30 * DAY_S),
    }
    return Slo(**(given | fields))


@pytest.fixture
def slo() -> Callable[..., Slo]:
    return make_slo

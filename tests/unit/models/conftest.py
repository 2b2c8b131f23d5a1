"""A bench and a CPU series."""

from __future__ import annotations

import pytest

from schemas.series import Series
from tests.unit.models.streams import Bench


@pytest.fixture
def cpu() -> Series:
    return Series("t", "node_cpu_ratio", {"host": "h1"}, {"node": "h1"}, "gauge", "1")


@pytest.fixture
def bench() -> Bench:
    return Bench()

"""What an objective's state is called."""

from __future__ import annotations

from typing import Any

import pytest

from metrics_ai.slo_printing import print_status
from metrics_ai.slo_status_listing import row_of, state_of
from schemas.slo_events import SloStatus


def _status(bad: float, total: float, left: float | None, **more: Any) -> SloStatus:
    own = {
        "period": "own",
        "start_ms": 0,
        "end_ms": 60_000,
        "good": total - bad,
        "bad": bad,
        "total": total,
        "unknown": 0,
        "compliance": (total - bad) / total if total else None,
        "remaining_of_period": left,
    }
    told = {"tenant": "t", "slo": "s", "service": "", "at_ms": 60_000, "target": 0.9, "no_data": False, "burn": []}
    return SloStatus.model_validate(told | {"budgets": [own]} | more)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        pytest.param(_status(0, 0, None), "no events", id="nothing happened yet"),
        pytest.param(_status(0, 0, None, no_data=True), "no data", id="nothing was ever measured"),
        pytest.param(_status(1, 100, 0.9, no_data=True), "no data", id="nothing is measured any more"),
        pytest.param(_status(1, 100, 0.9), "fine", id="some of the budget is left"),
        pytest.param(_status(20, 100, -1), "spent", id="none of the budget is left"),
        pytest.param(_status(20, 100, -1, firing=["page-quick"]), "firing", id="a tier fires"),
        pytest.param(_status(1, 100, 0.4, firing=["budget-0.5"]), "fine", id="a share of the budget was told"),
    ],
)
def test_the_state_of_an_objective(status: SloStatus, state: str) -> None:
    assert state_of(status) == row_of(status)[1] == state


def test_one_without_events_has_none_and_is_not_fine(capsys: pytest.CaptureFixture[str]) -> None:
    status = _status(0, 0, None)
    print_status(status, state_of(status))
    assert "t/s has no events as of" in capsys.readouterr().out

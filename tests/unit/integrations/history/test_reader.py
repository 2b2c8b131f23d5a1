"""What was written is read back, of the time and the objective that are asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from integrations.history.kinds import status_of, status_values
from integrations.history.reader import History, Span
from schemas.errors import ConfigurationError, MachineError
from schemas.slo_events import BudgetShare, SloStatus, TimeToExhaustion
from schemas.topics import INCIDENTS, SLO_ALERTS, SLO_STATUS
from tests.unit.integrations.history.telling import DAY_MS, MIDNIGHT_MS, alert, incident, record, sink, status


def written(folder: Path) -> Path:
    """Three days of an objective, an hour of another, two alerts, two incidents, in many files."""
    keeper = sink(folder)
    for hour in range(1, 72):
        at_ms = MIDNIGHT_MS + hour * 3_600_000
        keeper.take([record(SLO_STATUS.name, hour, status(at_ms, bad=hour % 24).to_bytes())])
        keeper.flush()
    keeper.take([record(SLO_STATUS.name, 80, status(MIDNIGHT_MS + 60_000, "search", tenant="team/a").to_bytes())])
    for number, slo in enumerate(("checkout", "search")):
        for state, at_ms in (("start", MIDNIGHT_MS + 60_000), ("end", MIDNIGHT_MS + 120_000)):
            keeper.take([record(SLO_ALERTS.name, at_ms, alert(at_ms, state, MIDNIGHT_MS + 60_000, slo).to_bytes())])
        told = incident(number, "resolved", MIDNIGHT_MS + 2 * DAY_MS, slo=slo)
        keeper.take([record(INCIDENTS.name, number, told.to_bytes())])
    keeper.flush()
    return folder


def full() -> SloStatus:
    more = {
        "sla": 0.9,
        "sla_remaining": 0.5,
        "firing": ["page-quick"],
        "exhausted_in": TimeToExhaustion(p50_s=5.0, low_80_s=1.0),
        "spenders": [BudgetShare(who="n1", bad=3.0, of_budget=None)],
    }
    return status(MIDNIGHT_MS).model_copy(update=more)


@pytest.mark.parametrize("told", [status(MIDNIGHT_MS), full()])
def test_a_status_comes_back_as_it_was(told: SloStatus, tmp_path: Path) -> None:
    assert status_of(status_values(told)) == told
    keeper = sink(tmp_path)
    keeper.take([record(SLO_STATUS.name, 0, told.to_bytes())])
    keeper.flush()
    assert History(tmp_path).of("default/checkout", Span()).newest == told


def test_all_objectives_are_known_by_tenant_and_name(tmp_path: Path) -> None:
    history = History(written(tmp_path))
    assert history.keys(Span()) == ["default/checkout", "team/a/search"]
    assert history.keys(Span(MIDNIGHT_MS + DAY_MS + 1)) == ["default/checkout"]


def test_a_history_holds_the_course_alerts_and_incidents_of_its_objective(tmp_path: Path) -> None:
    found = History(written(tmp_path)).of("default/checkout", Span())
    assert found.newest.at_ms == MIDNIGHT_MS + 71 * 3_600_000
    assert len(found.course.at_ms) == 71
    assert found.course.burn[300].bad.tolist() == [float(hour % 24) for hour in range(1, 72)]
    assert [(one.slo, one.state) for one in found.alerts] == [("checkout", "start"), ("checkout", "end")]
    assert [one.id for one in found.incidents] == ["i0"]


def test_nothing_after_the_end_of_the_time_is_told(tmp_path: Path) -> None:
    end_ms = MIDNIGHT_MS + DAY_MS + 1_800_000
    found = History(written(tmp_path)).of("default/checkout", Span(MIDNIGHT_MS + DAY_MS // 2, end_ms))
    assert found.newest.at_ms == MIDNIGHT_MS + DAY_MS
    assert found.course.at_ms.max() <= end_ms


def test_nothing_there_is_said_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"holds no history .* --data and --definition"):
        History(tmp_path)
    history = History(written(tmp_path))
    with pytest.raises(ConfigurationError, match="nothing is known of default/none"):
        history.of("default/none", Span())


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    folder = next((written(tmp_path) / "status" / "tenant=default").iterdir())
    (folder / "0-0-0-bad.parquet").write_bytes(b"not ours")
    with pytest.raises(MachineError, match="0-0-0-bad"):
        History(tmp_path).of("default/checkout", Span())

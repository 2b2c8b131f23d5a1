"""History says each thing once, however its records were cut, repeated or cut short."""

from __future__ import annotations

import errno
import random
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.history.files import days_in, files_in, tenant_folder, write_table
from integrations.history.sink import MOST_FILES, SETTLED_MS
from integrations.project import Record, SinkError
from integrations.telemetry import Telemetry
from schemas.topics import INCIDENTS, SLO_ALERTS, SLO_STATUS
from tests.unit.integrations.history.telling import DAY_MS, MIDNIGHT_MS, alert, incident, record, said, sink, status


class Killed(BaseException):
    """A process ends here."""


class Disk:
    """Writes files until it is full, or the process is killed before or after one."""

    def __init__(self, chance: random.Random, kills: float = 0.0) -> None:
        self.chance, self.kills = chance, kills
        self.is_full = False

    def write(self, table: pa.Table, path: Path) -> None:
        if self.is_full:
            raise OSError(errno.ENOSPC, "No space left on device")
        if self.chance.random() < self.kills:
            raise Killed
        write_table(table, path)
        if self.chance.random() < self.kills:
            raise Killed


def records() -> list[Record]:
    """Ten hours around two midnights of two objectives, an alert, an incident, and bytes that are none of them."""
    found = []
    for step in range(300):
        at_ms = MIDNIGHT_MS - 3_600_000 + step * 480_000
        found.append(record(SLO_STATUS.name, len(found), status(at_ms, bad=step).to_bytes()))
        found.append(record(SLO_STATUS.name, len(found), status(at_ms + 20_000, "search", step).to_bytes()))
    found.append(record(SLO_ALERTS.name, 0, alert(MIDNIGHT_MS, "start", MIDNIGHT_MS).to_bytes()))
    found.append(record(SLO_ALERTS.name, 1, b"{"))
    found.append(record(SLO_ALERTS.name, 2, alert(MIDNIGHT_MS + DAY_MS, "end", MIDNIGHT_MS).to_bytes()))
    found.append(record(INCIDENTS.name, 0, incident(1, "open", MIDNIGHT_MS).to_bytes()))
    found.append(record(INCIDENTS.name, 1, incident(1, "resolved", MIDNIGHT_MS + 5000, 2).to_bytes()))
    found.append(record(INCIDENTS.name, 2, None))
    return found


def feed(folder: Path, told: Sequence[Record], chance: random.Random, disk: Disk) -> None:
    """As the role does: commit after a flush, and after a kill begin again at the last commit."""
    committed = 0
    while committed < len(told):
        keeper, at = sink(folder, write=disk.write), committed
        keeper.assigned([(SLO_STATUS.name, 0)])
        try:
            while committed < len(told):
                size = chance.randint(1, 200)
                keeper.take(told[at : at + size])
                at = min(len(told), at + size)
                if chance.random() < 0.4 or at == len(told):
                    keeper.flush()
                    committed = at
        except Killed:
            disk.kills *= 0.8


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_any_cut_and_any_kill_come_to_the_same_rows(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    chance, told = random.Random(seed), records()
    whole, killed = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("killed")
    keeper = sink(whole)
    keeper.take(told)
    keeper.flush()
    feed(killed, told, chance, Disk(chance, kills=0.3))
    assert said(killed) == said(whole)
    assert len(said(whole)["status"]) == 600
    assert [len(said(whole)[kind]) for kind in ("alerts", "incidents")] == [2, 1]


def test_the_last_status_of_a_minute_is_kept_and_midnight_ends_the_day_before(tmp_path: Path) -> None:
    keeper = sink(tmp_path)
    times = [MIDNIGHT_MS + 1000 * second for second in (-5, 0, 5, 30, 60, 65)]
    keeper.take([record(SLO_STATUS.name, at, status(time_ms).to_bytes()) for at, time_ms in enumerate(times)])
    keeper.flush()
    kept = [(row["at_ms"] - MIDNIGHT_MS) // 1000 for row in said(tmp_path)["status"]]
    assert kept == [0, 60, 65]
    days = [(folder.name, len(files_in(folder))) for _, folder in days_in(tmp_path, "status")]
    assert days == [("day=2026-09-21", 1), ("day=2026-09-22", 1)]


def test_the_same_records_come_to_the_same_file(tmp_path: Path) -> None:
    for _ in range(2):
        keeper = sink(tmp_path)
        keeper.take(records()[:1])
        keeper.flush()
    ((_, folder),) = days_in(tmp_path, "status")
    (file,) = files_in(folder)
    assert file.name.startswith("0-0-0-")


def test_a_topic_that_was_made_anew_overwrites_nothing(tmp_path: Path) -> None:
    for hour in range(3):
        keeper = sink(tmp_path)
        keeper.take([record(SLO_STATUS.name, 0, status(MIDNIGHT_MS + 3_600_000 * (hour + 1)).to_bytes())])
        keeper.flush()
    assert len(said(tmp_path)["status"]) == 3


def test_a_full_disk_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    disk = Disk(random.Random(1))
    keeper = sink(tmp_path, write=disk.write)
    keeper.take(records())
    disk.is_full = True
    for _ in range(2):
        with pytest.raises(SinkError, match="No space left on device"):
            keeper.flush()
    assert said(tmp_path)["status"] == []
    disk.is_full = False
    keeper.flush()
    assert len(said(tmp_path)["status"]) == 600


def test_bytes_that_are_no_event_are_counted_and_passed_over(tmp_path: Path) -> None:
    telemetry = Telemetry("project")
    keeper = sink(tmp_path, telemetry)
    values = [b"\xff", b"{}", b'{"v":9}']
    keeper.take([record(SLO_STATUS.name, at, value) for at, value in enumerate(values)])
    keeper.flush()
    labels = {"stage": "project-history", "source": "slo.status", "reason": "unreadable"}
    assert telemetry.registry.get_sample_value("metrics_ai_rejected_total", labels) == len(values)
    assert list(tmp_path.iterdir()) == []


def test_an_objective_that_is_gone_leaves_its_history_and_nothing_is_rejected(tmp_path: Path) -> None:
    telemetry = Telemetry("project")
    keeper = sink(tmp_path, telemetry)
    told = record(SLO_STATUS.name, 0, status(MIDNIGHT_MS + 60_000).to_bytes())
    keeper.take([told, record(SLO_STATUS.name, 1, None), record(SLO_STATUS.name, 2, b"")])
    keeper.flush()
    labels = {"stage": "project-history", "source": "slo.status", "reason": "unreadable"}
    assert telemetry.registry.get_sample_value("metrics_ai_rejected_total", labels) is None
    assert len(said(tmp_path)["status"]) == 1


def test_a_day_that_is_over_becomes_one_file(tmp_path: Path) -> None:
    keeper = sink(tmp_path)
    for step in range(1, 5):
        keeper.take([record(SLO_STATUS.name, step, status(MIDNIGHT_MS + step * 60_000).to_bytes())])
        keeper.flush()
    ((_, folder),) = days_in(tmp_path, "status")
    (folder / ".0-0-0-x.parquet.1.part").write_bytes(b"half")
    assert len(files_in(folder)) == 4
    keeper.take([record(SLO_STATUS.name, 5, status(MIDNIGHT_MS + DAY_MS + SETTLED_MS + 1000).to_bytes())])
    before = said(tmp_path)["status"]
    keeper.flush()
    assert [file.name.split("-")[0] for file in files_in(folder)] == ["whole"]
    assert list(folder.iterdir()) == files_in(folder)
    assert [row for row in said(tmp_path)["status"] if row in before] == before


def test_a_day_of_very_many_files_becomes_one_before_it_is_over(tmp_path: Path) -> None:
    keeper = sink(tmp_path)
    for step in range(MOST_FILES + 1):
        keeper.take([record(SLO_STATUS.name, step, status(MIDNIGHT_MS + (step + 1) * 60_000).to_bytes())])
        keeper.flush()
    ((_, folder),) = days_in(tmp_path, "status")
    assert len(files_in(folder)) == 1
    assert len(said(tmp_path)["status"]) == MOST_FILES + 1


def test_days_beyond_their_time_are_deleted_but_not_by_a_time_that_has_not_come(tmp_path: Path) -> None:
    keeper = sink(tmp_path, settings={"days": 2})
    for day in range(5):
        at_ms = MIDNIGHT_MS + day * DAY_MS + SETTLED_MS + 60_000
        keeper.take([record(SLO_STATUS.name, day, status(at_ms).to_bytes())])
        keeper.flush()
    assert [folder.name for _, folder in days_in(tmp_path, "status")] == [
        "day=2026-09-24", "day=2026-09-25", "day=2026-09-26",
    ]  # fmt: skip
    patient = sink(tmp_path, settings={"days": 1000})
    patient.take([record(SLO_STATUS.name, 9, status(MIDNIGHT_MS + 5000 * DAY_MS).to_bytes())])
    patient.flush()
    assert len(list(days_in(tmp_path, "status"))) == 4


def test_a_file_that_is_none_keeps_its_day_as_it_is(tmp_path: Path) -> None:
    keeper = sink(tmp_path)
    keeper.take([record(SLO_STATUS.name, 0, status(MIDNIGHT_MS + 60_000).to_bytes())])
    keeper.flush()
    ((_, folder),) = days_in(tmp_path, "status")
    (folder / "theirs.parquet").write_bytes(b"not ours")
    keeper.take([record(SLO_STATUS.name, 1, status(MIDNIGHT_MS + 2 * DAY_MS).to_bytes())])
    keeper.flush()
    assert len(files_in(folder)) == 2


def test_no_tenant_leads_out_of_the_folder() -> None:
    names = [tenant_folder(name) for name in ("..", "../x", "a/b", "Übung", "%2e", "x" * 5000)]
    assert [name for name in names if "/" in name or len(name) > 200] == []
    assert len(set(names)) == len(names)


def test_what_is_revoked_is_dropped(tmp_path: Path) -> None:
    keeper = sink(tmp_path)
    keeper.take(records())
    keeper.revoked([(SLO_STATUS.name, 0)])
    keeper.flush()
    assert said(tmp_path)["status"] == []

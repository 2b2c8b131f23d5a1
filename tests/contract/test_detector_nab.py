"""A sanity check on real recordings with the shipped settings; nothing is tuned on them, and no score is claimed."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest

from models.detect import DetectOperator, DetectSettings
from schemas.events import Anomaly
from schemas.series import Series
from tests.unit.models.streams import Sample, batch_of

DATA = Path(__file__).resolve().parents[2] / "../shared/data/nab"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the NAB files are not beside the repository")


def replay(name: str) -> list[Anomaly]:
    """Starts of anomalies in one file."""
    series = Series("t", Path(name).stem)
    with (DATA / name).open() as file:
        samples = [Sample(series, _ms(row["timestamp"]), float(row["value"])) for row in csv.DictReader(file)]
    found = DetectOperator(DetectSettings(), 0, 1).step_batch(batch_of(samples))
    return [one for one in found if one.state == "start"]


def _ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize("name", ["art_flatline", "art_noisy"])
def test_noise_and_flat_lines_give_no_alarm(name: str) -> None:
    assert replay(f"artificialNoAnomaly/{name}.csv") == []


@pytest.mark.parametrize("name", ["art_daily_no_noise", "art_daily_perfect_square_wave", "art_daily_small_noise"])
def test_a_daily_pattern_is_known_within_its_first_week(name: str) -> None:
    found = replay(f"artificialNoAnomaly/{name}.csv")
    first_ms = _ms("2014-04-01 00:00:00")
    assert [one.explanation for one in found if one.at_ms > first_ms + 7 * 86_400_000] == []


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [
        ("realAWSCloudwatch/ec2_cpu_utilization_825cc2", "2014-04-15 07:24:00", "2014-04-16 11:54:00"),
        ("realAWSCloudwatch/rds_cpu_utilization_cc0c53", "2014-02-24 22:50:00", "2014-02-25 15:35:00"),
        ("realKnownCause/cpu_utilization_asg_misconfiguration", "2014-07-10 12:29:00", "2014-07-15 17:19:00"),
    ],
)
def test_a_known_fault_is_seen(name: str, start: str, end: str) -> None:
    found = [one.at_ms for one in replay(f"{name}.csv") if one.kind != "drift"]
    assert any(_ms(start) <= at_ms <= _ms(end) for at_ms in found)

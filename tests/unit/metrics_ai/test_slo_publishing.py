"""What the files of objectives say is announced as it changes; what cannot be read changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from metrics_ai.config import Config
from metrics_ai.slo_publishing import SloPublisher
from schemas.errors import BrokerError, ConfigurationError
from slo.announced import AHEAD_MS, Announced
from slo.settings import SloSettings
from tests.unit.slo.definitions import CHECKOUT, THRESHOLD

NOW_MS = 1_795_446_000_000


class MemoryTopic:
    """The topic of a broker that may be away."""

    def __init__(self) -> None:
        self.written: list[Announced] = []
        self.reads = 0
        self.is_up = True

    def read(self) -> dict[str, Announced]:
        self.reads += 1
        return {one.key: one for one in self.written}

    def write(self, ones: Sequence[Announced]) -> None:
        if not self.is_up:
            raise BrokerError("away")
        self.written += ones


@pytest.fixture
def topic() -> MemoryTopic:
    return MemoryTopic()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "acme").mkdir()
    (tmp_path / "checkout.yaml").write_text(CHECKOUT)
    (tmp_path / "acme" / "latency.yaml").write_text(THRESHOLD)
    return tmp_path


def publisher(folder: Path | None, topic: MemoryTopic, *, shipped: bool = False, ours: bool = True) -> SloPublisher:
    config = Config(slo=SloSettings(folder=folder, shipped=shipped))
    return SloPublisher(config, topic, lambda: ours, lambda: NOW_MS / 1000)  # type: ignore[arg-type]  # a fake


def said(ones: Sequence[Announced]) -> list[tuple[str, bool, int]]:
    return [(one.key, one.slo is not None, one.from_ms) for one in ones]


def test_what_is_new_holds_at_once_and_is_announced_once(folder: Path, topic: MemoryTopic) -> None:
    one = publisher(folder, topic)
    assert said(one.look()) == [("acme/latency", True, 0), ("default/checkout", True, 0)]
    assert one.look() == []
    assert publisher(folder, topic).look() == [], "nor after a restart"


def test_what_changes_or_ends_does_so_in_some_seconds(folder: Path, topic: MemoryTopic) -> None:
    one = publisher(folder, topic)
    one.look()
    (folder / "checkout.yaml").write_text(CHECKOUT.replace("99.95", "99.5"))
    (folder / "acme" / "latency.yaml").unlink()
    later = NOW_MS + AHEAD_MS
    assert said(one.look()) == [("acme/latency", False, later), ("default/checkout", True, later)]
    assert one.look() == []


def test_what_was_removed_while_nobody_looked_ends_and_comes_back_in_some_seconds(
    folder: Path, topic: MemoryTopic
) -> None:
    publisher(folder, topic).look()
    (folder / "checkout.yaml").unlink()
    later = NOW_MS + AHEAD_MS
    assert said(publisher(folder, topic).look()) == [("default/checkout", False, later)]
    (folder / "checkout.yaml").write_text(CHECKOUT)
    assert said(publisher(folder, topic).look()) == [("default/checkout", True, later)]


def test_a_file_that_turns_bad_changes_nothing_and_is_told_with_its_line(
    folder: Path, topic: MemoryTopic, caplog: pytest.LogCaptureFixture
) -> None:
    one = publisher(folder, topic)
    one.look()
    (folder / "checkout.yaml").write_text(CHECKOUT.replace("targetPercent: 99.95", "targetPercent: 99,95"))
    assert one.look() == []
    assert one.look() == []
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert f"{folder}/checkout.yaml:43: spec.objectives[0].targetPercent" in line
    (folder / "checkout.yaml").write_text(CHECKOUT.replace("99.95", "99.5"))
    assert said(one.look()) == [("default/checkout", True, NOW_MS + AHEAD_MS)]


def test_a_file_that_is_bad_from_the_beginning_ends_nothing_and_lets_nothing_that_ships_take_its_place(
    folder: Path, topic: MemoryTopic
) -> None:
    own = CHECKOUT.replace("name: checkout", "name: node-health")
    (folder / "checkout.yaml").write_text(own)
    publisher(folder, topic, shipped=True).look()
    (folder / "checkout.yaml").write_text("kind: SLO")
    (folder / "acme" / "latency.yaml").write_text(THRESHOLD.replace("value: 250", "value: 300"))
    assert said(publisher(folder, topic, shipped=True).look()) == [("acme/latency", True, NOW_MS + AHEAD_MS)]


def test_what_ships_is_announced_for_every_tenant_that_is_known(folder: Path, topic: MemoryTopic) -> None:
    keys = {one.key for one in publisher(folder, topic, shipped=True).look()}
    assert {"default/node-health", "acme/node-health", "default/alert-accuracy", "acme/alert-accuracy"} <= keys
    assert {one.key for one in publisher(None, MemoryTopic(), shipped=True).look()} >= {"default/node-health"}


def test_only_one_process_announces_and_the_next_begins_with_what_the_topic_holds(
    folder: Path, topic: MemoryTopic
) -> None:
    assert publisher(folder, topic, ours=False).look() == []
    assert (topic.reads, topic.written) == (0, [])


def test_a_broker_that_was_away_is_told_when_it_is_back(folder: Path, topic: MemoryTopic) -> None:
    one = publisher(folder, topic)
    topic.is_up = False
    with pytest.raises(BrokerError):
        one.look()
    topic.is_up = True
    assert len(one.look()) == 2


def test_a_folder_that_is_gone_ends_nothing(folder: Path, topic: MemoryTopic) -> None:
    one = publisher(folder, topic)
    one.look()
    folder.rename(folder.with_name("elsewhere"))
    with pytest.raises(ConfigurationError):
        one.look()
    assert len(topic.written) == 2

"""What the supervisor does when a role dies, freezes, or is told to end; with processes that only pretend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from metrics_ai.stack.child import ChildSpec
from metrics_ai.stack.supervisor import (
    LONGEST_DELAY_S,
    SILENCE_LIMIT_AT_START_S,
    SILENCE_LIMIT_S,
    WELL_AFTER_S,
    Supervisor,
)


class FakeChild:
    """A process that is what a test says it is."""

    def __init__(self, spec: ChildSpec) -> None:
        self.spec = spec
        self.is_alive = True
        self.port: int | None = 1
        self.answer: dict[str, Any] | None = {"healthy": True, "ready": True, "silent": []}
        self.age_s = 0.0
        self.pid = 4242
        self.rss_bytes = 0
        self.finished_after: float | None = None
        self.terminated = False

    @property
    def exit_text(self) -> str:
        return "exit status 1"

    def status(self) -> dict[str, Any] | None:
        return self.answer

    def last_words(self) -> str:
        return "the last line"

    def terminate(self) -> None:
        self.terminated = True

    def finish(self, timeout_s: float) -> None:
        self.finished_after = timeout_s
        self.is_alive = False


class Stage:
    """A supervisor over fakes, with a clock that stands still until told."""

    def __init__(self, *roles: str) -> None:
        self.now_s = 100.0
        self.said: list[str] = []
        self.launched: list[FakeChild] = []
        specs = [ChildSpec(role, Path("/nowhere"), (), {}) for role in roles]
        self.supervisor = Supervisor(specs, self.said.append, self._launch, lambda: self.now_s, ("collector",))  # type: ignore[arg-type]
        self.supervisor.start()

    def _launch(self, spec: ChildSpec) -> FakeChild:
        self.launched.append(FakeChild(spec))
        return self.launched[-1]

    def states(self) -> list[str]:
        return [role.state for role in self.supervisor.roles]


def test_roles_are_ready_once_each_says_so() -> None:
    stage = Stage("ingest", "detect")
    stage.launched[1].answer = {"healthy": True, "ready": False, "silent": []}
    stage.supervisor.poll()
    assert stage.states() == ["running", "starting"]
    assert not stage.supervisor.is_ready
    stage.launched[1].answer = {"healthy": True, "ready": True, "silent": []}
    stage.supervisor.poll()
    assert stage.supervisor.is_ready


def test_a_role_that_dies_is_started_again_after_a_while_and_said() -> None:
    stage = Stage("detect")
    stage.launched[0].is_alive = False
    stage.supervisor.poll()
    assert stage.states() == ["waiting"]
    assert stage.said == ["detect: ended, exit status 1 (the last line); starting it again in 1 s"]
    stage.supervisor.poll()
    assert len(stage.launched) == 1
    stage.now_s += 1
    stage.supervisor.poll()
    assert len(stage.launched) == 2
    assert stage.supervisor.roles[0].restarts == 1


def test_a_role_that_is_back_is_said_once() -> None:
    stage = Stage("detect")
    stage.supervisor.poll()
    stage.launched[0].is_alive = False
    stage.supervisor.poll()
    stage.now_s += 1
    stage.supervisor.poll()
    stage.launched[1].answer = {"healthy": True, "ready": False, "silent": []}
    stage.supervisor.poll()
    assert len(stage.said) == 1
    stage.launched[1].answer = {"healthy": True, "ready": True, "silent": []}
    stage.now_s += 4
    stage.supervisor.poll()
    stage.supervisor.poll()
    assert stage.said[1:] == ["detect: consumes again, after 5 s"]


def test_delays_double_up_to_a_limit_and_start_over_after_a_long_life() -> None:
    stage = Stage("detect")
    delays = []
    for _ in range(7):
        stage.launched[-1].is_alive = False
        stage.supervisor.poll()
        delays.append(stage.supervisor.roles[0].due_s - stage.now_s)
        stage.now_s += LONGEST_DELAY_S
        stage.supervisor.poll()
    assert delays == [1, 2, 4, 8, 16, 30, 30]
    stage.launched[-1].is_alive, stage.launched[-1].age_s = False, WELL_AFTER_S + 1
    stage.supervisor.poll()
    assert stage.supervisor.roles[0].due_s - stage.now_s == 1


def test_a_role_whose_heart_stopped_is_ended_and_started_again() -> None:
    stage = Stage("detect")
    stage.supervisor.poll()
    stage.launched[0].answer = {"healthy": False, "ready": True, "silent": ["detect"]}
    stage.now_s += SILENCE_LIMIT_S - 1
    stage.supervisor.poll()
    assert stage.launched[0].is_alive
    stage.now_s += 1
    stage.supervisor.poll()
    assert not stage.launched[0].is_alive
    assert stage.said[0] == "detect: no sign of life from detect; ending it"
    assert stage.states() == ["waiting"]


def test_a_role_that_starts_is_given_more_time() -> None:
    stage = Stage("detect")
    stage.launched[0].port, stage.launched[0].answer = None, None
    stage.now_s += SILENCE_LIMIT_AT_START_S - 1
    stage.supervisor.poll()
    assert stage.states() == ["starting"]
    stage.now_s += 1
    stage.supervisor.poll()
    assert stage.states() == ["waiting"]


def test_the_collector_waits_until_all_others_consume() -> None:
    stage = Stage("ingest", "collector")
    assert stage.states() == ["starting", "queued"]
    stage.launched[0].answer = {"healthy": True, "ready": False, "silent": []}
    stage.supervisor.poll()
    assert len(stage.launched) == 1
    stage.launched[0].answer = {"healthy": True, "ready": True, "silent": []}
    stage.supervisor.poll()
    stage.supervisor.poll()
    assert stage.states() == ["running", "running"]


def test_held_roles_stay_down_until_released() -> None:
    stage = Stage("ingest", "detect")
    stage.supervisor.poll()
    stage.supervisor.hold(["ingest"])
    stage.now_s += 100
    stage.supervisor.poll()
    assert stage.states() == ["held", "running"]
    assert stage.supervisor.is_ready
    stage.supervisor.release()
    assert stage.states() == ["starting", "running"]


def test_every_role_is_asked_to_end_before_any_is_waited_for() -> None:
    stage = Stage("ingest", "detect")
    stage.supervisor.stop()
    assert all(child.terminated and child.finished_after is not None for child in stage.launched)
    assert stage.states() == ["ended", "ended"]
    stage.supervisor.poll()
    assert len(stage.launched) == 2


def test_roles_that_have_nothing_left_to_drain_to_are_given_less_time() -> None:
    stage = Stage("ingest")
    stage.supervisor.stop(limit_s=2)
    assert stage.launched[0].terminated
    assert stage.launched[0].finished_after == 2

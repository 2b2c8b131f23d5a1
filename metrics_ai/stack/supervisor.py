"""Keeps a process a role alive: a role that dies, or whose heart stops, is started again, ever later, and said so."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from metrics_ai.stack.child import Child, ChildSpec

FIRST_DELAY_S: Final = 1.0
LONGEST_DELAY_S: Final = 30.0
# One that lived this long is well again: the next delay is the first.
WELL_AFTER_S: Final = 60.0
STOP_LIMIT_S: Final = 20.0
# How long a child may say that its heart has stopped, or say nothing, before it is ended: one that starts may be
# compiling, which keeps it from answering.
SILENCE_LIMIT_S: Final = 60.0
SILENCE_LIMIT_AT_START_S: Final = 300.0

State = Literal["queued", "starting", "running", "waiting", "held", "ended"]
Say = Callable[[str], None]


@dataclass
class Role:
    """A role and its process, if it has one now.

    Parameters
    ----------
    spec
        How it is started.
    child
        Its process; the last one while it waits for its restart.
    state
        ``held`` is ended on purpose and not started again until released.
    restarts
        How often it was started again.
    ended_s
        Since when it does not consume, where it ended unasked.
    """

    spec: ChildSpec
    child: Child | None = None
    state: State = "ended"
    restarts: int = 0
    delay_s: float = FIRST_DELAY_S
    due_s: float = 0.0
    heard_s: float = 0.0
    was_ready: bool = False
    ended_s: float | None = None

    @property
    def name(self) -> str:
        """The role."""
        return self.spec.role

    def describe(self) -> dict[str, Any]:
        """For the page and the JSON."""
        child = self.child if self.child and self.child.is_alive else None
        return {
            "role": self.name,
            "state": self.state,
            "pid": child.pid if child else None,
            "up_s": round(child.age_s) if child else None,
            "memory_bytes": child.rss_bytes if child else 0,
            "restarts": self.restarts,
        }


class Supervisor:
    """Starts roles and keeps them; ``poll`` is to be called about twice a second by the thread that started them.

    Parameters
    ----------
    specs
        The roles, in the order of their start.
    last
        Roles that wait until all others consume: a collector would learn the bustle of their start as normal.
    say
        Where to tell what happens.
    launch
        Starts a process.
    clock
        Monotonic seconds.
    """

    def __init__(
        self,
        specs: Sequence[ChildSpec],
        say: Say,
        launch: Callable[[ChildSpec], Child] = Child,
        clock: Callable[[], float] = time.monotonic,
        last: Sequence[str] = (),
    ) -> None:
        self._last = last
        self.roles = [Role(spec) for spec in specs]
        self._say = say
        self._launch = launch
        self._clock = clock

    @property
    def is_ready(self) -> bool:
        """Whether every role consumes (one held on purpose does not count)."""
        return all(role.state in ("running", "held") for role in self.roles)

    def start(self) -> None:
        """Start every role, those that come last excepted."""
        for role in self.roles:
            if role.name in self._last:
                role.state, role.due_s = "queued", 0.0
            else:
                self._start(role)

    def poll(self) -> None:
        """Look after every role once."""
        for role in self.roles:
            match role.state:
                case "starting" | "running":
                    self._look(role)
                case "waiting":
                    if self._clock() >= role.due_s:
                        role.restarts += 1
                        self._start(role)
                case "queued":
                    if all(other.state == "running" for other in self.roles if other.name not in self._last):
                        self._start(role)
                case "held" | "ended":
                    pass

    def hold(self, names: Sequence[str]) -> None:
        """End these roles in order, and do not start them again."""
        held = [role for role in self.roles if role.name in names and role.state not in ("held", "ended")]
        self._end(held, "held")

    def release(self) -> None:
        """Start what was held."""
        for role in self.roles:
            if role.state == "held":
                self._start(role)

    def stop(self, limit_s: float = STOP_LIMIT_S) -> None:
        """End every role: each is asked to drain, all at once, then after the limit ended for certain."""
        self._end(self.roles, "ended", limit_s)

    def _start(self, role: Role) -> None:
        role.child = self._launch(role.spec)
        role.state, role.heard_s, role.was_ready = "starting", self._clock(), False

    def _end(self, roles: Sequence[Role], state: State, limit_s: float = STOP_LIMIT_S) -> None:
        for role in roles:
            role.state, role.ended_s = state, None
            if role.child:
                role.child.terminate()
        deadline = self._clock() + limit_s
        for role in roles:
            if role.child:
                role.child.finish(deadline - self._clock())
                role.child = None

    def _look(self, role: Role) -> None:
        child = role.child
        if child is None or not child.is_alive:
            self._bury(role)
            return
        status = child.status()
        if status and status["healthy"]:
            role.heard_s = self._clock()
            role.was_ready = role.was_ready or status["ready"]
            role.state = "running" if status["ready"] else "starting"
            self._welcome(role)
            return
        limit_s = SILENCE_LIMIT_S if role.was_ready else SILENCE_LIMIT_AT_START_S
        if self._clock() - role.heard_s >= limit_s:
            silent = ", ".join(status["silent"]) if status else "its HTTP port"
            self._say(f"{role.name}: no sign of life from {silent}; ending it")
            child.finish(0)
            self._bury(role)

    def _welcome(self, role: Role) -> None:
        """Say once that a role which had ended is back."""
        if role.state == "running" and role.ended_s is not None:
            self._say(f"{role.name}: consumes again, after {self._clock() - role.ended_s:.0f} s")
            role.ended_s = None

    def _bury(self, role: Role) -> None:
        child = role.child
        if child is not None:
            child.finish(0)
            if child.age_s > WELL_AFTER_S:
                role.delay_s = FIRST_DELAY_S
        ended = child.exit_text if child else "not started"
        words = child.last_words() if child else ""
        reason = f" ({words})" if words else ""
        self._say(f"{role.name}: ended, {ended}{reason}; starting it again in {role.delay_s:g} s")
        role.ended_s = self._clock() if role.ended_s is None else role.ended_s
        role.state, role.due_s = "waiting", self._clock() + role.delay_s
        role.delay_s = min(role.delay_s * 2, LONGEST_DELAY_S)

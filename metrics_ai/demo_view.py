"""What the demonstration shows: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psutil
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from incidents.lifecycle import LIVING
from incidents.review.wording import took
from metrics_ai.event_listing import PRIORITY_STYLE, is_objective, number_text, observed_text, range_text, score_text
from metrics_ai.slo_printing import left_text
from schemas.incident_events import Incident, IncidentMember
from schemas.slo_events import SloAlert, SloStatus
from slo.definition import Slo
from slo.durations import duration_text
from slo.words import indicator_text, objective_text

if TYPE_CHECKING:
    from incidents.review import Report
    from metrics_ai.demo import DemoSettings
    from metrics_ai.demo_objective import ObjectiveNews
    from metrics_ai.demo_people import Told

_LINE_EVERY_S: Final = 10.0
_MEMBERS_SHOWN: Final = 12
_RATES_SHOWN: Final = 2


class DemoView:
    """Shows the course of a demonstration.

    Parameters
    ----------
    console
        Where.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, markup=False)
        self._live: Live | None = None
        self._settings: DemoSettings | None = None
        self._phase = "learning"
        self._fault_ms: int | None = None
        self._told: dict[str, str] = {}
        self._line_s = 0.0
        self._budget = ""
        self.fault_is_over = False

    def say(self, text: str) -> None:
        """A line that stays."""
        self._console.print(text, soft_wrap=True)

    def say_at(self, at_ms: int, text: str) -> None:
        """A line that stays, with its time."""
        self.say(f"{_clock(at_ms)} {text}")

    def told(self, told: Told) -> None:
        """Somebody is told of something."""
        self.say_at(told.at_ms, f"TOLD: {told.line}{self._after(told.at_ms)}")

    def who_was_told(self, told: Sequence[Told]) -> None:
        """Who was told of the incident, and when."""
        if not told:
            self.say("Nobody was told of it.")
            return
        self.say("Who was told of it, by webhooks to a receiver of the demo:")
        for one in told:
            self.say(f"  {_clock(one.at_ms)} {one.line}{self._after(one.at_ms)}")

    def incident_report(self, report: Report, page: Path) -> None:
        """Where the report of the incident is, and how long it took."""
        times = report.times
        steps = {"detect": times.to_detect_s, "acknowledge": times.to_acknowledge_s, "resolve": times.to_resolve_s}
        known = ", ".join(f"to {step} {took(seconds)}" for step, seconds in steps.items() if seconds is not None)
        self.say(f"The report of the incident ({known or 'no times yet'}): {page}")

    def _after(self, at_ms: int) -> str:
        return "" if self._fault_ms is None else f" ({(at_ms - self._fault_ms) / 1000:+.1f} s from the fault)"

    def ready(self, addresses: Mapping[str, Any], settings: DemoSettings, objective: tuple[Slo, Path]) -> None:
        """The stack consumes."""
        self._settings = settings
        self._phase = "learning" if settings.faults else "watching"
        self.say(f"The stack is ready: broker {addresses['broker']}, page {addresses['http']}")
        self.say(
            "This machine's metrics come in each second. Settings are the shipped ones, but for a warm-up of "
            f"{settings.warmup_s:g} s instead of 180 s in the window of 5 minutes."
        )
        slo, place = objective
        self.say(f"The objective {slo.name} ({place}): {objective_text(slo)}. Good: {indicator_text(slo)}.")
        self.say("Look further from another terminal:")
        for command in ("incidents --follow", "alerts", "slo status", "doctor"):
            self.say(f"  .venv/bin/metrics-ai {command} --broker {addresses['broker']}")
        self.say(f"  .venv/bin/metrics-ai alerts why ALERT --url {addresses['http']}")
        if self._console.is_terminal:
            self._live = Live(console=self._console, auto_refresh=False)
            self._live.start()

    def fault_began(self, at_ms: int, settings: DemoSettings) -> None:
        """The fault is there."""
        self._phase, self._fault_ms = "fault", at_ms
        what = " and ".join(_FAULT_WORDS[fault] for fault in settings.faults)
        self.say(f"{_clock(at_ms)} FAULT: {what} by child processes, for {settings.fault_s:g} s")

    def fault_ended(self) -> None:
        """The fault is over."""
        self._phase, self.fault_is_over = "clearing", True
        self.say("The fault is over; the incident resolves when its signals have been well for a while.")

    def cleared(self) -> None:
        """The incident has resolved."""
        self._phase = "over"
        ends_itself = self._settings is not None and self._settings.seconds is not None
        self.say("The incident has resolved." + ("" if ends_itself else " Ctrl-C ends the stack."))

    def show(
        self, incidents: Sequence[Incident], news: Sequence[tuple[str, Incident | None]], elapsed_s: float
    ) -> None:
        """The present state, and what has just changed."""
        if self._live is not None:
            self._live.update(self._screen(incidents, elapsed_s), refresh=True)
            return
        for _, incident in news:
            if incident is not None:
                self._tell(incident)
        if elapsed_s - self._line_s >= _LINE_EVERY_S:
            self._line_s = elapsed_s
            self.say(f"[{elapsed_s:3.0f} s] {self._status_line(incidents, elapsed_s)}")

    def objective(self, news: ObjectiveNews) -> None:
        """What has just been told of the objective: a line that moves with its budget, and each turn of an alert."""
        for alert in news.alerts:
            if alert.state != "update":
                self.say(_alert_line(alert, self._fault_ms))
        if news.status is None:
            return
        budget, self._budget = self._budget, _budget_line(news.status)
        if self._live is None and self._budget != budget and news.status.budget("own").total:
            self.say(f"{_clock(news.status.at_ms)} {self._budget}")

    def _status_line(self, incidents: Sequence[Incident], elapsed_s: float) -> str:
        count = sum(one.state in LIVING for one in incidents)
        seen = f"{count} open incident{'' if count == 1 else 's'}" if incidents else "no incident"
        memory = psutil.virtual_memory()
        settings = self._settings
        until = f", the fault begins in {settings.fault_at_s - elapsed_s:.0f} s" if settings and settings.faults else ""
        phase = self._phase + (until if self._phase == "learning" else "")
        return f"{phase}; cpu {psutil.cpu_percent():.0f} %, memory {memory.percent:.0f} %; {seen}"

    def _tell(self, incident: Incident) -> None:
        """Plain lines for what is new in an incident."""
        line = f"incident {incident.id} {incident.state}, {incident.priority}: {incident.title}"
        self._once(incident.id, f"{incident.state} {incident.priority} {incident.title}", line)
        for member in incident.members:
            self._once(member.alert_id, member.state, f"  {member.state}: {_member_line(member)}")

    def _once(self, key: str, state: str, line: str) -> None:
        if self._told.get(key) != state:
            self._told[key] = state
            self.say(line)

    def _screen(self, incidents: Sequence[Incident], elapsed_s: float) -> RenderableType:
        parts: list[RenderableType] = [Text(f"{elapsed_s:4.0f} s  {self._status_line(incidents, elapsed_s)}", "bold")]
        parts += [Text(self._budget)] if self._budget else []
        shown = [one for one in incidents if one.state != "merged"][-3:]
        parts += [_panel(one, self._fault_ms) for one in shown]
        return Group(*parts)

    def verdict(self, incidents: Sequence[Incident], noticed: Incident | None, *, cleared: bool) -> None:
        """The last word."""
        self.close()
        if noticed is None:
            provoked = "Nothing was provoked" if self._fault_ms is None else "A fault was provoked"
            seen = f"{len(incidents)} other incidents were seen" if incidents else "nothing was seen"
            self.say(f"{provoked}, and {seen}.")
            return
        assert self._fault_ms is not None
        after_s = (noticed.started_ms - self._fault_ms) / 1000
        self.say(f"The incident began {after_s:.1f} s after the fault: {noticed.title}")
        for member in noticed.members:
            self.say(f"  {_member_line(member)}")
        lasted = "" if noticed.ended_ms is None else f" after {(noticed.ended_ms - noticed.started_ms) / 1000:.0f} s"
        self.say(f"It cleared{lasted}, and resolved." if cleared else "It has not cleared yet.")

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._live is not None:
            self._live.stop()
            self._live = None


_FAULT_WORDS: Final = {"cpu": "every core burns", "memory": "memory fills", "disk": "the disk is written to"}


def _panel(incident: Incident, fault_ms: int | None) -> Panel:
    table = Table("signal", "state", "windows", "expected", "observed", "since", "score", "sure", box=None)
    for member in incident.members[:_MEMBERS_SHOWN]:
        table.add_row(
            _signal(member) + (f" ({member.role})" if member.role else ""),
            Text(member.state, "red" if member.state == "firing" else "green"),
            " ".join(member.windows) or "-",
            range_text(member.expected),
            _observed(member),
            _clock(member.started_ms),
            score_text(member.peak_score),
            f"{member.confidence:.0%}",
        )
    after = "" if fault_ms is None else f", {(incident.started_ms - fault_ms) / 1000:+.1f} s from the fault"
    facts = f"{incident.state} since {_clock(incident.started_ms)}{after}, {incident.confidence:.0%} sure"
    title = Text.assemble((f" {incident.priority} ", PRIORITY_STYLE[incident.priority]), incident.title, " ")
    return Panel(Group(Text(facts), table), title=title, title_align="left", subtitle=incident.id)


def _budget_line(status: SloStatus) -> str:
    """Where the budget stands, and how it burns in the windows that alerts look at."""
    own = status.budget("own")
    rates = (f"{duration_text(one.window_s)} {number_text(one.burn_rate)}" for one in status.burn[:_RATES_SHOWN])
    left = left_text(own.remaining_of_period, 4)
    return f"{status.slo}: kept {left_text(own.compliance, 4)}, budget left {left}, burn rate {'  '.join(rates)}"


def _alert_line(alert: SloAlert, fault_ms: int | None) -> str:
    after = "" if fault_ms is None else f", {(alert.at_ms - fault_ms) / 1000:+.1f} s from the fault"
    line = f"{_clock(alert.at_ms)} ALERT {alert.alert} {alert.priority} {alert.state}{after}: {alert.summary}"
    if alert.state != "start":
        return line
    spent = ", ".join(one.who for one in alert.spenders) or "nobody that is known"
    return f"{line}\n  spent by {spent}; runbooks that fit: {', '.join(alert.runbooks) or 'none'}"


def _signal(member: IncidentMember) -> str:
    parts = [f"{name}={value}" for name, value in member.labels.items() if name in ("mount", "device", "interface")]
    return member.signal + (f" ({', '.join(parts)})" if parts else "")


def _observed(member: IncidentMember) -> str:
    return observed_text(member.observed, member.unit) if is_objective(member.signal) else number_text(member.observed)


def _member_line(member: IncidentMember) -> str:
    role = f" ({member.role})" if member.role else ""
    if is_objective(member.signal):
        at = _clock(member.started_ms)
        return f"{member.signal} since {at}{role}: {_observed(member)}, {member.priority} {member.severity}"
    windows = f" in {' '.join(member.windows)}" if member.windows else ""
    return (
        f"{_signal(member)} since {_clock(member.started_ms)}{role}: observed {number_text(member.observed)}, "
        f"expected {range_text(member.expected)}{windows}, score {score_text(member.peak_score)}, "
        f"{member.confidence:.0%} sure, {member.priority} {member.severity}"
    )


def _clock(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%H:%M:%S")

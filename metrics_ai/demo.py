"""``make demo``: the stack, this machine's own metrics, a real fault, the incident as it forms, and who is told of it.

Environment: ``DEMO_SECONDS`` ends it by itself after so long from the ready stack (status 0 only if an incident that
names the provoked signal began within 10 s of the fault and cleared after it); ``DEMO_FAULT`` is ``cpu+memory`` (the
default), ``cpu``, ``memory``, ``disk`` or ``none``; ``DEMO_WARMUP_S`` and ``DEMO_FAULT_S`` change the course;
``DEMO_REPORT`` is where the report of the objective goes (``demo_slos/``; the fault ``cpu`` burns it), and
``DEMO_INCIDENT`` where that of the incident does; ``DEMO_ACK=no`` leaves the page unacknowledged, so that it escalates.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from metrics_ai.config import load_config
from metrics_ai.demo_objective import FILE, ObjectiveWatch, demo_slo, objective_changes, write_report
from metrics_ai.demo_people import PAGE, Acknowledger, LocalReceiver, Told, people_changes
from metrics_ai.demo_report import write_incident_report
from metrics_ai.demo_view import DemoView
from metrics_ai.fault import SIGNALS, Fault
from metrics_ai.stack.stack import Stack, StackOptions, history_folder
from metrics_ai.stack.up import ending_signals
from metrics_ai.topic_reader import Latest, TopicReader
from schemas.errors import ConfigurationError, MachineError, MetricsAIError
from schemas.incident_events import Incident
from schemas.topics import INCIDENTS

# An incident of the fault starts within this of it, in event time.
NOTICED_WITHIN_MS: Final = 10_000
READY_LIMIT_S: Final = 240.0
_TELL_EVERY_S: Final = 10.0
FAULTS: Final = ("cpu", "memory")
WARMUP_S: Final = 20.0
FAULT_S: Final = 18.0
_EVERY_S: Final = 0.25
_SETTLE_S: Final = 5.0
_ACK_AFTER_S: Final = 4.0


@dataclass(frozen=True, slots=True)
class DemoSettings:
    """The course of a demonstration.

    Parameters
    ----------
    faults
        What to provoke.
    seconds
        When to end by itself, from the ready stack; None for never.
    warmup_s, fault_s
        How long to learn before, and how long the fault lasts.
    report, incident
        Where the reports of the objective and of the incident go; None for a folder of their own among the temporary
        files.
    acknowledges
        Whether somebody looks after the page.
    """

    faults: tuple[str, ...] = FAULTS
    seconds: float | None = None
    warmup_s: float = WARMUP_S
    fault_s: float = FAULT_S
    report: Path | None = None
    incident: Path | None = None
    acknowledges: bool = True

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Read ``DEMO_...``.

        Raises
        ------
        ConfigurationError
            If a variable cannot hold.

        Examples
        --------
        >>> DemoSettings.from_environment({"DEMO_FAULT": "none", "DEMO_SECONDS": "90"}).faults
        ()
        """
        text = environ.get("DEMO_FAULT") or "+".join(FAULTS)
        faults = () if text == "none" else tuple(text.split("+"))
        if unknown := [fault for fault in faults if fault not in SIGNALS]:
            raise ConfigurationError(
                f"DEMO_FAULT: there is no fault {unknown[0]!r}", f"Choose {', '.join(SIGNALS)}, joined by +, or none"
            )
        seconds = _seconds(environ, "DEMO_SECONDS")
        warmup_s = _seconds(environ, "DEMO_WARMUP_S")
        fault_s = _seconds(environ, "DEMO_FAULT_S")
        report, incident = (Path(text) if text else None for text in map(environ.get, ("DEMO_REPORT", "DEMO_INCIDENT")))
        acknowledges = environ.get("DEMO_ACK", "").lower() not in ("no", "0", "false")
        return cls(faults, seconds, warmup_s or WARMUP_S, fault_s or FAULT_S, report, incident, acknowledges)

    @property
    def fault_at_s(self) -> float:
        """When the fault begins: what comes last in a collector's round must have been learned long enough, too."""
        return self.warmup_s + _SETTLE_S

    @property
    def signals(self) -> frozenset[str]:
        """The metrics that the faults show in."""
        return frozenset(signal for fault in self.faults for signal in SIGNALS[fault])

    def changes(self) -> dict[str, str]:
        """What differs from the shipped settings, for the roles."""
        return {
            "METRICS_AI__COLLECTOR__INTERVAL_S": "1",
            # As shipped; `up` ticks less often on its own broker, which would keep every tick for a week.
            "METRICS_AI__TICKS__DECIDE_INTERVAL_S": "1",
            "METRICS_AI__DETECT__WINDOWS__5M__WARMUP_S": f"{self.warmup_s:g}",
        }


def _seconds(environ: Mapping[str, str], name: str) -> float | None:
    text = environ.get(name)
    if not text:
        return None
    try:
        return float(text)
    except ValueError as error:
        raise ConfigurationError(f"{name}: {text!r} is not a number of seconds", f"Set it like {name}=90") from error


@dataclass
class Verdict:
    """What was seen, and whether it is what was provoked."""

    settings: DemoSettings
    fault_ms: int | None = None
    latest: Latest[Incident] = field(default_factory=Latest)
    told: list[Told] = field(default_factory=list)

    @property
    def incidents(self) -> list[Incident]:
        """All that were seen."""
        return list(self.latest.events())

    def noticed(self) -> Incident | None:
        """The incident that names a provoked signal and began within 10 s of the fault."""
        if self.fault_ms is None:
            return None
        first, last = self.fault_ms, self.fault_ms + NOTICED_WITHIN_MS
        for one in self.incidents:
            named = any(
                member.signal in self.settings.signals and first <= member.started_ms <= last for member in one.members
            )
            if named and first <= one.started_ms <= last:
                return one
        return None

    @property
    def is_cleared(self) -> bool:
        """Whether that incident has resolved."""
        one = self.noticed()
        return one is not None and one.state == "resolved"

    def newest(self) -> Incident | None:
        """The last incident to begin, of those that are no part of another one."""
        whole = [one for one in self.incidents if one.merged_into is None]
        return max(whole, key=lambda one: one.started_ms, default=None)

    def told_of(self, incident: Incident) -> list[Told]:
        """What people were told of an incident."""
        ids = {incident.id, *incident.aliases}
        return [one for one in self.told if one.incident_id in ids]

    @property
    def is_told(self) -> bool:
        """Whether somebody was told of that incident."""
        one = self.noticed()
        return one is not None and any(told.action == "open" for told in self.told_of(one))


class Demo:
    """One demonstration, from the start of the stack to the verdict.

    Parameters
    ----------
    settings
        Its course.
    view
        Where it shows.
    data_dir
        For logs; removed by whoever made it.
    """

    def __init__(self, settings: DemoSettings, view: DemoView, data_dir: Path) -> None:
        self._settings = settings
        self._view = view
        self._data_dir = data_dir
        self._config = load_config()
        self._slo = demo_slo(self._config.tenant)
        self.verdict = Verdict(settings)
        self._fault: Fault | None = None
        self._ready_s = 0.0
        self._cleared_said = False
        self._receiver = LocalReceiver()
        self._paged_s: float | None = None

    def run(self, stop: threading.Event) -> bool:
        """Run it; whether the fault was noticed in time, told to somebody, and cleared.

        Raises
        ------
        MetricsAIError
            If the stack does not start.
        """
        with self._receiver:
            return self._run(stop)

    def _run(self, stop: threading.Event) -> bool:
        history = history_folder(self._data_dir)
        changes = self._settings.changes() | objective_changes(history) | people_changes(self._receiver, self._data_dir)
        options = StackOptions(self._data_dir, broker_port=0, port=0, changes=changes)
        with ExitStack() as ends, Stack(self._config, options, self._view.say) as stack:
            ends.callback(self._view.close)
            ends.callback(self._end_fault)
            if not self._await_ready(stack, stop):
                return False
            self._view.ready(stack.addresses(), self._settings, (self._slo, FILE))
            self._acknowledger = Acknowledger(self._config, stack.addresses()["http"])
            self._ready_s = time.monotonic()
            with (
                TopicReader(stack.kafka, INCIDENTS, Incident) as reader,
                ObjectiveWatch(stack.kafka, self._slo) as watch,
            ):
                while not (stop.is_set() or self._is_over()):
                    self._turn(stack, reader, watch)
            noticed = self.verdict.noticed()
            self._view.verdict(self.verdict.incidents, noticed, cleared=self.verdict.is_cleared)
            if (shown := noticed or self.verdict.newest()) is not None:
                self._view.who_was_told(self.verdict.told_of(shown))
                self._report_incident(stack, shown)
        self._report(history)
        return self.verdict.is_cleared and self.verdict.is_told

    def _report_incident(self, stack: Stack, incident: Incident) -> None:
        """Write the report of the incident while the topics are there."""
        try:
            report, page = write_incident_report(stack.kafka, incident.id, self._settings.incident)
        except MetricsAIError as error:
            self._view.say(f"No report of the incident {incident.id}: {error}")
        else:
            self._view.incident_report(report, page)

    def _report(self, history: Path) -> None:
        """Write the report, once the role project has written all that it heard."""
        try:
            page = write_report(self._config, self._slo, history, self._settings.report)
        except MetricsAIError as error:
            self._view.say(f"No report of the objective {self._slo.name}: {error}")
        else:
            self._view.say(f"The report of the objective {self._slo.name}: {page}")

    def _await_ready(self, stack: Stack, stop: threading.Event) -> bool:
        self._view.say("Starting an embedded broker, every stage, and a collector, on free ports ...")
        began_s = told_s = time.monotonic()
        while not stack.is_ready:
            if stop.wait(0.1):
                return False
            stack.poll()
            if time.monotonic() - told_s > _TELL_EVERY_S:
                told_s = time.monotonic()
                self._view.say(f"... waiting for {', '.join(stack.unready_roles())}")
            if time.monotonic() - began_s > READY_LIMIT_S:
                raise MachineError(
                    f"the stack does not consume after {READY_LIMIT_S:g} s", f"See the logs in {self._data_dir}"
                )
        return True

    def _is_over(self) -> bool:
        seconds = self._settings.seconds
        return seconds is not None and time.monotonic() - self._ready_s >= seconds

    def _turn(self, stack: Stack, reader: TopicReader[Incident], watch: ObjectiveWatch) -> None:
        stack.poll()
        records = reader.poll(_EVERY_S)
        self.verdict.latest.take(records)
        elapsed_s = time.monotonic() - self._ready_s
        self._course(elapsed_s)
        self._view.objective(watch.poll())
        self._view.show(self.verdict.incidents, records, elapsed_s)
        self._hear(elapsed_s)

    def _hear(self, elapsed_s: float) -> None:
        """What people were told just now; a while after the first page somebody says that they look after it."""
        news = self._receiver.news()
        self.verdict.told += news
        for one in news:
            self._view.told(one)
        pages = [one for one in self.verdict.told if one.receiver == PAGE and one.action == "open" and one.incident_id]
        if pages and self._settings.acknowledges:
            self._paged_s = elapsed_s if self._paged_s is None else self._paged_s
            if elapsed_s >= self._paged_s + _ACK_AFTER_S:
                self._acknowledger.acknowledge(str(pages[0].incident_id))
        if said := self._acknowledger.take_said():
            self._view.say_at(time.time_ns() // 1_000_000, said)

    def _course(self, elapsed_s: float) -> None:
        """What is to be done at this moment."""
        begin_s = self._settings.fault_at_s
        if self._fault is None:
            if elapsed_s >= begin_s and self._settings.faults:
                self.verdict.fault_ms = time.time_ns() // 1_000_000
                self._fault = Fault(self._settings.faults, self._settings.fault_s)
                self._view.fault_began(self.verdict.fault_ms, self._settings)
            return
        if elapsed_s >= begin_s + self._settings.fault_s and not self._view.fault_is_over:
            self._end_fault()
            self._view.fault_ended()
        if self.verdict.is_cleared and not self._cleared_said:
            self._cleared_said = True
            self._view.cleared()

    def _end_fault(self) -> None:
        if self._fault is not None:
            self._fault.end()


def main() -> int:
    """Run the demonstration; the exit status."""
    try:
        settings = DemoSettings.from_environment(os.environ)
        with (
            tempfile.TemporaryDirectory(prefix="metrics-ai-demo-", ignore_cleanup_errors=True) as folder,
            ending_signals() as stop,
        ):
            demo = Demo(settings, DemoView(), Path(folder))
            fine = demo.run(stop)
    except MetricsAIError as error:
        sys.stderr.write(f"metrics-ai: {error}\n")
        return 2
    # Whoever ends it by hand before the end has not been refused anything.
    return 0 if fine or (settings.seconds is None and stop.is_set()) else 1


if __name__ == "__main__":
    sys.exit(main())

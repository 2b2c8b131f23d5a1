"""The demonstration's verdict, its settings, and how far its fault may go."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from metrics_ai.demo import FAULT_S, DemoSettings, Verdict
from metrics_ai.demo_objective import FILE, ObjectiveNews, demo_slo
from metrics_ai.demo_view import DemoView
from metrics_ai.fault import MEMORY_LIMIT_BYTES, SIGNALS, memory_bytes
from schemas.errors import ConfigurationError
from schemas.incident_events import Incident
from schemas.slo_events import BudgetShare, SloAlert
from slo.evaluate import evaluate
from slo.recorded import Series

FAULT_MS = 1_795_446_000_000


def _incident(
    after_s: float, signal: str = "node_cpu_ratio", state: str = "open", began_s: float | None = None
) -> Incident:
    started_ms = FAULT_MS + round(1000 * after_s)
    member: dict[str, Any] = {
        "alert_id": "a-1",
        "entity": "node:n1",
        "signal": signal,
        "state": "firing",
        "priority": "P2",
        "severity": "warning",
        "started_ms": started_ms,
        "peak_score": 4.2,
        "observed": 0.99,
        "expected": {"low": 0.1, "center": 0.2, "high": 0.4},
        "windows": ["5m"],
        "confidence": 0.9,
        "summary": "cpu",
    }
    return Incident.model_validate(
        {
            "id": "i-1",
            "tenant": "default",
            "state": state,
            "title": "node_cpu_ratio anomalous on node:n1",
            "priority": "P2",
            "severity": "warning",
            "started_ms": started_ms if began_s is None else FAULT_MS + round(1000 * began_s),
            "updated_ms": started_ms,
            "members": [member],
            "entities": ["node:n1"],
            "signals": [signal],
            "confidence": 0.9,
            "revision": 1,
        }
    )


def _verdict(*incidents: Incident, fault_ms: int | None = FAULT_MS) -> Verdict:
    verdict = Verdict(DemoSettings(), fault_ms)
    verdict.latest.take([(one.id, one) for one in incidents])
    return verdict


@pytest.mark.parametrize(
    ("incident", "noticed"),
    [
        (_incident(3), True),
        (_incident(10), True),
        (_incident(10.1), False),
        (_incident(-1), False),
        (_incident(3, "node_network_receive_bytes_total"), False),
        (_incident(3, "node_memory_used_ratio"), True),
        (_incident(3, began_s=-5), False),
    ],
)
def test_an_incident_counts_if_it_names_the_signal_and_began_within_ten_seconds(
    incident: Incident, noticed: bool
) -> None:
    assert (_verdict(incident).noticed() is not None) == noticed


def test_it_must_clear_too() -> None:
    assert not _verdict(_incident(3)).is_cleared
    assert _verdict(_incident(3, state="resolved")).is_cleared


def test_without_a_fault_nothing_counts() -> None:
    assert not _verdict(_incident(3, state="resolved"), fault_ms=None).is_cleared


def test_the_environment_chooses_the_faults() -> None:
    assert DemoSettings.from_environment({}).faults == ("cpu", "memory")
    assert DemoSettings.from_environment({"DEMO_FAULT": "disk"}).signals == set(SIGNALS["disk"])
    assert DemoSettings.from_environment({"DEMO_FAULT": "none"}).signals == set()
    assert DemoSettings.from_environment({"DEMO_SECONDS": "90"}).seconds == 90


@pytest.mark.parametrize("environ", [{"DEMO_FAULT": "earthquake"}, {"DEMO_SECONDS": "long"}])
def test_what_cannot_be_is_said(environ: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(environ))):
        DemoSettings.from_environment(environ)


def test_memory_is_filled_within_bounds(tmp_path: Path) -> None:
    assert 0 < memory_bytes(tmp_path) <= MEMORY_LIMIT_BYTES
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("600000\n")
    assert memory_bytes(tmp_path) == 160_000
    (tmp_path / "memory.max").write_text("max\n")
    assert memory_bytes(tmp_path) > 160_000


def _shown(terminal: bool) -> str:
    out = io.StringIO()
    view = DemoView(Console(file=out, force_terminal=terminal, width=160, color_system=None))
    settings = DemoSettings(seconds=90)
    view.ready({"broker": "h:1", "http": "http://h:2"}, settings, (demo_slo("default"), FILE))
    view.fault_began(FAULT_MS, settings)
    opened, resolved = _incident(4), _incident(4, state="resolved")
    view.show([opened], [("i-1", opened)], 11.0)
    view.show([resolved], [("i-1", resolved)], 12.0)
    view.verdict([resolved], resolved, cleared=True)
    return out.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_the_incident_is_shown_with_signal_window_range_and_certainty(terminal: bool) -> None:
    text = _shown(terminal)
    for words in ("node_cpu_ratio", "0.99", "0.1 .. 0.4", "5m", "90%", "P2", "4.0 s after the fault"):
        assert words in text


def _told(until_s: int, fault_at_s: float = 30) -> ObjectiveNews:
    """What is told of the objective: a sample a second, every one bad during the fault."""
    at_s = np.arange(1, until_s)
    busy = np.where((at_s > fault_at_s) & (at_s <= fault_at_s + FAULT_S), 1.0, 0.3)
    start_ms = FAULT_MS - round(1000 * fault_at_s)
    found = evaluate(demo_slo("default"), {"value": [Series(start_ms + at_s * 1000, busy)]})
    alerts = [one.event() for one in found.alerts]
    return ObjectiveNews(found.status, [one for one in alerts if isinstance(one, SloAlert)])


@pytest.mark.parametrize("learned_s", [20, 30, 45, 60, 300])
def test_the_fault_burns_the_objective_while_it_lasts_and_its_page_ends_soon_after(learned_s: int) -> None:
    first, *_, last = _told(learned_s + 90, learned_s).alerts
    assert (first.alert, first.priority, first.state, last.state) == ("page-quick", "P0", "start", "end")
    assert 0 < first.at_ms - FAULT_MS <= 1000 * FAULT_S
    assert 0 < last.at_ms - FAULT_MS - 1000 * FAULT_S <= 10_000


def test_the_budget_moves_and_its_alert_is_told_with_who_and_what_helps() -> None:
    out = io.StringIO()
    view = DemoView(Console(file=out, force_terminal=False, width=160, color_system=None))
    view.fault_began(FAULT_MS, DemoSettings())
    news = _told(50)
    more = {"spenders": [BudgetShare(who="node:vm", bad=9)], "runbooks": ["node-pressure"], "summary": "it burns"}
    alerts = [one.model_copy(update=more) for one in news.alerts]
    view.objective(_told(30))
    view.objective(ObjectiveNews(news.status, alerts))
    view.objective(ObjectiveNews(news.status))
    text = out.getvalue()
    assert text.count("cpu-headroom: kept 100 %, budget left 100 %, burn rate 5s 0  1m 0") == 1
    assert text.count("cpu-headroom: kept ") == 2
    assert re.search(r" ALERT page-quick P0 start, \+\d+\.\d s from the fault: it burns\n", text)
    assert "spent by node:vm; runbooks that fit: node-pressure" in text


def test_plain_lines_say_each_state_once() -> None:
    assert _shown(False).count("incident i-1 open") == 1
    assert _shown(False).count("incident i-1 resolved") == 1

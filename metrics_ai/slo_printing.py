"""What became of an objective, as tables: budgets, burn by window, alerts."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from metrics_ai.event_listing import PRIORITY_STYLE, clock_text, wide_console
from schemas.slo_events import SloStatus
from slo.burn import Transition
from slo.definition import Slo
from slo.durations import duration_text
from slo.evaluate import Evaluation
from slo.simulate import Simulation
from slo.words import objective_text, percent, time_text


def print_evaluation(slo: Slo, found: Evaluation) -> None:
    """Print whether an objective was met, what is left of its budgets, how they burned and which alerts rang."""
    console = wide_console()
    verdict = "met" if found.met else "missed"
    kept = "nothing was measured" if found.compliance is None else f"{left_text(found.compliance)} were good: {verdict}"
    console.print(f"{slo.key}: {objective_text(slo)}; {kept}")
    console.print(f"{clock_text(found.start_ms)} to {clock_text(found.end_ms)}")
    console.print(_budgets(found.status))
    console.print(_burn(found.status))
    _print_left(console, found.status)
    _print_alerts(console, found.alerts, None)


def print_simulation(slo: Slo, found: Simulation, share: float) -> None:
    """Print what an outage does to a budget, and which alerts it raises when."""
    console = wide_console()
    lasts = time_text((found.end_ms - found.start_ms) / 1000)
    console.print(f"{slo.key}: {objective_text(slo)}; for {lasts} {percent(share)} of it would be bad")
    before, after = found.before.budget("own"), found.after.budget("own")
    console.print(f"budget left: {left_text(before.remaining, 4)} before, {left_text(after.remaining, 4)} after")
    _print_alerts(console, found.alerts, found.start_ms)


def print_status(status: SloStatus, state: str) -> None:
    """Print where an objective stands now: budgets, burn by window, who spent it, what rings."""
    console = wide_console()
    stands = f"has {state}" if state.startswith("no ") else f"is {state}"
    console.print(f"{status.key} {stands} as of {clock_text(status.at_ms)}; {percent(status.target)} is wanted")
    if status.no_data:
        console.print("nothing is measured")
    console.print(_budgets(status))
    console.print(_burn(status))
    _print_left(console, status)
    if status.sla is not None:
        console.print(f"SLA {percent(status.sla)}: {left_text(status.sla_remaining, 4)} of its budget left")
    spent = sum(one.bad for one in status.spenders)
    for one in status.spenders:
        console.print(f"spent by {one.who}: {_count(one.bad)}, {left_text(one.bad / spent, 4)} of all that was bad")
    console.print(f"alerts: {', '.join(status.firing) or 'none'}")


def left_text(share: float | None, digits: int = 6) -> str:
    """A share in percent, or a dash."""
    return "-" if share is None else f"{100 * share:.{digits}g} %"


def _count(count: float) -> str:
    return f"{count:,.6g}" if count != round(count) else f"{count:,.0f}"


def _budgets(status: SloStatus) -> Table:
    table = Table("budget", "since", "good", "bad", "unknown", "compliance", "remaining", "of the period", box=None)
    for one in status.budgets:
        table.add_row(
            one.period,
            clock_text(one.since_ms or one.start_ms),
            _count(one.good),
            _count(one.bad),
            _count(one.unknown),
            left_text(one.compliance),
            left_text(one.remaining),
            left_text(one.remaining_of_period),
        )
    return table


def _burn(status: SloStatus) -> Table:
    table = Table("window", "bad", "total", "error ratio", "burn rate", box=None)
    for one in status.burn:
        rate = "-" if one.burn_rate is None else f"{one.burn_rate:.4g}"
        ratio = "-" if one.error_ratio is None else f"{one.error_ratio:.6g}"
        table.add_row(duration_text(one.window_s), _count(one.bad), _count(one.total), ratio, rate)
    return table


def _print_left(console: Console, status: SloStatus) -> None:
    left = status.exhausted_in
    if left is not None and left.p50_s is not None:
        soonest = "now" if left.low_80_s is None else time_text(left.low_80_s)
        latest = "or more" if left.high_80_s is None else f"to {time_text(left.high_80_s)}"
        console.print(f"as it burned lately, the budget lasts {time_text(left.p50_s)} (80 %: {soonest} {latest})")


def _print_alerts(console: Console, alerts: Sequence[Transition], since_ms: int | None) -> None:
    """Starts and ends, at their time or so long after another one."""
    shown = [one for one in alerts if one.state != "update"]
    if not shown:
        console.print("no alert")
        return
    table = Table("alert", "priority", "state", "at" if since_ms is None else "after", "burn rate", "left", box=None)
    for one in shown:
        at = clock_text(one.at_ms) if since_ms is None else time_text((one.at_ms - since_ms) / 1000)
        rate = "-" if one.burn_rate is None else f"{one.burn_rate:.4g}"
        priority = Text(one.priority, PRIORITY_STYLE[one.priority])
        table.add_row(one.alert, priority, one.state, at, rate, left_text(one.budget_left, 4))
    console.print(table)

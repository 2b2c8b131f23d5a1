"""A report as one page of HTML: nothing is loaded from elsewhere, and nothing runs in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from schemas.events import Priority
from slo.durations import duration_text
from slo.report.charts import alert_lanes, budget_chart, burn_chart, days_chart
from slo.report.model import Objective, Report
from slo.report.style import STYLE
from slo.report.wording import against, count, exhaustion, lasted, moment, rate, share
from slo.words import percent

_LOW: Final = 0.25
_FOOT: Final = (
    "Times are UTC. Budget left is what is left of the whole period&#8217;s, if the rest of it sees as much traffic. "
    "A burn rate of 1 spends exactly the budget by the period&#8217;s end."
)


def page_of(report: Report) -> str:
    """The page."""
    many = len(report.objectives) > 1
    title = "Service level objectives" if many else next((one.title for one in report.objectives), "No objective")
    parts = [_overview(report.objectives)] if many else []
    parts += [_section(one, number) for number, one in enumerate(report.objectives, 1)]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(parts)
        + f"\n<footer>{_FOOT}</footer>\n</body>\n</html>\n"
    )


def _overview(objectives: Sequence[Objective]) -> str:
    missed = sum(one.met is False for one in objectives)
    told = f"{len(objectives)} objectives, {missed} missed" if missed else f"{len(objectives)} objectives, none missed"
    head = ("objective", "target", "compliance", "budget left", "lasts", "open alerts")
    rows = [
        (
            f'<a href="#o{number}">{escape(one.title)}</a><br><span class="sub">{escape(one.key)}</span>',
            percent(one.target),
            f'<span class="{_kind(one)}">{against(one.budget.compliance, one.target)}</span>',
            share(one.budget.remaining_of_period, 4) + _meter(one.budget.remaining_of_period),
            exhaustion(one)[0],
            str(one.open_alerts or "-"),
        )
        for number, one in enumerate(objectives, 1)
    ]
    until = moment(objectives[0].to_ms)
    return (
        f'<div class="overview"><h1>Service level objectives</h1><p class="sub">{told}</p>'
        f'<p class="when">until {until} UTC, the least budget first</p>{table(head, rows, right=(1, 2, 5))}</div>'
    )


def _section(one: Objective, number: int) -> str:
    good = f'<p class="sub">Good: <code>{escape(one.good)}</code></p>' if one.good else ""
    return "\n".join(
        [
            f'<section id="o{number}">',
            f'<h1>{escape(one.title)}<span class="badge {_kind(one)}">{one.verdict}</span></h1>',
            f'<p class="sub">{escape(one.says)} · {escape(one.service)} · {escape(one.key)}</p>{good}',
            f'<p class="when">{moment(one.from_ms)} to {moment(one.to_ms)} UTC</p>',
            _figures(one),
            *_charts(one),
            "</section>",
        ]
    )


def _figures(one: Objective) -> str:
    budget = one.budget
    lasts, interval = exhaustion(one)
    sla = f" · SLA {percent(one.sla)}, {share(one.sla_left, 4)} left" if one.sla is not None else ""
    unknown = f", {count(budget.unknown)} unknown" if budget.unknown else ""
    cards = [
        ("Compliance", against(budget.compliance, one.target), f"target {percent(one.target)}{sla}", ""),
        ("Budget left", share(budget.remaining_of_period, 4), "of the period", _meter(budget.remaining_of_period)),
        ("Lasts", lasts, interval, ""),
        ("Bad events", count(budget.bad), f"of {count(budget.total)}{unknown}", ""),
    ]
    return (
        '<div class="figures">'
        + "".join(
            f'<div class="figure"><h3>{name}</h3><b>{value}</b>{more}<span>{below}</span></div>'
            for name, value, below, more in cards
        )
        + "</div>"
    )


def _charts(one: Objective) -> Iterable[str]:
    if chart := budget_chart(one):
        yield _chart("Budget left", "of the period", chart)
    if lanes := alert_lanes(one):
        yield _chart("Alerts", f"{len(one.alerts)}, {one.open_alerts} open", lanes)
    if chart := days_chart(one):
        yield _chart("Compliance by day", f"the line is the target, {percent(one.target)}", chart)
    if panels := [row for row in one.burn if row.points]:
        dashed = "dashed: where an alert begins" if any(row.threshold for row in panels) else "by window"
        body = "".join(
            f'<div class="panel"><header><b>{duration_text(row.window_s)}</b><span>now {rate(row.now)} · peak '
            f"{rate(row.peak)}</span></header>{burn_chart(row, (one.from_ms, one.to_ms))}</div>"
            for row in panels
        )
        yield f'<h2>Burn rate<small>{dashed}</small></h2><div class="panels">{body}</div>'
    if one.ledger:
        yield f"<h2>Who spent it<small>bad events, and their share of the budget</small></h2>{_ledger(one)}"
    if one.alerts:
        yield f"<h2>Every alert</h2>{_alerts(one)}"
    if one.incidents:
        yield f"<h2>Incidents</h2>{_incidents(one)}"


def _chart(name: str, small: str, chart: str) -> str:
    return f'<div class="chart"><h2>{name}<small>{small}</small></h2>{chart}</div>'


def _ledger(one: Objective) -> str:
    most = max(row.bad for row in one.ledger)
    rows = (
        f"<span>{escape(row.who)}</span>"
        f'<i{_rest(row.who)} style="width:{max(0.4, 100 * row.bad / most if most else 0):.1f}%"></i>'
        f"<span>{count(row.bad)}</span><span>{share(row.of_budget, 4)}</span>"
        for row in one.ledger
    )
    return f'<div class="ledger">{"".join(rows)}</div>'


def _rest(who: str) -> str:
    """Those whom nobody named are drawn apart."""
    return ' class="rest"' if who in ("others", "no data") else ""


def _alerts(one: Objective) -> str:
    head = ("alert", "", "start", "lasted", "highest burn rate", "budget left")
    rows = [
        (
            escape(row.alert),
            tag(row.priority),
            moment(row.start_ms),
            lasted(row.start_ms, row.end_ms),
            rate(row.peak_burn),
            share(row.left, 4),
        )
        for row in one.alerts
    ]
    return table(head, rows, right=(4, 5))


def _incidents(one: Objective) -> str:
    head = ("incident", "", "start", "lasted", "budget spent", "id")
    rows = [
        (
            escape(row.title),
            tag(row.priority),
            moment(row.start_ms),
            lasted(row.start_ms, row.end_ms),
            share(row.spent, 4),
            f"<code>{escape(row.id)}</code>",
        )
        for row in one.incidents
    ]
    return table(head, rows, right=(4,))


def table(head: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Rows as a table; numbers stand on the right in the columns that are named. Cells are HTML already."""
    marks = ['class="r"' if at in right else "" for at in range(len(head))]
    top = "".join(f"<th {mark}>{name}</th>" for mark, name in zip(marks, head, strict=True))
    body = "".join(
        f"<tr>{''.join(f'<td {mark}>{cell}</td>' for mark, cell in zip(marks, row, strict=True))}</tr>" for row in rows
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _meter(left: float | None) -> str:
    if left is None:
        return ""
    kind = ' class="low"' if left < _LOW else ""
    return f'<span class="meter"><i{kind} style="width:{100 * min(1.0, max(0.0, left)):.1f}%"></i></span>'


def tag(priority: Priority) -> str:
    """A priority in its colour."""
    return f'<span class="tag {priority.lower()}">{priority}</span>'


def _kind(one: Objective) -> str:
    return one.verdict.replace(" ", "-")

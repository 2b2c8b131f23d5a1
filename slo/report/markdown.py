"""A report as Markdown, for a ticket or a wiki."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from slo.durations import duration_text
from slo.report.model import Objective, Report
from slo.report.wording import against, count, day, exhaustion, lasted, moment, rate, share
from slo.words import percent


def markdown_of(report: Report) -> str:
    """The report's text."""
    parts = ["# Service level objectives\n\n" + _overview(report.objectives)] if len(report.objectives) > 1 else []
    level = "##" if parts else "#"
    return "\n\n".join([*parts, *(_section(one, level) for one in report.objectives)]) + "\n"


def _overview(objectives: Sequence[Objective]) -> str:
    rows = (
        (
            cell(one.key),
            percent(one.target),
            against(one.budget.compliance, one.target),
            one.verdict,
            share(one.budget.remaining_of_period, 4),
            exhaustion(one)[0],
            str(one.open_alerts),
        )
        for one in objectives
    )
    head = ("objective", "target", "compliance", "", "budget left", "lasts", "open alerts")
    return table(head, rows)


def _section(one: Objective, level: str) -> str:
    budget = one.budget
    lasts, interval = exhaustion(one)
    figures = [
        ("compliance", f"{against(budget.compliance, one.target)}, target {percent(one.target)}: **{one.verdict}**"),
        ("budget left", share(budget.remaining_of_period, 4)),
        ("lasts", f"{lasts} ({interval})" if interval else lasts),
        ("bad events", f"{count(budget.bad)} of {count(budget.total)}"),
    ]
    if budget.unknown:
        figures.append(("unknown events", count(budget.unknown)))
    if one.sla is not None:
        figures.append(("SLA", f"{percent(one.sla)}, {share(one.sla_left, 4)} of its budget left"))
    parts = [
        f"{level} {cell(one.title)}",
        f"{cell(one.key)}, service {cell(one.service)}: {cell(one.says)}."
        + (f" Good: {cell(one.good)}." if one.good else ""),
        f"{moment(one.from_ms)} to {moment(one.to_ms)} UTC",
        table(("", ""), figures),
        *_parts(one, f"{level}#"),
    ]
    return "\n\n".join(parts)


def _parts(one: Objective, level: str) -> Iterable[str]:
    days = (
        (
            day(row.start_ms) + ("" if row.is_whole else " (in part)"),
            against(row.compliance, one.target),
            count(row.bad),
            count(row.total),
        )
        for row in one.days
    )
    yield f"{level} By day\n\n" + table(("day", "compliance", "bad", "total"), days)
    burns = (
        (duration_text(row.window_s), rate(row.now), rate(row.peak), moment(row.peak_ms) if row.peak_ms else "")
        for row in one.burn
    )
    yield f"{level} Burn rate\n\n" + table(("window", "now", "peak", "at"), burns)
    if one.ledger:
        spent = ((cell(row.who), count(row.bad), share(row.of_budget, 4)) for row in one.ledger)
        yield f"{level} Who spent it\n\n" + table(("who", "bad", "of the budget"), spent)
    if one.alerts:
        turns = (
            (
                moment(row.start_ms),
                lasted(row.start_ms, row.end_ms),
                cell(row.alert),
                row.priority,
                rate(row.peak_burn),
            )
            for row in one.alerts
        )
        yield f"{level} Alerts\n\n" + table(("start", "lasted", "alert", "priority", "burn rate"), turns)
    if one.incidents:
        told = (
            (
                moment(row.start_ms),
                lasted(row.start_ms, row.end_ms),
                row.priority,
                share(row.spent, 4),
                cell(row.title),
                cell(row.id),
            )
            for row in one.incidents
        )
        yield f"{level} Incidents\n\n" + table(("start", "lasted", "priority", "budget spent", "title", "id"), told)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows as a table.

    Examples
    --------
    >>> print(table(("a", "b"), [("1", "2")]))
    | a | b |
    | --- | --- |
    | 1 | 2 |
    """
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(text: str) -> str:
    r"""Text of others, as text: no markup, no row of its own.

    Examples
    --------
    >>> print(cell("a|b two  lines"))
    a\|b two lines
    """
    for mark in "\\`*_[]<>|#":
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())

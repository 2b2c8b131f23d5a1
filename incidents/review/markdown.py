"""A report as Markdown, for a ticket or a wiki."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from incidents.review.model import Evidence, Line, Report
from incidents.review.wording import (
    again_text,
    bounded,
    burn_text,
    cited_text,
    figures,
    outcome_text,
    span_text,
    spent_text,
)
from slo.report.markdown import cell, table
from slo.report.wording import lasted, moment


def markdown_of(report: Report) -> str:
    """The report's text."""
    by = f", acknowledged by {', '.join(map(cell, report.acknowledged_by))}" if report.acknowledged_by else ""
    which = f"Incident `{report.incident_id}` of {cell(report.tenant)}, revision {report.revision}"
    parts = [
        f"# {cell(report.title)}",
        f"{report.priority}, {report.state}{by}. {span_text(report)}.",
        f"{which}; events until {moment(report.as_of_ms)} UTC.",
        table(("what", "took", ""), figures(report)),
        *_parts(report),
    ]
    return "\n\n".join(parts) + "\n"


def _parts(report: Report) -> Iterable[str]:
    yield from _impact(report)
    yield from _list("What is known of the cause", report.causes)
    if report.unknown:
        yield "## What is not known\n\n" + "\n".join(f"- {cell(text)}" for text in report.unknown)
    yield from _list("What people did", report.helped)
    yield from _alerts(report)
    moments = [
        (moment(one.at_ms), one.kind.replace("_", " "), cell(one.by), cell(one.text), _cited(one.evidence))
        for one in report.timeline
    ]
    yield from _section("Timeline", ("UTC", "", "by", "what", "event"), moments)
    told = [
        (
            moment(one.at_ms),
            cell(f"{one.receiver} ({one.integration})"),
            one.action,
            cell(one.reason),
            outcome_text(one),
            _cited(one.evidence),
        )
        for one in report.told
    ]
    yield from _section("Who was told", ("UTC", "receiver", "", "why", "outcome", "event"), told)
    yield from _list("What people said of its alerts", report.verdicts)
    yield from _again(report)


def _impact(report: Report) -> Iterable[str]:
    budgets = [(cell(one.slo), spent_text(one), burn_text(one), _cited(one.evidence)) for one in report.budgets]
    yield from _section("Budgets", ("objective", "budget spent", "highest burn rate", "event"), budgets)
    yield from _list("What was affected", report.affected)


def _alerts(report: Report) -> Iterable[str]:
    rows = [
        (
            moment(one.started_ms),
            lasted(one.started_ms, one.ended_ms),
            one.priority,
            one.role,
            cell(one.summary),
            _cited(one.evidence),
        )
        for one in report.alerts
    ]
    yield from _section("Alerts", ("start", "lasted", "", "", "what", "event"), rows)


def _again(report: Report) -> Iterable[str]:
    if not report.recurring:
        return
    lines = []
    for one in report.recurring:
        lines.append(f"- {cell(again_text(one))} ({_cited(one.evidence)})")
        lines += [f"  - {moment(old.started_ms)}: {cell(old.title)} (`{old.id}`)" for old in one.before]
        lines += [f"  - **Guard:** {cell(guard.text)} ({_cited(guard.evidence)})" for guard in one.guards]
    yield "## What came again\n\n" + "\n".join(lines)


def _section(name: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterable[str]:
    if rows:
        yield f"## {name}\n\n{table(head, bounded(rows))}"


def _list(name: str, lines: Sequence[Line]) -> Iterable[str]:
    if lines:
        items = bounded([(f"{cell(one.text)} ({_cited(one.evidence)})",) for one in lines])
        yield f"## {name}\n\n" + "\n".join(f"- {item}" for (item,) in items)


def _cited(evidence: Sequence[Evidence]) -> str:
    return cell(cited_text(evidence))

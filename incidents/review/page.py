"""A report as one page of HTML: nothing is loaded from elsewhere, and nothing runs in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from incidents.review.lanes import lanes_chart
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
from slo.report.page import table, tag
from slo.report.style import STYLE
from slo.report.wording import lasted, moment

_STYLE: Final = """.cite{display:block;color:var(--grey);font-size:12px}
ul{margin:0;padding-left:20px}li{margin:0 0 6px}li li{margin:2px 0}
line.mark{stroke:var(--ink);opacity:.4}rect.open{opacity:.7}td{overflow-wrap:break-word}
"""
_FOOT: Final = (
    "Times are UTC. Small print names the events that a line rests on; what no event says stands under "
    "&#8220;What is not known&#8221;."
)


def page_of(report: Report) -> str:
    """The page."""
    by = f" · acknowledged by {', '.join(report.acknowledged_by)}" if report.acknowledged_by else ""
    which = f"incident <code>{escape(report.incident_id)}</code> of {escape(report.tenant)}, revision {report.revision}"
    parts = [
        f"<section><h1>{escape(report.title)}</h1>",
        f'<p>{tag(report.priority)} <span class="sub">{escape(f"{report.state}{by}")}</span></p>',
        f'<p class="when">{escape(span_text(report))} · {which}</p>',
        _figures(report),
        *_sections(report),
        "</section>",
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f"<title>{escape(report.title)}</title>\n<style>\n{STYLE}{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(parts)
        + f"\n<footer>{_FOOT}</footer>\n</body>\n</html>\n"
    )


def _figures(report: Report) -> str:
    cards = "".join(
        f'<div class="figure"><h3>{name}</h3><b>{escape(value)}</b><span>{below}</span></div>'
        for name, value, below in figures(report)
    )
    return f'<div class="figures">{cards}</div>'


def _sections(report: Report) -> Iterable[str]:
    if report.alerts:
        listed = f"{len(report.alerts)} of {report.alert_count}"
        yield f'<div class="chart"><h2>Alerts<small>{listed}</small></h2>{lanes_chart(report)}</div>'
    budgets = [(escape(one.slo), spent_text(one), burn_text(one), _small(one.evidence)) for one in report.budgets]
    yield from _table("Budgets", ("objective", "budget spent", "highest burn rate", ""), budgets)
    yield from _list("What was affected", report.affected)
    yield from _list("What is known of the cause", report.causes)
    if report.unknown:
        yield _titled("What is not known", f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in report.unknown)}</ul>")
    yield from _list("What people did", report.helped)
    yield from _table("Every alert", ("alert", "", "", "start", "lasted"), _alert_rows(report))
    moments = [
        (moment(one.at_ms), one.kind.replace("_", " "), escape(one.by), escape(one.text) + _small(one.evidence))
        for one in report.timeline
    ]
    yield from _table("Timeline", ("UTC", "", "by", "what"), moments)
    yield from _table("Who was told", ("UTC", "receiver", "", "why", "outcome"), _told_rows(report))
    yield from _list("What people said of its alerts", report.verdicts)
    if report.recurring:
        yield _titled("What came again", f"<ul>{''.join(_again(report))}</ul>")


def _alert_rows(report: Report) -> list[Sequence[str]]:
    return [
        (
            escape(one.summary) + _small(one.evidence),
            tag(one.priority),
            one.role,
            moment(one.started_ms),
            lasted(one.started_ms, one.ended_ms),
        )
        for one in report.alerts
    ]


def _told_rows(report: Report) -> list[Sequence[str]]:
    return [
        (
            moment(one.at_ms),
            escape(f"{one.receiver} ({one.integration})") + (escape(f": {', '.join(one.to)}") if one.to else ""),
            one.action,
            escape(one.reason) + _small(one.evidence),
            outcome_text(one),
        )
        for one in report.told
    ]


def _again(report: Report) -> Iterable[str]:
    for one in report.recurring:
        before = [
            f"<li>{moment(old.started_ms)}: {escape(old.title)} <code>{escape(old.id)}</code></li>"
            for old in one.before
        ]
        guards = [f"<li><b>Guard:</b> {_line(guard)}</li>" for guard in one.guards]
        told = escape(again_text(one)) + _small(one.evidence)
        yield f"<li>{told}<ul>{''.join(before)}{''.join(guards)}</ul></li>"


def _titled(name: str, body: str) -> str:
    return f"<h2>{name}</h2>{body}"


def _table(name: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterable[str]:
    if rows:
        yield _titled(name, table(head, bounded(rows)))


def _list(name: str, lines: Sequence[Line]) -> Iterable[str]:
    if lines:
        items = bounded([(_line(one),) for one in lines])
        yield _titled(name, f"<ul>{''.join(f'<li>{item}</li>' for (item,) in items)}</ul>")


def _line(one: Line) -> str:
    return escape(one.text) + _small(one.evidence)


def _small(evidence: Sequence[Evidence]) -> str:
    return f'<span class="cite">{escape(cited_text(evidence))}</span>'

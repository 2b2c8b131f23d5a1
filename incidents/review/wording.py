"""Numbers, times and citations of a report, for people; both renderings say them alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from incidents.review.model import Evidence, Recurrence, Report, Spent, Told
from slo.report.wording import NOTHING, lasted, moment, rate, share
from slo.words import time_text

MOST_ROWS: Final = 400
"""Rows of a table, in Markdown and on the page; JSON has them all."""
OUTCOMES: Final = {
    "delivered": "told",
    "retry": "not told yet",
    "refused": "refused by the far end",
    "given_up": "given up",
    "waiting": "no outcome is known",
}


def took(seconds: float | None) -> str:
    """How long something took; a dash where it has not happened, or is not known.

    Examples
    --------
    >>> took(420.0), took(None)
    ('7 min', '-')
    """
    return NOTHING if seconds is None else time_text(seconds)


def figures(report: Report) -> list[tuple[str, str, str]]:
    """The four times: name, value, and from when to when."""
    times = report.times
    to_resolve_s = times.to_resolve_s
    if to_resolve_s is None and report.ended_ms is not None:  # told before there were times
        to_resolve_s = (report.ended_ms - report.started_ms) / 1000
    return [
        ("Time to detect", took(times.to_detect_s), "from its start to its detection"),
        ("Time to acknowledge", took(times.to_acknowledge_s), "from its detection"),
        ("Time to mitigate", took(times.to_mitigate_s), "from its detection"),
        ("Time to resolve", took(to_resolve_s), "from its start to its end"),
    ]


def spent_text(one: Spent) -> str:
    """What an objective's budget paid.

    Examples
    --------
    >>> cited = (Evidence(of="alert", id="a"),)
    >>> spent_text(Spent(slo="checkout", spent=0.125, left=0.5, evidence=cited))
    '12.5 % of the period, 50 % left'
    >>> spent_text(Spent(slo="checkout", evidence=cited))
    'not known'
    """
    if one.spent is None:
        return "not known"
    return f"{share(one.spent, 4)} of the period, {share(one.left, 4)} left"


def burn_text(one: Spent) -> str:
    """The highest burn rate."""
    return rate(one.worst_burn)


def outcome_text(one: Told) -> str:
    """What became of a notification."""
    tries = f", {one.attempts} attempts" if one.attempts > 1 else ""
    when = f" at {moment(one.done_ms)}" if one.done_ms is not None else ""
    return f"{OUTCOMES[one.outcome]}{when}{tries}"


def again_text(one: Recurrence) -> str:
    """How often what came again.

    Examples
    --------
    >>> cited = (Evidence(of="incident", id="i1"),)
    >>> again_text(Recurrence(same="alert", what="disk of node:h1", times=3, days=90, before=[], evidence=cited))
    'The same alert, disk of node:h1, in 3 incidents within 90 days'
    """
    return f"The same {one.same}, {one.what}, in {one.times} incidents within {one.days} days"


def cited_text(evidence: Sequence[Evidence], most: int = 4) -> str:
    """The events of a line, the first few of many.

    Examples
    --------
    >>> cited_text([Evidence(of="alert", id="a"), Evidence(of="entry", id="b")])
    'alert a, entry b'
    >>> cited_text([Evidence(of="alert", id=str(number)) for number in range(6)])
    'alert 0, alert 1, alert 2, alert 3 and 2 more'
    """
    shown = ", ".join(str(one) for one in evidence[:most])
    return f"{shown} and {len(evidence) - most} more" if len(evidence) > most else shown


def bounded(rows: Sequence[Sequence[str]], most: int = MOST_ROWS) -> list[Sequence[str]]:
    """The first and the last rows of very many, and between them how many are left out: a storm is no reading matter.

    Examples
    --------
    >>> bounded([("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")], most=2)
    [('a', '1'), ['2 more', ''], ('d', '4')]
    """
    if len(rows) <= most:
        return list(rows)
    left_out = [f"{len(rows) - most} more", *[""] * (len(rows[0]) - 1)]
    return [*rows[: most // 2], left_out, *rows[len(rows) - (most - most // 2) :]]


def span_text(report: Report) -> str:
    """From when to when it lasted."""
    until = "it goes on" if report.ended_ms is None else f"{moment(report.ended_ms)} UTC"
    return f"{moment(report.started_ms)} UTC to {until}, {lasted(report.started_ms, report.ended_ms)}"

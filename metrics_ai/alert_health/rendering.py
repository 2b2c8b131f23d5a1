"""How good alerts are, as Markdown and as one page of HTML; the same figures make the same bytes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from metrics_ai.alert_health.charts import days_chart, shifts_chart, weeks_chart
from metrics_ai.alert_health.gather import PAGES_A_SHIFT, AlertHealth, PagesOfShift
from metrics_ai.alert_health.wording import ACCURACY_HEAD, REPAIR_HEAD, accuracy_row, repair_row
from slo.report import markdown, page
from slo.report.style import STYLE
from slo.report.wording import day, moment

_TITLE: Final = "Alerts and incidents"
_DAYS: Final = "Alerts by day"
_BY: Final = {"all": "all", "route": "receiver", "team": "team", "rule": "rule", "cause": "cause"}
_PAGES_HEAD: Final = ("receiver", "pages", "shifts with a page", "most in a shift", f"shifts above {PAGES_A_SHIFT}")
_FOOT: Final = (
    "Times are UTC. Shares are of the alerts that somebody judged; in brackets their 95 % interval (Wilson's), and of "
    "a median its own. A page is a dedup key that was opened at a receiver under P0 or P1."
)


def markdown_of(health: AlertHealth) -> str:
    """The text."""
    parts = [
        f"# {_TITLE}",
        f"{markdown.cell(health.tenant)}, {moment(health.since_ms)} to {moment(health.until_ms)} UTC",
    ]
    for name, head, rows in _tables(health):
        cells = [[markdown.cell(cell) for cell in row] for row in rows]
        parts.append(f"## {name}\n\n{markdown.table(head, cells)}")
    return "\n\n".join([*parts, _FOOT]) + "\n"


def page_of(health: AlertHealth) -> str:
    """The page."""
    charts = {
        _DAYS: days_chart(health),
        "Accuracy by week": weeks_chart(health),
        "Pages": shifts_chart(health),
    }
    parts = [
        f'<section><h1>{_TITLE}</h1><p class="sub">{escape(health.tenant)}</p>',
        f'<p class="when">{moment(health.since_ms)} to {moment(health.until_ms)} UTC</p>',
    ]
    for name, head, rows in _tables(health):
        cells = [[escape(cell) for cell in row] for row in rows]
        # The chart of days says all that its table says.
        table = "" if name == _DAYS else page.table(head, cells)
        parts.append(f'<div class="chart"><h2>{name}</h2>{charts.get(name, "")}</div>{table}')
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f"<title>{_TITLE}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(parts)
        + f"\n</section><footer>{_FOOT}</footer>\n</body>\n</html>\n"
    )


def _tables(health: AlertHealth) -> Iterable[tuple[str, Sequence[str], Sequence[Sequence[str]]]]:
    """Names, headings and cells of all tables; those with nothing in them are left out."""
    yield from _if_any(_DAYS, ("day", "P0", "P1", "P2", "P3", "all"), _day_rows(health))
    yield from _if_any("Pages", _PAGES_HEAD, _page_rows(health.shifts))
    yield from _if_any("Accuracy by week", ("from", *ACCURACY_HEAD[1:]), _week_rows(health))
    for name, found in (("rule", health.rules), ("team", health.teams)):
        head = (name, *ACCURACY_HEAD[1:])
        yield from _if_any(f"Accuracy by {name}", head, [accuracy_row(one) for one in found])
    for by, times in health.repair.items():
        name = _BY[by]
        title = "How long incidents take" if by == "all" else f"By {name}"
        rows = [repair_row(one) for one in times]
        if by == "all":
            rows = [["all", *row[1:]] for row in rows]
        yield from _if_any(title, ("" if by == "all" else name, *REPAIR_HEAD[1:]), rows)


def _if_any(
    name: str, head: Sequence[str], rows: Sequence[Sequence[str]]
) -> Iterable[tuple[str, Sequence[str], Sequence[Sequence[str]]]]:
    if rows:
        yield name, head, rows


def _day_rows(health: AlertHealth) -> list[list[str]]:
    days: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for one in health.days:
        days[one.start_ms or 0][one.group] += one.alerts
    return [
        [day(start_ms), *(str(counts.get(name, 0)) for name in ("P0", "P1", "P2", "P3")), str(sum(counts.values()))]
        for start_ms, counts in sorted(days.items())
    ]


def _week_rows(health: AlertHealth) -> list[list[str]]:
    known = [(one.start_ms, one.accuracy) for one in health.weeks if one.accuracy is not None]
    return [[day(start_ms), *accuracy_row(found)[1:]] for start_ms, found in known]


def _page_rows(shifts: Sequence[PagesOfShift]) -> list[list[str]]:
    by_receiver: dict[str, list[int]] = defaultdict(list)
    for one in shifts:
        by_receiver[one.receiver].append(one.pages)
    return [
        [name, str(sum(pages)), str(len(pages)), str(max(pages)), str(sum(count > PAGES_A_SHIFT for count in pages))]
        for name, pages in sorted(by_receiver.items())
    ]

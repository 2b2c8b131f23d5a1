"""SLOs as tables and JSON."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping
from typing import Any

from rich.table import Table

from metrics_ai.event_listing import wide_console
from metrics_ai.explain.cases import UnknownIdError
from schemas.errors import ConfigurationError
from schemas.yaml_values import DefinitionError
from slo.definition import Slo
from slo.durations import duration_text
from slo.library import Library
from slo.openslo import Defined
from slo.words import (
    budgets_s,
    indicator_text,
    objective_text,
    percent,
    tier_rows,
    time_text,
    window_text,
)


def chosen(library: Library, wanted: str, tenant: str | None) -> Defined:
    """The SLO of a name, or of ``TENANT/NAME``.

    Raises
    ------
    UnknownIdError
        If there is none.
    ConfigurationError
        If several tenants have one.
    """
    found = [
        one
        for key, one in library.defined.items()
        if wanted in (key, one.slo.name) and tenant in (None, one.slo.tenant)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigurationError(
            f"{len(found)} tenants have an SLO {wanted!r}", f"Name one: {', '.join(one.slo.key for one in found)}"
        )
    names = sorted({one.slo.name for one in library.defined.values()})
    close = difflib.get_close_matches(wanted, names, 1)
    raise UnknownIdError(
        f"there is no SLO {wanted!r}", f"Did you mean {close[0]}?" if close else "metrics-ai slo list has all"
    )


def described(one: Defined) -> dict[str, Any]:
    """An SLO for programs: its definition, and what comes of it."""
    slo = one.slo
    return {
        "key": slo.key,
        "place": one.place,
        **slo.model_dump(mode="json"),
        "budgets_min": {window: round(seconds / 60, 6) for window, seconds in budgets_s(slo).items()},
        "tiers": [
            {
                **row.tier.model_dump(),
                "error_ratio": row.error_ratio,
                "budget_share": row.budget_share,
                "outage_s": row.outage_s,
            }
            for row in tier_rows(slo)
        ],
    }


def print_list(defined: Mapping[str, Defined]) -> None:
    """Print SLOs, one a row."""
    table = Table("slo", "objective", "SLA", "window", "method", "what is good", box=None)
    for key, one in defined.items():
        slo = one.slo
        sla = percent(slo.sla) if slo.sla is not None else "-"
        table.add_row(key, percent(slo.target), sla, window_text(slo.window), slo.method, indicator_text(slo))
    wide_console().print(table if defined else "no SLOs")


def print_slo(one: Defined) -> None:
    """Print an SLO in words, with the tiers of its burn rate."""
    slo, console = one.slo, wide_console()
    grid = Table.grid(padding=(0, 2))
    for name, text in _rows(one):
        grid.add_row(name, text)
    console.print(f"{slo.key}  {slo.title}".rstrip())
    console.print(grid)
    rows = tier_rows(slo)
    if not rows:
        return
    table = Table(
        "tier", "priority", "windows", "factor", "bad above", "of the budget", "full outage speaks after", box=None
    )
    for row in rows:
        tier = row.tier
        table.add_row(
            tier.name,
            tier.priority,
            f"{duration_text(tier.long_s)} and {duration_text(tier.short_s)}",
            f"{tier.factor:.6g}",
            percent(row.error_ratio),
            percent(row.budget_share),
            time_text(row.outage_s) if row.outage_s is not None else "never: nothing is so bad",
        )
    console.print(table)


def _rows(one: Defined) -> list[tuple[str, str]]:
    slo = one.slo
    alerts = slo.alerts
    rows = [
        ("service", slo.service),
        ("objective", objective_text(slo)),
        ("good", indicator_text(slo)),
        ("budget", ", ".join(f"{window} = {seconds / 60:.8g} min" for window, seconds in budgets_s(slo).items())),
    ]
    if slo.sla is not None:
        rows.insert(2, ("SLA", percent(slo.sla)))
    rows.append(("no data", "unknown, and left out" if slo.unknown == "ignore" else f"counts as {slo.unknown}"))
    if tier_rows(slo):
        rows.append(("alerts", f"profile {alerts.profile}{_guard(slo)}"))
    if alerts.remaining:
        rows.append(("told", f"when {', '.join(map(percent, alerts.remaining))} of the budget are left"))
    if slo.labels:
        rows.append(("labels", ", ".join(f"{key}={value}" for key, value in sorted(slo.labels.items()))))
    return [*rows, ("defined in", one.place)]


def _guard(slo: Slo) -> str:
    if slo.method != "Occurrences":
        return ""
    return f", from {slo.alerts.min_events} events and {slo.alerts.min_bad} bad ones in the long window"


def tell(problems: tuple[DefinitionError, ...]) -> None:
    """Print what is wrong, a line each, on standard error."""
    for problem in problems:
        sys.stderr.write(f"{problem}\n")


def problem_rows(problems: tuple[DefinitionError, ...]) -> list[dict[str, str]]:
    """What is wrong, for programs."""
    return [{"where": one.where, "what": one.said, "way_out": one.way_out} for one in problems]

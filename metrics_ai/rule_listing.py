"""Alert rules as tables, as text and as JSON, and how their tests went."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from typing import Any

from rich.table import Table

from incidents.rules.library import RuleLibrary
from incidents.rules.reading import Placed
from incidents.rules.spec import AlertRule
from incidents.rules.trying import Result
from metrics_ai.event_listing import wide_console
from metrics_ai.explain.cases import UnknownIdError
from slo.durations import duration_text


def chosen_rule(found: RuleLibrary, wanted: str, tenant: str | None) -> Placed:
    """The rule of a name, a tenant's before everybody's.

    Raises
    ------
    UnknownIdError
        If there is none.
    """
    for one in found.placed:
        if one.rule.name == wanted and one.rule.tenant in (None, tenant):
            return one
    close = difflib.get_close_matches(wanted, [one.rule.name for one in found.placed], 1)
    way_out = f"Did you mean {close[0]}?" if close else "metrics-ai rules list has all"
    raise UnknownIdError(f"there is no alert rule {wanted!r}", way_out)


def described(one: Placed) -> dict[str, Any]:
    """A rule for programs."""
    return {"place": one.place, **one.rule.model_dump(mode="json", exclude_defaults=True)}


def print_rules(placed: Sequence[Placed]) -> None:
    """Print rules, one a row, in the order in which they are asked."""
    table = Table("rule", "of", "on", "for", "priority", "role", "runbook", "defined in", box=None)
    for one in placed:
        rule, then = one.rule, one.rule.then
        lasts = duration_text(round(rule.for_s)) if rule.for_s else "-"
        priority, role = then.priority or "its own", then.role or "-"
        table.add_row(rule.name, rule.tenant or "all", rule.on, lasts, priority, role, then.runbook or "-", one.place)
    wide_console().print(table if placed else "no alert rules")


def print_rule(one: Placed) -> None:
    """Print a rule in words."""
    wide_console().print("\n".join(_lines(one)), soft_wrap=True, markup=False, highlight=False)


def print_results(results: Sequence[Result]) -> None:
    """Print how tests went: what failed with its differences, then how many passed."""
    console = wide_console()
    for one in results:
        console.print(
            f"{'pass' if one.passed else 'FAIL'}  {one.trial.name}", soft_wrap=True, markup=False, highlight=False
        )
        for line in one.differences:
            console.print(f"      {one.trial.place}: {line}", soft_wrap=True, markup=False, highlight=False)
    failed = sum(not one.passed for one in results)
    console.print(f"{len(results)} tests, {failed} failed" if failed else f"{len(results)} tests passed")


def result_rows(results: Sequence[Result]) -> list[dict[str, Any]]:
    """How tests went, for programs."""
    return [
        {"test": one.trial.name, "place": one.trial.place, "passed": one.passed, "differences": one.differences}
        for one in results
    ]


def _conditions(rule: AlertRule) -> Iterator[str]:
    match = rule.match
    for name in ("alertname", "signal", "kinds", "entity", "severity"):
        if words := getattr(match, name):
            yield f"{name} {'|'.join(words)}"
    if match.direction is not None:
        yield f"direction {match.direction}"
    if match.select is not None:
        yield match.select
    yield from (f"{name} {bound}" for name, bound in rule.condition.bounds().items())
    for name in ("min_score", "min_confidence", "min_events_per_s"):
        if (least := getattr(rule, name)) is not None:
            yield f"{name} {least:g}"
    if rule.for_s:
        yield f"for {duration_text(round(rule.for_s))}"


def _lines(one: Placed) -> Iterator[str]:
    rule, then = one.rule, one.rule.then
    yield f"{rule.name}  on {rule.on}" + (f", of tenant {rule.tenant}" if rule.tenant else "")
    yield from (f"  where {condition}" for condition in _conditions(rule))
    if rule.least_confidence and rule.min_confidence is None:
        yield f"  where the anomaly's confidence is at least {rule.least_confidence:g}, as it pages"
    yield f"  then  {then.priority or 'its own priority'}" + (f", a {then.role}" if then.role else "")
    yield from (f"  label {name}: {text}" for name, text in then.labels.items())
    yield from (f"  says  {name}: {text}" for name, text in then.annotations.items())
    if then.runbook:
        yield f"  helps metrics-ai runbooks show {then.runbook}"
    yield f"defined in {one.place}"

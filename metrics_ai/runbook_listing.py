"""Runbooks as tables, as text to work through, and as JSON."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.table import Table

from metrics_ai.event_listing import wide_console
from metrics_ai.explain.cases import UnknownIdError
from runbooks.library import Library
from runbooks.matching import specificity
from runbooks.reading import Placed
from runbooks.spec import Check, Runbook, Step
from schemas.errors import ConfigurationError


def chosen(library: Library, wanted: str) -> Placed:
    """The runbook of an id.

    Raises
    ------
    UnknownIdError
        If there is none.
    """
    if found := library.placed.get(wanted):
        return found
    close = difflib.get_close_matches(wanted, library.placed, 1)
    way_out = f"Did you mean {close[0]}?" if close else "metrics-ai runbooks list has all"
    raise UnknownIdError(f"there is no runbook {wanted!r}", way_out)


def labels_from(given: Sequence[str]) -> dict[str, str]:
    """Labels as options give them.

    Raises
    ------
    ConfigurationError
        If one is not NAME=VALUE, or two have one name.
    """
    labels: dict[str, str] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name:
            raise ConfigurationError(f"--label {one!r} is not NAME=VALUE", "Give it like --label node=h1")
        if name in labels:
            raise ConfigurationError(f"--label {name} is given twice", "Keep one of them")
        labels[name] = value
    return labels


def described(one: Placed) -> dict[str, Any]:
    """A runbook for programs."""
    return {"place": one.place, **one.runbook.model_dump(mode="json")}


def print_list(placed: Mapping[str, Placed]) -> None:
    """Print runbooks, one a row."""
    table = Table("runbook", "what it mends", "defined in", box=None)
    for name, one in placed.items():
        table.add_row(name, one.runbook.mends, one.place)
    wide_console().print(table if placed else "no runbooks")


def print_fitting(found: Sequence[Runbook], labels: Mapping[str, str]) -> None:
    """Print the runbooks that fit an alert, the most specific first."""
    table = Table("runbook", "conditions", "title", box=None)
    for one in found:
        table.add_row(one.id, str(specificity(one, labels)), one.title)
    wide_console().print(table if found else "no runbook fits")


def print_runbook(one: Placed) -> None:
    """Print a runbook as text to work through; commands stand alone on their lines, to be copied."""
    wide_console().print("\n".join(_lines(one)), soft_wrap=True)


def _lines(one: Placed) -> Iterator[str]:
    runbook = one.runbook
    yield f"{runbook.id}  {runbook.title}"
    yield runbook.mends
    for matcher in runbook.matchers:
        yield f"fits    {matcher}"
    for matcher in runbook.unless:
        yield f"unless  {matcher}"
    for at, check in enumerate(runbook.checks, 1):
        yield from ("", *_check_lines(at, check))
    for at, step in enumerate(runbook.steps, 1):
        yield from ("", *_step_lines(at, step))
    yield ""
    yield from (f"Call {one.to}, when {one.when}." for one in runbook.escalate)
    yield ""
    yield from runbook.sources
    yield f"defined in {one.place}"


def _check_lines(at: int, check: Check) -> Iterator[str]:
    yield f"Check {at}: {check.look}"
    yield from _command_lines(check.command)
    yield f"  yes: {check.if_yes}"
    yield f"  no:  {check.if_no}"


def _step_lines(at: int, step: Step) -> Iterator[str]:
    yield f"Step {at}, {step.risk} risk: {step.do}"
    for command in step.commands:
        yield from _command_lines(command)
    yield f"  to undo it: {step.undo}" if step.undo else f"  cannot be undone: {step.irreversible}"


def _command_lines(command: str) -> Iterator[str]:
    yield from (f"    {line}" for line in command.splitlines())

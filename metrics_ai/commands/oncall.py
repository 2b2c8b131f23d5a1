"""``metrics-ai oncall``: whose turn it is, and when it is nobody's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from metrics_ai.commands.options import JsonOption, examples

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incidents.oncall.book import OnCallBook
    from schemas.errors import ConfigurationError

app = typer.Typer(no_args_is_help=True, help="On call: whose turn it is, by calendars of shifts.")

FileOption = Annotated[
    Path, typer.Option("--file", "-f", metavar="FILE", help="The file of routes, with its list of schedules.")
]
NameArgument = Annotated[str | None, typer.Argument(metavar="[SCHEDULE]", help="Only this schedule.")]
_DAY_MS = 86_400_000


@app.command(
    epilog=examples(
        "metrics-ai oncall show --file alerting.yaml",
        "metrics-ai oncall show eu --file alerting.yaml --at 2026-12-24T20:00+01:00",
    )
)
def show(
    file: FileOption,
    name: NameArgument = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help="A time in RFC 3339; UTC without a zone.", show_default="now"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say who is on call at a time, by which calendar, and until when; with --json one object a line.

    Exit status 1 if a schedule is refused or there is none of that name.
    """
    from metrics_ai.oncall_listing import chosen_schedules, print_turns, turn_row

    at_ms = _moment_ms(at, "--at")
    book, problems = _book(file)
    turns = [(one, one.at(at_ms)) for one in chosen_schedules(book, name)]
    if as_json:
        for schedule, turn in turns:
            typer.echo(json.dumps(turn_row(schedule, turn)))
    else:
        print_turns(turns)
    _end(problems, found_wrong=False)


@app.command(
    epilog=examples(
        "metrics-ai oncall gaps --file alerting.yaml",
        "metrics-ai oncall gaps eu --file alerting.yaml --from 2026-12-01 --days 31 --json",
    )
)
def gaps(
    file: FileOption,
    name: NameArgument = None,
    start: Annotated[str | None, typer.Option("--from", metavar="TIME", help="Since when.", show_default="now")] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=366, metavar="N", help="For so many days.")] = 28,
    as_json: JsonOption = False,
) -> None:
    """Say when nobody is on call; with --json one object a line.

    Exit status 1 if there is such a time, a schedule is refused, or there is none of that name.
    """
    from metrics_ai.oncall_listing import chosen_schedules, gap_row, print_gaps

    from_ms = _moment_ms(start, "--from")
    book, problems = _book(file)
    chosen = chosen_schedules(book, name)
    found = [(one, gap) for one in chosen for gap in one.gaps(from_ms, from_ms + days * _DAY_MS)]
    if as_json:
        for schedule, gap in found:
            typer.echo(json.dumps(gap_row(gap, schedule)))
    else:
        print_gaps(found)
    _end(problems, found_wrong=bool(found))


def _moment_ms(given: str | None, option: str) -> int:
    import time

    from metrics_ai.slo_reports import moment_of

    found = moment_of(given, option)
    return int(time.time() * 1000) if found is None else found


def _book(file: Path) -> tuple[OnCallBook, Sequence[ConfigurationError]]:
    from incidents.oncall.book import OnCallBook
    from metrics_ai.oncall_files import oncall_reading

    found = oncall_reading(file)
    return OnCallBook(found.schedules), found.problems


def _end(problems: Sequence[ConfigurationError], *, found_wrong: bool) -> None:
    for problem in problems:
        typer.echo(str(problem), err=True)
    raise typer.Exit(1 if problems or found_wrong else 0)

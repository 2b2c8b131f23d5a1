"""Figures by group as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.table import Table

from metrics_ai.event_listing import wide_console


def print_groups(head: Sequence[str], rows: Iterable[Sequence[str]], nothing: str) -> None:
    """Print rows under their headings, or that there are none."""
    listed = list(rows)
    if not listed:
        wide_console().print(nothing)
        return
    table = Table(*head, box=None)
    for row in listed:
        table.add_row(*row)
    wide_console().print(table)

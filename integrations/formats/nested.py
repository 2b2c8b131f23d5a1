"""Nested JSON objects as dotted names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def leaves(body: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that is no object, under its dotted name, in the message's order.

    Depth is bounded by the JSON reader, which refuses what is nested too deep.

    Examples
    --------
    >>> list(leaves({"cpu": {"user": {"pct": 0.4}, "cores": 4}, "ok": True}))
    [('cpu.user.pct', 0.4), ('cpu.cores', 4), ('ok', True)]
    """
    stack: list[tuple[str, Iterator[tuple[str, Any]]]] = [(prefix, iter(body.items()))]
    while stack:
        path, items = stack[-1]
        for name, value in items:
            full = f"{path}.{name}" if path else name
            if isinstance(value, dict):
                stack.append((full, iter(value.items())))
                break
            yield full, value
        else:
            stack.pop()

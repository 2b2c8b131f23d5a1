"""Durations as Prometheus writes them: ``1h30m``, ``500ms``, ``2w``.

https://prometheus.io/docs/prometheus/latest/configuration/configuration/#duration
"""

from __future__ import annotations

import re
from typing import Final

_UNITS_MS: Final = {
    "y": 31_536_000_000,
    "w": 604_800_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1000,
    "ms": 1,
}
_WRITTEN: Final = re.compile("".join(rf"(?:([0-9]{{1,18}}){unit})?" for unit in _UNITS_MS))
# What Go's nanoseconds in 64 bits hold.
_LONGEST_MS: Final = 2**63 // 1_000_000


def duration_ms(text: str) -> int:
    """A duration in milliseconds.

    Raises
    ------
    ValueError
        If it is none, or too long.

    Examples
    --------
    >>> duration_ms("1h30m"), duration_ms("500ms"), duration_ms("0")
    (5400000, 500, 0)
    """
    found = _WRITTEN.fullmatch(text)
    if not text or (found is None and text != "0"):
        raise ValueError(f"{text!r} is no duration; write it like 5m, 1h30m or 500ms, the longest unit first")
    counts = found.groups() if found else ()
    total_ms = sum(int(count) * size for count, size in zip(counts, _UNITS_MS.values(), strict=bool(found)) if count)
    if total_ms > _LONGEST_MS:
        raise ValueError(f"{text!r} is longer than 292 years")
    return total_ms


def duration_text(duration: int) -> str:
    """A duration in milliseconds as Prometheus writes it.

    Examples
    --------
    >>> [duration_text(one) for one in (0, 5_400_000, 1_209_600_000, 90_061_001)]
    ['0s', '1h30m', '2w', '1d1h1m1s1ms']
    """
    if not duration:
        return "0s"
    text, rest = "", duration
    for unit, size in _UNITS_MS.items():
        # Years and weeks only where nothing is left, as Prometheus has it: 10d, not 1w3d.
        if unit in {"y", "w"} and rest % size:
            continue
        if count := rest // size:
            text += f"{count}{unit}"
            rest -= count * size
    return text

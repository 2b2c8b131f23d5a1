"""Sentences of rules: text with fields in braces, filled from a state; nothing in it is ever run."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Final

from incidents.rules.facts import Facts, Number
from models.explain import duration, number

UNKNOWN: Final = "?"
"""What stands for a field that a state does not know."""
ENDLESS: Final = "∞"
"""How many times as much as nothing."""

# One alternative a position: it cannot go back and try again.
_FIELD: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_LABEL: Final = re.compile(r"labels\.([A-Za-z_][A-Za-z0-9_.]*)")


def _of(name: Number, say: Callable[[float], str] = number) -> Callable[[Facts], str]:
    return lambda facts: say(facts.numbers[name]) if name in facts.numbers else UNKNOWN


def _times(ratio: float) -> str:
    return number(ratio) if math.isfinite(ratio) else ENDLESS


def _percent(ratio: float) -> str:
    return f"{(ratio - 1) * 100:+.0f} %" if math.isfinite(ratio) else f"{ENDLESS} %"


_FIELDS: Final[Mapping[str, Callable[[Facts], str]]] = {
    "alertname": lambda facts: facts.alertname,
    "metric": lambda facts: facts.metric or UNKNOWN,
    "entity": lambda facts: facts.entity,
    "signal": lambda facts: facts.signal or UNKNOWN,
    "kind": lambda facts: facts.kind or UNKNOWN,
    "tenant": lambda facts: facts.tenant,
    "observed": _of("observed"),
    "ratio": _of("ratio_to_usual", _times),
    "percent": _of("ratio_to_usual", _percent),
    "budget_left": _of("budget_left", lambda share: f"{share:.0%}"),
    "burn_rate": _of("burn_rate"),
    "time_to_limit": _of("time_to_limit_s", duration),
    "lasted": lambda facts: duration(facts.lasted_ms / 1000),
    "score": lambda facts: number(facts.score),
}
FIELD_NAMES: Final = (*_FIELDS, "labels.NAME")
"""What may stand in braces."""


def checked_text(text: str) -> str:
    """Text whose braces hold fields that there are.

    Raises
    ------
    ValueError
        If one does not; the message says which.

    Examples
    --------
    >>> checked_text("{metric} of {entity}")
    '{metric} of {entity}'
    >>> checked_text("{metric.__class__}")
    Traceback (most recent call last):
        ...
    ValueError: there is no field {metric.__class__}
    """
    for found in _FIELD.finditer(text):
        name = found[1]
        if name is None and found[0] in {"{", "}"}:
            raise ValueError(f"a {found[0]} stands alone; double it to write one")
        if name is not None and name not in _FIELDS and not _LABEL.fullmatch(name):
            raise ValueError(f"there is no field {{{name}}}")
    return text


def filled(text: str, facts: Facts) -> str:
    """The text with its fields filled; ``?`` stands for what is not known.

    Examples
    --------
    >>> state = Facts("posted", "t", "Slow", {"job": "api"}, started_ms=0, at_ms=300_000, priority="P2")
    >>> filled("{alertname} of {labels.job} for {lasted}, {observed} now {{sic}}", state)
    'Slow of api for 5 minutes, ? now {sic}'
    """
    return _FIELD.sub(lambda found: _filling(found, facts), text)


def _filling(found: re.Match[str], facts: Facts) -> str:
    name = found[1]
    if name is None:
        return found[0][0]
    if label := _LABEL.fullmatch(name):
        return facts.labels.get(label[1], UNKNOWN)
    say = _FIELDS.get(name)
    return found[0] if say is None else say(facts)

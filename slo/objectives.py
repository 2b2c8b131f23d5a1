"""OpenSLO's objectives: the target, and beside it the SLA."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from schemas.yaml_values import Value
from slo.definition import Method, Operator
from slo.durations import MINUTE_S, seconds_of

SLA: Final = "SLA"
"""The display name of the objective that is what customers are promised."""
_OPERATORS: Final[tuple[Operator, ...]] = ("lt", "lte", "gt", "gte")
_SHORTEST_SLICE_S: Final = 5
"""Late samples are kept for ten minutes of slices: shorter ones would be a great many."""
_LONGEST_SLICE_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Objective:
    """What an SLO's objectives say together; ``at`` is where the target stands."""

    at: Value
    target: float
    sla: float | None = None
    op: Operator | None = None
    value: float | None = None
    slice_s: int | None = None
    slice_target: float | None = None


def objectives_of(listed: Value, method: Method, sla_target: Value | None) -> Objective:
    """The objective of an SLO, with the SLA of a second one or of an annotation.

    Raises
    ------
    DefinitionError
        If they cannot hold.
    """
    items = listed.items()
    promised = [one for one in items if _title(one) == SLA]
    targets = [one for one in items if one not in promised]
    if len(targets) != 1 or len(promised) > 1:
        raise listed.error(
            f"{len(targets)} objectives, and {len(promised)} of the displayName {SLA}",
            f"Write one, and one more called {SLA} if you like; make an SLO of each further target",
        )
    if promised and sla_target is not None:
        raise sla_target.error("the SLA is an objective of its own already", "Keep one of them")
    objective = _objective(targets[0], method)
    at = promised[0] if promised else sla_target
    if at is None:
        return objective
    sla = _sla(promised[0], objective, method) if promised else _share(at, at.decimal(quoted=True))
    if sla >= objective.target:
        raise at.error(
            f"the SLA {sla:g} is not below the target {objective.target:g}",
            "Promise less than what you aim at, so that there is time to act",
        )
    return Objective(
        objective.at, objective.target, sla, objective.op, objective.value, objective.slice_s, objective.slice_target
    )


def _title(one: Value) -> str:
    fields = one.mapping()
    return fields["displayName"].text() if "displayName" in fields else ""


def _sla(at: Value, objective: Objective, method: Method) -> float:
    """The SLA's target; whatever else its objective says must be what the other one says."""
    given = at.mapping()
    found = _objective(at, method, partly=True)
    for key, mine, theirs in (
        ("op", found.op, objective.op),
        ("value", found.value, objective.value),
        ("timeSliceWindow", found.slice_s, objective.slice_s),
        ("timeSliceTarget", found.slice_target, objective.slice_target),
    ):
        if key in given and mine != theirs:
            raise given[key].error(
                "the SLA differs from the objective in more than its target", "Make an SLO of its own of it"
            )
    return found.target


def _objective(at: Value, method: Method, *, partly: bool = False) -> Objective:
    fields = at.fields(("displayName", "op", "value", "target", "targetPercent", "timeSliceTarget", "timeSliceWindow"))
    if ("target" in fields) == ("targetPercent" in fields):
        raise at.error("either target or targetPercent is wanted", "Write target: 0.999, or targetPercent: 99.9")
    if "target" in fields:
        target = _share(fields["target"], fields["target"].decimal())
    else:
        target = _share(fields["targetPercent"], fields["targetPercent"].decimal() / 100)
    op = fields["op"].choice(_OPERATORS) if "op" in fields else None
    value = fields["value"].number() if "value" in fields else None
    slice_s, slice_target = _slice(at, fields, method, partly=partly)
    return Objective(at, target, None, op, value, slice_s, slice_target)


def _share(at: Value, share: Decimal) -> float:
    if not 0 < float(share) < 1:
        raise at.error(
            f"{float(share):g} is no share between 0 and 1", "99.9 % is target: 0.999, or targetPercent: 99.9"
        )
    return float(share)


def _slice(at: Value, fields: dict[str, Value], method: Method, *, partly: bool) -> tuple[int | None, float | None]:
    """The slice's seconds, and the share of good that makes it good."""
    wanted = {
        "Occurrences": (),
        "Timeslices": ("timeSliceWindow", "timeSliceTarget"),
        "RatioTimeslices": ("timeSliceWindow",),
    }
    for key in ("timeSliceWindow", "timeSliceTarget"):
        if key in fields and key not in wanted[method]:
            raise fields[key].error(f"{method} has no {key}", "Remove it, or choose the budgetingMethod Timeslices")
        if key not in fields and key in wanted[method] and not partly:
            raise at.error(f"{method} needs {key}", f"Add {key}: {'1m' if key == 'timeSliceWindow' else 0.99}")
    slice_target = fields["timeSliceTarget"].number() if "timeSliceTarget" in fields else None
    if slice_target is not None and not 0 < slice_target <= 1:
        raise fields["timeSliceTarget"].error(f"{slice_target:g} is no share", "It lies above 0, and is 1 at the most")
    return _slice_s(fields["timeSliceWindow"]) if "timeSliceWindow" in fields else None, slice_target


def _slice_s(at: Value) -> int:
    """A slice's length: a shorthand, or a number of minutes."""
    text = at.text()
    try:
        seconds = seconds_of(text)
    except ValueError:
        minutes = at.decimal()
        seconds = round(minutes * MINUTE_S) if minutes < _LONGEST_SLICE_S else _LONGEST_SLICE_S + 1
    if not _SHORTEST_SLICE_S <= seconds <= _LONGEST_SLICE_S:
        raise at.error(
            f"a slice of {text[:30]} cannot be counted",
            "A slice lasts 5 s at least, since late samples are kept for ten minutes of slices, and a day at the most",
        )
    return seconds

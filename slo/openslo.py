"""Read SLOs from OpenSLO v1 YAML (https://github.com/OpenSLO/OpenSLO).

All kinds are read; of an SLO everything, of ``AlertPolicy`` and ``AlertCondition`` the burn rates, of
``AlertNotificationTarget`` nothing, since routes are set elsewhere. Annotations hold what OpenSLO has no place for::

    metrics-ai.io/unknown: ignore       what a slice without data counts as: ignore, good or bad
    metrics-ai.io/alert-profile: google google, sloth, pyrra or custom
    metrics-ai.io/min-events: "100"     fewer events than this in the long window raise nothing
    metrics-ai.io/min-bad: "3"          nor do fewer bad ones
    metrics-ai.io/remaining: 0.5_0.25_0 shares of the budget that are told once they are reached, or none
    metrics-ai.io/sla-target: "0.995"   what customers are promised

The SLA may also be a second objective whose ``displayName`` is ``SLA``. It lies below the target.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from pydantic import ValidationError

from schemas.yaml_values import DefinitionError, Value
from slo.alert_policies import check_condition, check_policy, policy_of
from slo.definition import OCCURRENCES_SLICE_S, Method, Slo
from slo.objectives import Objective, objectives_of
from slo.objects import Described, Known, name_of, parse
from slo.sources import Comparison, Indicators, indicator_of, source_type
from slo.time_windows import window_of

_METHODS: Final[tuple[Method, ...]] = ("Occurrences", "Timeslices", "RatioTimeslices")
_UNKNOWN: Final = ("ignore", "good", "bad")
_REQUIRED: Final = ("service", "timeWindow", "budgetingMethod", "objectives")
_ANNOTATIONS: Final = ("unknown", "alert-profile", "tiers", "min-events", "min-bad", "remaining", "sla-target")


@dataclass(frozen=True, slots=True)
class Defined:
    """An SLO, and where it stands: ``FILE:LINE``."""

    slo: Slo
    place: str
    file: str


@dataclass(slots=True)
class Reading:
    """What could be read, what is wrong with the rest, and in which files an SLO was not read for it."""

    defined: list[Defined] = field(default_factory=list)
    problems: list[DefinitionError] = field(default_factory=list)
    lacking: set[str] = field(default_factory=set)

    @property
    def slos(self) -> list[Slo]:
        """The SLOs alone."""
        return [one.slo for one in self.defined]


def read_slos(content: str | bytes, file: str, tenant: str = "default") -> Reading:
    r"""The SLOs of one text.

    Examples
    --------
    >>> read_slos("apiVersion: openslo/v1\nkind: Slo\nmetadata: {name: a}\nspec: {}", "a.yaml").problems
    [DefinitionError("a.yaml:2: kind: there is no kind 'Slo'")]
    """
    parsed = parse(content, file)
    reading = resolve(parsed.objects, tenant)
    reading.problems[:0] = parsed.problems
    return reading


def load(content: str | bytes, file: str, tenant: str = "default") -> list[Slo]:
    """The SLOs of one text, all of which must hold.

    Raises
    ------
    DefinitionError
        The first of what is wrong.
    """
    reading = read_slos(content, file, tenant)
    if reading.problems:
        raise reading.problems[0]
    return reading.slos


def resolve(objects: Iterable[Described], tenant: str) -> Reading:
    """The SLOs among objects, which may refer to each other wherever they stand."""
    reading = Reading()
    known: dict[tuple[str, str], Described] = {}
    for one in objects:
        first = known.setdefault((one.kind, one.metadata.name), one)
        if first is not one:
            what = f"a second {one.kind} of the name {one.metadata.name}; the first stands at {first.root.place}"
            reading.problems.append(one.root.error(what, "Rename one of them"))
    problems: dict[str, DefinitionError] = {}
    for one in known.values():
        try:
            if one.kind == "SLO":
                reading.defined.append(Defined(_slo(one, known, tenant), one.root.place, one.root.file))
            else:
                _check(one, known)
        except DefinitionError as error:
            problems.setdefault(str(error), error)
            reading.lacking.add(one.root.file)
    reading.problems += problems.values()
    return reading


def _check(one: Described, known: Known) -> None:
    """Read what an SLO may refer to, as if one did."""
    match one.kind:
        case "DataSource":
            source_type(one)
        case "SLI":
            compared = "thresholdMetric" in one.spec.mapping()
            indicator_of(one.spec, Comparison("lt" if compared else None, 0.0 if compared else None, one.spec), known)
        case "AlertPolicy":
            check_policy(one.spec, known)
        case "AlertCondition":
            check_condition(one)
        case _:
            one.spec.mapping()


def _slo(one: Described, known: Known, tenant: str) -> Slo:
    fields = one.spec.fields((*_REQUIRED, "description", "indicator", "indicatorRef", "alertPolicies"), _REQUIRED)
    annotations = one.metadata.annotations
    for key, value in annotations.items():
        if key not in _ANNOTATIONS:
            raise value.error("there is no such annotation", f"Known under metrics-ai.io/: {', '.join(_ANNOTATIONS)}")
    method = fields["budgetingMethod"].choice(_METHODS)
    objective = objectives_of(fields["objectives"], method, annotations.get("sla-target"))
    window = window_of(fields["timeWindow"])
    given = {
        "tenant": tenant,
        "name": one.metadata.name,
        "title": one.metadata.title,
        "description": fields["description"].text() if "description" in fields else "",
        "service": name_of(fields["service"]),
        "labels": dict(one.metadata.labels),
        "method": method,
        "indicator": _indicator(one.spec, fields, objective, known),
        "target": objective.target,
        "sla": objective.sla,
        "window": window,
        "slice_s": objective.slice_s or OCCURRENCES_SLICE_S,
        "slice_target": objective.slice_target,
        "unknown": annotations["unknown"].choice(_UNKNOWN) if "unknown" in annotations else "ignore",
        "alerts": policy_of(fields.get("alertPolicies"), annotations, known, window),
    }
    try:
        return Slo.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        what = str(first["msg"]).removeprefix("Value error, ")
        raise one.root.error(f"{where}: {what}" if where else what) from error


def _indicator(spec: Value, fields: Mapping[str, Value], objective: Objective, known: Known) -> Indicators:
    if ("indicator" in fields) == ("indicatorRef" in fields):
        raise spec.error("an SLO has either an indicator or an indicatorRef", "Keep one of them")
    comparison = Comparison(objective.op, objective.value, objective.at)
    if "indicator" in fields:
        inline = fields["indicator"].fields(("metadata", "spec"), ("spec",))
        return indicator_of(inline["spec"], comparison, known)
    name = name_of(fields["indicatorRef"])
    if ("SLI", name) not in known:
        raise fields["indicatorRef"].error(f"there is no SLI {name}", "Define it, or write its indicator here")
    return indicator_of(known["SLI", name].spec, comparison, known)

"""Rules as they stand in a file: a list a YAML document, and every error with its line and a way out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from incidents.rules.facts import Number
from incidents.rules.spec import (
    LABEL_PATTERN,
    LONGEST_TEXT,
    NAME_PATTERN,
    OPERATORS,
    SOURCES,
    AlertRule,
    Bound,
    Condition,
    Match,
    Op,
    Outcome,
)
from incidents.rules.wording import FIELD_NAMES, checked_text
from models.golden import SIGNALS
from models.rules import matchers_of
from schemas.events import AnomalyKind, Direction, Priority, Severity
from schemas.slo_events import AlertKind
from schemas.yaml_values import DefinitionError, Value, read_documents

_PartT = TypeVar("_PartT", bound=BaseModel)
_ReadT = TypeVar("_ReadT")

NUMBERS: Final[tuple[Number, ...]] = get_args(Number)
_PRIORITIES: Final[tuple[Priority, ...]] = get_args(Priority)
_SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)
_DIRECTIONS: Final[tuple[Direction, ...]] = get_args(Direction)
_KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "anomaly": get_args(AnomalyKind),
    "slo": get_args(AlertKind),
}
RULE_FIELDS: Final = (
    "name",
    "on",
    "match",
    "condition",
    "min_score",
    "min_confidence",
    "min_events_per_s",
    "for",
    "then",
)
"""Keys of a rule."""
_LISTED: Final = ("alertname", "signal", "kinds", "entity", "severity")
_OPS: Final[tuple[Op, ...]] = tuple(OPERATORS)
_BOUND: Final = re.compile(r"(>=|<=|>|<) *(-?[0-9]+(?:\.[0-9]+)?)")
_DURATION: Final = re.compile(r"(?:([0-9]{1,6})d)?(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,9})s)?")
_UNITS_S: Final = (86_400, 3600, 60, 1)


class Placed(NamedTuple):
    """A rule, and where it stands."""

    rule: AlertRule
    file: str
    line: int

    @property
    def place(self) -> str:
        """``FILE:LINE``."""
        return f"{self.file}:{self.line}"


@dataclass(slots=True)
class Reading:
    """What a file holds: rules, and what is wrong with it."""

    placed: list[Placed] = field(default_factory=list)
    problems: list[DefinitionError] = field(default_factory=list)


def read_rules(content: str | bytes, file: str, tenant: str | None = None) -> Reading:
    """The rules of a file.

    Parameters
    ----------
    content
        YAML: ``rules``, a list, and ``tenant`` where they are one tenant's.
    file
        Its name, for errors.
    tenant
        Whose they are where the file itself does not say.

    Examples
    --------
    >>> str(read_rules("rules: [{name: slow, on: anomaly}]", "a.yaml").problems[0])
    'a.yaml:1: rules[0]: then is missing. Add then'
    """
    found = Reading()
    empty = DefinitionError(file, 1, "there is no rule in it", "Write one, or remove the file")
    roots, found.problems = read_documents(content, file, lambda root: root, empty)
    for root in roots:
        _read_document(root, tenant, found)
    return found


def _read_document(root: Value, tenant: str | None, found: Reading) -> None:
    try:
        given = root.fields(("tenant", "rules"), ("rules",))
        whose = given["tenant"].text(200) if "tenant" in given else tenant
        listed = given["rules"].items()
        if not listed:
            raise given["rules"].error("the list is empty", "Write a rule, or remove the file")
    except DefinitionError as error:
        found.problems.append(error)
        return
    for one in listed:
        try:
            found.placed.append(Placed(_rule(one, whose), one.file, _line(one)))
        except DefinitionError as error:
            found.problems.append(error)


def _line(value: Value) -> int:
    """Of a rule in a list, its name's line."""
    return value.mapping()["name"].line


def _rule(value: Value, tenant: str | None) -> AlertRule:
    given = value.fields(RULE_FIELDS, ("name", "on", "then"))
    on = given["on"].choice(SOURCES)
    rest = {name: given[name].number() for name in RULE_FIELDS if name.startswith("min_") and name in given}
    return _made(
        AlertRule,
        value,
        name=_named(given["name"]),
        on=on,
        match=_match(given["match"], on) if "match" in given else Match(),
        condition=_condition(given["condition"]) if "condition" in given else Condition(),
        for_s=seconds_of(given["for"]) if "for" in given else 0.0,
        then=_outcome(given["then"]),
        tenant=tenant,
        **rest,
    )


def _made(model: type[_PartT], at: Value, /, **given: Any) -> _PartT:
    """The model of what was read; what its own checks say stands where the mapping does."""
    try:
        return model(**given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        said = first["msg"].removeprefix("Value error, ")
        raise at.error(f"{where}: {said}" if where else said, "Mend it, or leave it out") from error


def _named(value: Value) -> str:
    text = value.text(100)
    if not re.fullmatch(NAME_PATTERN, text):
        raise value.error(f"{text!r} is no name", "Take a-z, 0-9 and _, a letter first")
    return text


def _match(value: Value, on: str) -> Match:
    given = value.fields(tuple(Match.model_fields))
    read: dict[str, Any] = {
        name: _some(given[name], _words(name, on, given[name])) for name in _LISTED if name in given
    }
    if "select" in given:
        read["select"] = _checked(
            given["select"], matchers_of, """Write it like '{service="shop"}', in single quotes"""
        )
    if "direction" in given:
        read["direction"] = given["direction"].choice(_DIRECTIONS)
    return _made(Match, value, **read)


def _words(name: str, on: str, value: Value) -> Callable[[Value], str]:
    """How one word of a list is read."""
    known: Mapping[str, tuple[str, ...]] = {"signal": SIGNALS, "severity": _SEVERITIES, "kinds": _KINDS.get(on, ())}
    if name not in known:
        return lambda one: one.text(200)
    if not known[name]:
        raise value.error("an alert of another system has no kind", "Match its labels with select")
    return lambda one: one.choice(known[name])


def _some(value: Value, read: Callable[[Value], _ReadT]) -> tuple[_ReadT, ...]:
    """One or a list of them."""
    found = tuple(read(one) for one in value.items()) if value.is_list else (read(value),)
    if not found:
        raise value.error("the list is empty", "Name at least one, or remove the field")
    return found


def _checked(value: Value, check: Callable[[str], object], way_out: str) -> str:
    text = value.text(4000)
    try:
        check(text)
    except ValueError as error:
        raise value.error(str(error), way_out) from error
    return text


def _condition(value: Value) -> Condition:
    given = value.fields(NUMBERS)
    return _made(Condition, value, **{name: bound_of(one) for name, one in given.items()})


def bound_of(value: Value) -> Bound:
    """A comparison: ``> 1.5`` in quotes, or ``{op: ">", value: 1.5}``.

    Raises
    ------
    DefinitionError
        If it is none.
    """
    if value.is_mapping:
        given = value.fields(("op", "value"), ("op", "value"))
        return _made(Bound, value, op=given["op"].choice(_OPS), value=given["value"].number())
    text = value.text(40)
    found = _BOUND.fullmatch(text.strip())
    if found is None:
        raise value.error(f"{text!r} is no comparison", 'Write it like "> 1.5"')
    return _made(Bound, value, op=found[1], value=float(found[2]))


def seconds_of(value: Value) -> float:
    """A length of time, as ``1h30m``; a number counts seconds.

    Raises
    ------
    DefinitionError
        If it is none.
    """
    text = value.text(40)
    if text.isascii() and text.isdecimal() and len(text) < 10:
        return float(text)
    found = _DURATION.fullmatch(text)
    if found is None or not any(found.groups()):
        raise value.error(f"{text!r} is no length of time", "Write it like 30s, 5m or 1h30m")
    return float(sum(int(count or 0) * size for count, size in zip(found.groups(), _UNITS_S, strict=True)))


def _outcome(value: Value) -> Outcome:
    given = value.fields(tuple(Outcome.model_fields))
    read: dict[str, Any] = {}
    if "priority" in given:
        read["priority"] = given["priority"].choice(_PRIORITIES)
    if "role" in given:
        read["role"] = given["role"].choice(("symptom", "cause"))
    for name in ("labels", "annotations"):
        if name in given:
            read[name] = {key: _sentence(key, one) for key, one in given[name].mapping().items()}
    if "runbook" in given:
        read["runbook"] = given["runbook"].text(100)
    if not read:
        raise value.error("nothing follows", f"Give one of {', '.join(Outcome.model_fields)}")
    return _made(Outcome, value, **read)


def _sentence(name: str, value: Value) -> str:
    if not re.fullmatch(LABEL_PATTERN, name):
        raise value.error(f"{name[:100]!r} is no label's name", "Take letters, digits and _, no digit first")
    text = _checked(value, checked_text, f"Known here: {', '.join(FIELD_NAMES)}")
    if len(text) > LONGEST_TEXT:
        raise value.error(f"{len(text)} characters, where {LONGEST_TEXT} are the most", "Shorten it")
    return text

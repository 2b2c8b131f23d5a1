"""Tests of rules as people write them: states of episodes, and what is to come of them.

A file has ``rules`` (files and folders beside it, or ``shipped``) and ``tests``; each test has ``events`` and
``expect``.
States of one metric and labels, of one objective's alert, or of one posted alert's labels are one episode.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args

from pydantic import ValidationError

from incidents.rules.facts import Facts, Source, facts_of_anomaly, facts_of_slo_alert
from incidents.rules.reading import seconds_of
from incidents.rules.spec import SOURCES
from models.rules import ThresholdRule
from schemas.events import Anomaly, AnomalyKind, AnomalyState, Direction, Priority, Range, Severity, UsualHour
from schemas.ids import event_id, series_id
from schemas.series import DIMENSIONS, entity_of
from schemas.slo_events import AlertKind, SloAlert
from schemas.yaml_values import DefinitionError, Value, read_documents

START_MS: Final = 1_767_571_200_000
"""When a test's time 0s is: the first Monday of 2026, in UTC."""
SHIPPED: Final = "shipped"
_TEST: Final = ("name", "tenant", "events", "expect")
_SHARED: Final = ("on", "at", "state")
_ANOMALY: Final = (
    *_SHARED,
    "metric",
    "labels",
    "rule",
    "kind",
    "direction",
    "severity",
    "priority",
    "safety",
    "score",
    "confidence",
    "observed",
    "usual",
    "expected",
)
_SLO: Final = (*_SHARED, "slo", "service", "labels", "alert", "kind", "priority", "burn_rate", "budget_left")
_POSTED: Final = (*_SHARED, "labels", "priority", "severity")
_EXPECTED: Final = ("alertname", "metric", "rule", "priority", "role", "labels", "annotations", "runbook")
_STATES: Final[tuple[AnomalyState, ...]] = get_args(AnomalyState)
# What the tiers of an objective bring, by their names.
_TIERS: Final[Mapping[str, Priority]] = {"page-quick": "P0", "page-slow": "P1"}
_CONFIDENT: Final = 0.9


@dataclass(frozen=True, slots=True)
class Expected:
    """What is to come of an episode: what is given must be so.

    Parameters
    ----------
    alertname
        Which alert.
    fields
        Priority, role, rule, runbook, metric, as they should be; ``none`` for none.
    labels, annotations
        What must be among the rule's.
    line
        Where it stands.
    """

    alertname: str
    fields: Mapping[str, str]
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    line: int


@dataclass(frozen=True, slots=True)
class Trial:
    """One test.

    Parameters
    ----------
    name, file, line
        What it says, and where.
    episodes
        The states of each episode, in their order.
    expected
        What is to come of them.
    """

    name: str
    file: str
    line: int
    episodes: tuple[tuple[Facts, ...], ...]
    expected: tuple[Expected, ...]

    @property
    def place(self) -> str:
        """``FILE:LINE``."""
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class TrialFile:
    """What a file of tests says.

    Parameters
    ----------
    rules
        Where the rules lie, as it was written.
    trials
        Its tests.
    """

    rules: tuple[str, ...]
    trials: tuple[Trial, ...]


def read_trials(
    content: bytes, file: str, thresholds: Sequence[ThresholdRule] = ()
) -> tuple[list[TrialFile], list[DefinitionError]]:
    r"""The tests of a file.

    Parameters
    ----------
    content
        YAML.
    file
        Its name.
    thresholds
        Threshold rules that an event may name; it then has their priority, severity and place on the safety list.

    Examples
    --------
    >>> text = b"rules: [shipped]\ntests: [{name: quiet, events: [{metric: cpu, at: 0s}]}]"
    >>> str(read_trials(text, "a.yaml")[1][0])
    'a.yaml:2: tests[0]: expect is missing. Add expect'
    """
    named = {one.name: one for one in thresholds}
    empty = DefinitionError(file, 1, "there is no test in it", "Write one, or remove the file")
    return read_documents(content, file, lambda root: _file(root, named), empty)


def _file(root: Value, named: Mapping[str, ThresholdRule]) -> TrialFile:
    given = root.fields(("rules", "tests"), ("rules", "tests"))
    rules = tuple(one.text(1000) for one in given["rules"].items())
    trials = tuple(_trial(one, named) for one in given["tests"].items())
    for name, found in (("rules", rules), ("tests", trials)):
        if not found:
            raise given[name].error("the list is empty", "Write at least one")
    return TrialFile(rules, trials)


def _trial(value: Value, named: Mapping[str, ThresholdRule]) -> Trial:
    given = value.fields(_TEST, ("name", "events", "expect"))
    tenant = given["tenant"].text(200) if "tenant" in given else "default"
    episodes: dict[tuple[object, ...], list[Facts]] = {}
    for one in given["events"].items():
        facts = _facts(one, tenant, episodes, named)
        episodes.setdefault(_episode(facts), []).append(facts)
    expected = tuple(_expected(one) for one in given["expect"].items())
    return Trial(given["name"].text(), value.file, given["name"].line, tuple(map(tuple, episodes.values())), expected)


def _episode(facts: Facts) -> tuple[object, ...]:
    return facts.on, facts.alertname, tuple(sorted(facts.labels.items()))


def _facts(
    value: Value,
    tenant: str,
    episodes: Mapping[tuple[object, ...], list[Facts]],
    named: Mapping[str, ThresholdRule],
) -> Facts:
    """A state; that it belongs to an episode which began earlier is known only once it has been read."""
    given = value.mapping()
    readers: Mapping[Source, Callable[[Value, str, int | None], Facts]] = {
        "anomaly": lambda one, whose, start: _anomaly(one, whose, start, named),
        "slo": _slo,
        "posted": _posted,
    }
    read = readers[given["on"].choice(SOURCES) if "on" in given else "anomaly"]
    alone = read(value, tenant, None)
    before = episodes.get(_episode(alone))
    return read(value, tenant, before[0].started_ms) if before else alone


def _at_ms(given: Mapping[str, Value]) -> int:
    return START_MS + round(seconds_of(given["at"]) * 1000)


def _state(given: Mapping[str, Value], started_ms: int | None) -> AnomalyState:
    if "state" in given:
        return given["state"].choice(_STATES)
    return "start" if started_ms is None else "update"


def _texts(given: Mapping[str, Value], name: str) -> dict[str, str]:
    return {key: one.text() for key, one in given[name].mapping().items()} if name in given else {}


def _number(given: Mapping[str, Value], name: str, absent: float) -> float:
    return given[name].number() if name in given else absent


def _anomaly(value: Value, tenant: str, started_ms: int | None, named: Mapping[str, ThresholdRule]) -> Facts:
    given = value.fields(_ANOMALY, ("metric", "at"))
    metric, labels = given["metric"].text(), _texts(given, "labels")
    dims = _dims(labels)
    at_ms, state = _at_ms(given), _state(given, started_ms)
    start_ms = at_ms if started_ms is None else started_ms
    number = series_id(tenant, metric, labels)
    score = _number(given, "score", 2.0)
    body: dict[str, Any] = {
        "id": event_id(number, start_ms),
        "state": state,
        "tenant": tenant,
        "series_id": f"{number:016x}",
        "metric": metric,
        "labels": labels,
        "dims": dims,
        "entity": entity_of(dims),
        "started_ms": start_ms,
        "at_ms": at_ms,
        "ended_ms": at_ms if state == "end" else None,
        "score": score,
        "peak_score": score,
        "observed": _number(given, "observed", 1.0),
        "confidence": _number(given, "confidence", _CONFIDENT),
        "explanation": "",
        **_usual(given),
        **_told_by(given, named),
    }
    return facts_of_anomaly(_made(Anomaly, value, body))


def _usual(given: Mapping[str, Value]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "expected" in given:
        center = given["expected"].number()
        found["expected"] = Range(low=center, center=center, high=center)
    if "usual" in given:
        center = given["usual"].number()
        found["usual"] = UsualHour(
            low=center, center=center, high=center, hour=0, seen=10, same_day=True, percentile=50
        )
    return found


def _told_by(given: Mapping[str, Value], named: Mapping[str, ThresholdRule]) -> dict[str, Any]:
    """What its detector or its threshold rule says of it, and what the test says instead."""
    found: dict[str, Any] = {"detector": "windows", "kind": "spike", "severity": "warning"}
    if "rule" in given:
        name = given["rule"].text(100)
        found |= {"detector": name, "kind": "limit"}
        if rule := named.get(name):
            kind = "trend" if rule.function == "eta" else "limit"
            found |= {"kind": kind, "severity": rule.severity, "priority": rule.priority, "safety": rule.safety}
    known: Mapping[str, tuple[str, ...]] = {
        "kind": get_args(AnomalyKind),
        "direction": get_args(Direction),
        "severity": get_args(Severity),
        "priority": get_args(Priority),
    }
    found |= {name: given[name].choice(words) for name, words in known.items() if name in given}
    return found | ({"safety": given["safety"].boolean()} if "safety" in given else {})


def _slo(value: Value, tenant: str, started_ms: int | None) -> Facts:
    given = value.fields(_SLO, ("slo", "alert", "at"))
    slo, alert, at_ms = given["slo"].text(), given["alert"].text(), _at_ms(given)
    start_ms = at_ms if started_ms is None else started_ms
    kinds: tuple[AlertKind, ...] = get_args(AlertKind)
    priorities: tuple[Priority, ...] = get_args(Priority)
    body: dict[str, Any] = {
        "id": event_id("slo", f"{tenant}/{slo}", alert, start_ms),
        "tenant": tenant,
        "slo": slo,
        "service": given["service"].text() if "service" in given else "",
        "labels": _texts(given, "labels"),
        "alert": alert,
        "kind": given["kind"].choice(kinds) if "kind" in given else "burn",
        "state": _state(given, started_ms),
        "priority": given["priority"].choice(priorities) if "priority" in given else _TIERS.get(alert, "P2"),
        "started_ms": start_ms,
        "at_ms": at_ms,
    }
    body |= {name: given[name].number() for name in ("burn_rate", "budget_left") if name in given}
    return facts_of_slo_alert(_made(SloAlert, value, body))


def _posted(value: Value, tenant: str, started_ms: int | None) -> Facts:
    given = value.fields(_POSTED, ("labels", "at"))
    at_ms, labels = _at_ms(given), _texts(given, "labels")
    priorities: tuple[Priority, ...] = get_args(Priority)
    severities: tuple[Severity, ...] = get_args(Severity)
    return Facts(
        on="posted",
        tenant=tenant,
        alertname=labels.get("alertname", ""),
        labels=labels,
        started_ms=at_ms if started_ms is None else started_ms,
        at_ms=at_ms,
        priority=given["priority"].choice(priorities) if "priority" in given else "P2",
        severity=given["severity"].choice(severities) if "severity" in given else "warning",
        entity=entity_of(_dims(labels)),
        ended=_state(given, started_ms) == "end",
    )


def _dims(labels: Mapping[str, str]) -> dict[str, str]:
    return {name: labels[name] for name in DIMENSIONS if name in labels}


def _made(model: Any, value: Value, body: Mapping[str, Any]) -> Any:
    try:
        return model(**body)
    except ValidationError as error:
        first = error.errors()[0]
        raise value.error(f"{'.'.join(map(str, first['loc']))}: {first['msg']}", "Mend the event") from error


def _expected(value: Value) -> Expected:
    given = value.fields(_EXPECTED, ("alertname",))
    words = ("metric", "rule", "priority", "role", "runbook")
    return Expected(
        alertname=given["alertname"].text(),
        fields={name: given[name].text() for name in words if name in given},
        labels=_texts(given, "labels"),
        annotations=_texts(given, "annotations"),
        line=value.line,
    )

"""Runs tests of rules: what came of each episode, and where that is not what was expected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from incidents.rules.book import RuleBook, Verdict, joined
from incidents.rules.facts import Facts
from incidents.rules.trials import Expected, Trial

NONE: Final = "none"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an episode."""

    first: Facts
    verdict: Verdict

    def value(self, name: str) -> str:
        """A field of it, as tests name them."""
        found = {
            "alertname": self.first.alertname,
            "metric": self.first.metric,
            "rule": self.verdict.rule or NONE,
            "priority": self.verdict.priority,
            "role": self.verdict.role or NONE,
            "runbook": ", ".join(self.verdict.runbooks) or NONE,
        }
        return found[name]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a test.

    Parameters
    ----------
    trial
        The test.
    differences
        Where it is not as expected, a line each; none where it passed.
    """

    trial: Trial
    differences: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether all is as expected."""
        return not self.differences


def try_rules(book: RuleBook, trials: Sequence[Trial]) -> list[Result]:
    r"""Run tests against rules.

    Examples
    --------
    >>> from incidents.rules.trials import read_trials
    >>> event, wanted = "{metric: cpu, labels: {node: h1}, at: 0s}", "{alertname: MetricAnomaly, priority: P1}"
    >>> text = f"rules: [shipped]\ntests: [{{name: quiet, events: [{event}], expect: [{wanted}]}}]"
    >>> files, problems = read_trials(text.encode(), "a.yaml")
    >>> [one.differences for one in try_rules(RuleBook([]), files[0].trials)]
    [['MetricAnomaly: priority is P2, not P1']]
    """
    return [Result(trial, list(_differences(book, trial))) for trial in trials]


def _differences(book: RuleBook, trial: Trial) -> Iterator[str]:
    left = [Outcome(states[0], joined(map(book.judge, states))) for states in trial.episodes]
    for wanted in trial.expected:
        named = [one for one in left if one.first.alertname == wanted.alertname]
        if not named:
            yield f"{wanted.alertname}: there is no such alert{_among(left)}"
            continue
        nearest = min(named, key=lambda one: len(_wrong(one, wanted)))
        left.remove(nearest)
        yield from _wrong(nearest, wanted)
    for one in left:
        yield f"{one.first.alertname}: was not expected ({one.verdict.priority}, rule {one.value('rule')})"


def _among(left: Sequence[Outcome]) -> str:
    names = sorted({one.first.alertname for one in left})
    return f", only {', '.join(names)}" if names else ""


def _wrong(found: Outcome, wanted: Expected) -> list[str]:
    lines = [
        f"{wanted.alertname}: {name} is {found.value(name)}, not {text}"
        for name, text in wanted.fields.items()
        if found.value(name) != text
    ]
    for what, given, asked in (
        ("label", found.verdict.labels, wanted.labels),
        ("annotation", found.verdict.annotations, wanted.annotations),
    ):
        lines += [
            f"{wanted.alertname}: {what} {name} is {given.get(name, NONE)!r}, not {text!r}"
            for name, text in asked.items()
            if given.get(name) != text
        ]
    return lines

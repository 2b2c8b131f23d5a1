"""How much an alert matters: impact, urgency, confidence and accuracy, each from 0 to 1, as one number of a hundred.

A part that nobody knows counts as neutral, and says so: it neither lifts an alert nor lowers it. The whole is the mean
of the parts by their weights, so that what raises one part never lowers the whole.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from models.explain import duration
from schemas.events import Priority
from schemas.incident_events import Alert
from schemas.notification_events import ScorePart

PartName = Literal["impact", "urgency", "confidence", "accuracy"]
WEIGHTS: Final[Mapping[PartName, float]] = {"impact": 0.3, "urgency": 0.3, "confidence": 0.2, "accuracy": 0.2}
"""They add up to 1."""
NEUTRAL: Final = 0.5
"""What stands for a part that is not known."""

# Half of the most at so many, and no end: the tenth service more matters less than the first.
_HALF_SERVICES: Final = 5.0
_HALF_USERS: Final = 1000.0
_HALF_TIME_S: Final = 86_400.0
_DEMOTED: Final[Mapping[Priority, Priority]] = {"P0": "P1", "P1": "P2", "P2": "P3", "P3": "P3"}


@dataclass(frozen=True, slots=True)
class Impact:
    """Who stands behind what an alert is about, as far as the topology tells.

    Parameters
    ----------
    services
        How many services depend on it.
    users
        How many users they have; None if nobody knows.
    """

    services: int | None = None
    users: int | None = None


class Score(NamedTuple):
    """A score of 0 to 100, and what it is made of."""

    value: float
    parts: tuple[ScorePart, ...]


def score(impact: ScorePart, urgency: ScorePart, confidence: ScorePart, accuracy: ScorePart) -> Score:
    """The whole of its parts.

    Examples
    --------
    >>> parts = impact_part(Impact(services=5)), urgency_part(0.0), confidence_part(0.9), accuracy_part(None)
    >>> score(*parts).value
    73.0
    """
    parts = (impact, urgency, confidence, accuracy)
    return Score(round(100 * sum(WEIGHTS[one.of] * one.value for one in parts), 1), parts)


def score_of(alert: Alert, impact: Impact | None = None, accuracy: Accuracy | None = None) -> Score:
    """The score of an alert as it stands.

    Parameters
    ----------
    alert
        Its role, the time that is left and its confidence count.
    impact
        Who depends on what it is about; None where no topology tells.
    accuracy
        How often its rule was right; None where nobody has judged it.
    """
    return score(
        impact_part(impact),
        urgency_part(alert.seconds_left, is_felt=alert.role == "symptom"),
        confidence_part(alert.confidence),
        accuracy_part(accuracy),
    )


def impact_part(impact: Impact | None) -> ScorePart:
    """How many depend on it: the more the higher, of services and users whichever weighs more.

    Examples
    --------
    >>> impact_part(Impact(services=5)).value, impact_part(None).value, impact_part(Impact(services=0)).value
    (0.5, 0.5, 0.0)
    """
    services, users = (None, None) if impact is None else (impact.services, impact.users)
    known = [
        (_saturated(count, half), f"{count:,} {what}")
        for count, half, what in ((services, _HALF_SERVICES, "services behind it"), (users, _HALF_USERS, "users"))
        if count is not None
    ]
    if not known:
        return _neutral("impact", "no topology says who depends on it")
    return ScorePart(of="impact", value=max(value for value, _ in known), why=", ".join(why for _, why in known))


def urgency_part(seconds_left: float | None, *, is_felt: bool = False) -> ScorePart:
    """How soon it matters: the nearer the higher, and now where users feel it.

    Parameters
    ----------
    seconds_left
        Until its limit is reached; None if nothing says when.
    is_felt
        Whether it is a symptom.

    Examples
    --------
    >>> urgency_part(0).value, urgency_part(86_400).value, urgency_part(None).value
    (1.0, 0.5, 0.5)
    """
    if is_felt:
        return ScorePart(of="urgency", value=1.0, why="users notice it now")
    if seconds_left is None:
        return _neutral("urgency", "nothing says when it will matter")
    left = max(0.0, seconds_left)
    why = f"its limit is reached in {duration(left)}" if left else "its limit is reached"
    return ScorePart(of="urgency", value=_HALF_TIME_S / (_HALF_TIME_S + left), why=why)


def confidence_part(confidence: float) -> ScorePart:
    """How sure it is that it is a real one, as calibrated.

    Examples
    --------
    >>> confidence_part(0.8).why
    'of such anomalies 80 % are real ones'
    """
    value = min(1.0, max(0.0, confidence))
    why = "it was counted" if value == 1.0 else f"of such anomalies {value:.0%} are real ones".replace("%", " %")
    return ScorePart(of="confidence", value=value, why=why)


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How often a rule was right about a signal.

    Parameters
    ----------
    mean
        Of the posterior: how often it will be right.
    right, wrong
        Alerts that needed action, and those that did not, as they weigh now.
    in_a_row
        How many of the last were wrong, one after the other.
    is_poor
        Whether it is so often wrong that it is demoted.
    """

    mean: float
    right: float
    wrong: float
    in_a_row: int
    is_poor: bool


def accuracy_part(accuracy: Accuracy | None) -> ScorePart:
    """How often this rule was right about this signal."""
    if accuracy is None or not accuracy.right + accuracy.wrong:
        return _neutral("accuracy", "nobody has judged an alert of this rule yet")
    judged = accuracy.right + accuracy.wrong
    why = f"{accuracy.right:.4g} of {judged:.4g} judged alerts needed action"
    return ScorePart(of="accuracy", value=accuracy.mean, why=why)


def demoted(priority: Priority, accuracy: Accuracy | None, *, safety: bool) -> Priority:
    """One level less urgent where the rule is so often wrong; never what is on the safety list.

    Examples
    --------
    >>> poor = Accuracy(mean=0.05, right=0, wrong=20, in_a_row=20, is_poor=True)
    >>> demoted("P1", poor, safety=False), demoted("P0", poor, safety=True), demoted("P1", None, safety=False)
    ('P2', 'P0', 'P1')
    """
    if safety or accuracy is None or not accuracy.is_poor:
        return priority
    return _DEMOTED[priority]


def _saturated(count: float, half: float) -> float:
    return max(0.0, count) / (half + max(0.0, count)) if math.isfinite(count) else 1.0


def _neutral(part: PartName, why: str) -> ScorePart:
    return ScorePart(of=part, value=NEUTRAL, why=f"not known: {why}")

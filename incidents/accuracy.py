"""How often each rule was right about each signal, from what people said of its alerts.

An alert that needed action speaks for the rule, one that did not against it; a duplicate says nothing. The posterior
of a Beta distribution starts a little in the rule's favour, so that one bad night condemns nobody.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Final, Literal, NamedTuple

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from incidents.scoring import Accuracy
from schemas.bounds import LONGEST_S
from schemas.errors import CheckpointError
from schemas.incident_events import Alert
from schemas.slo_events import Feedback

Judgement = Literal["actioned", "false", "duplicate"]
PREFIX: Final = "accuracy/"
VERSION: Final = 1


class AccuracySettings(BaseModel):
    """What may be set about the accuracy of rules."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    prior_right: float = Field(
        2.0, gt=0, le=1e6, description="As if so many alerts had needed action before the first."
    )
    prior_wrong: float = Field(1.0, gt=0, le=1e6, description="As if so many had not.")
    false_in_a_row: int = Field(
        20, ge=1, le=1000, description="A rule is demoted after so many false alerts of a signal one after the other."
    )
    poor_below: float = Field(
        0.09,
        ge=0,
        le=1,
        description="It is demoted, too, once it is expected to be right less often, where so many were judged.",
    )
    half_life_s: float | None = Field(
        None, gt=0, le=LONGEST_S, description="What was said so long before the last weighs half; all alike without it."
    )
    kept: int = Field(500, ge=1, le=100_000, description="Judgements that are kept of a rule and signal, the newest.")


class Pair(NamedTuple):
    """Whose accuracy it is: a tenant's, of a rule (or an alert's name) about a signal."""

    tenant: str
    rule: str
    signal: str


@dataclass(frozen=True, slots=True)
class Judged:
    """What was said of an alert.

    Parameters
    ----------
    alert_id, pair
        Which alert, and whose it was.
    judgement
        What it was.
    at_ms
        When it was said.
    """

    alert_id: str
    pair: Pair
    judgement: Judgement
    at_ms: int

    @property
    def order(self) -> tuple[int, str, str]:
        """What was said last counts; a total order, so that any order of arrival ends alike."""
        return self.at_ms, self.alert_id, self.judgement


class AccuracyBook:
    """What was said of alerts, by rule and signal; what was said of one alert last replaces what was said before.

    Parameters
    ----------
    settings
        The prior, when a rule is demoted, how fast old judgements fade.

    Examples
    --------
    >>> book, pair = AccuracyBook(AccuracySettings()), Pair("shop", "slow", "latency")
    >>> for at in range(20):
    ...     _ = book.put(Judged(f"a{at}", pair, "false", at_ms=at))
    >>> found = book.accuracy(pair)
    >>> round(found.mean, 3), found.in_a_row, found.is_poor
    (0.087, 20, True)
    >>> book.put(Judged("a19", pair, "actioned", at_ms=99)), book.accuracy(pair).is_poor
    (True, False)
    """

    def __init__(self, settings: AccuracySettings) -> None:
        self._settings = settings
        self._of: dict[Pair, dict[str, Judged]] = {}
        self._changed: set[Pair] = set()

    def put(self, judged: Judged) -> bool:
        """Take in what was said; whether it is news."""
        held = self._of.setdefault(judged.pair, {})
        before = held.get(judged.alert_id)
        if before is not None and before.order >= judged.order:
            return False
        held[judged.alert_id] = judged
        if len(held) > self._settings.kept:
            oldest = min(held.values(), key=lambda one: one.order)
            del held[oldest.alert_id]
            if oldest is judged:
                return False
        self._changed.add(judged.pair)
        return True

    def accuracy(self, pair: Pair) -> Accuracy | None:
        """How often a rule is right about a signal; None where nobody has said anything."""
        told = [one for one in self._of.get(pair, {}).values() if one.judgement != "duplicate"]
        if not told:
            return None
        told.sort(key=lambda one: one.order)
        weights = self._weights(told)
        right = math.fsum(weight for one, weight in zip(told, weights, strict=True) if one.judgement == "actioned")
        wrong = math.fsum(weights) - right
        prior = self._settings.prior_right
        mean = (prior + right) / (prior + self._settings.prior_wrong + right + wrong)
        row = _in_a_row(told)
        wanted = self._settings.false_in_a_row
        is_poor = row >= wanted or (len(told) >= wanted and mean < self._settings.poor_below)
        return Accuracy(mean=mean, right=right, wrong=max(0.0, wrong), in_a_row=row, is_poor=is_poor)

    def take_blocks(self) -> list[tuple[str, bytes | None]]:
        """Copy out the blocks that changed since the last call, one a rule and signal."""
        found: list[tuple[str, bytes | None]] = []
        for pair in sorted(self._changed):
            told = [(one.alert_id, one.judgement, one.at_ms) for one in self._of[pair].values()]
            body = {"v": VERSION, "pair": pair, "told": sorted(told)}
            found.append((_key(pair), msgspec.msgpack.encode(body)))
        self._changed.clear()
        return found

    def load_block(self, key: str, value: bytes) -> None:
        """Put one block back.

        Raises
        ------
        CheckpointError
            If it cannot be read.
        """
        try:
            block = msgspec.msgpack.decode(value, type=_Block)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise CheckpointError(f"the block {key} cannot be read ({error})") from error
        if block.v != VERSION:
            raise CheckpointError(f"the block {key} is of version {block.v}, this reads {VERSION}")
        pair = Pair(*block.pair)
        self._of[pair] = {alert_id: Judged(alert_id, pair, said, at_ms) for alert_id, said, at_ms in block.told}

    def pairs(self) -> list[Pair]:
        """Of whom something was said."""
        return sorted(self._of)

    def _weights(self, told: Iterable[Judged]) -> list[float]:
        """How much each weighs, beside the newest."""
        half_life_s = self._settings.half_life_s
        ages_ms = [one.at_ms for one in told]
        if half_life_s is None:
            return [1.0] * len(ages_ms)
        newest_ms = max(ages_ms)
        return [0.5 ** ((newest_ms - at_ms) / 1000 / half_life_s) for at_ms in ages_ms]


class _Block(msgspec.Struct):
    v: int
    pair: Annotated[tuple[str, ...], msgspec.Meta(min_length=3, max_length=3)]
    told: list[tuple[str, Judgement, int]]


def _in_a_row(told: list[Judged]) -> int:
    row = 0
    for one in reversed(told):
        if one.judgement != "false":
            break
        row += 1
    return row


def _key(pair: Pair) -> str:
    # Rules and signals may be called anything: their hash is a key of any store's.
    return PREFIX + hashlib.blake2b("\0".join(pair).encode(), digest_size=12).hexdigest()


def judged_by(feedback: Feedback, alert: Alert | None) -> Judged | None:
    """What somebody said, of the rule and signal that its alert was of.

    Parameters
    ----------
    feedback
        As it was given.
    alert
        The alert, if it is still known; else the labels that came with the feedback have to say. None if nothing does.

    Examples
    --------
    >>> said = {"tenant": "shop", "alert_id": "a1", "verdict": "false", "at_ms": 5}
    >>> labels = {"alertname": "MetricAnomaly", "metric": "latency_p99"}
    >>> judged_by(Feedback(**said, labels=labels), None).pair
    Pair(tenant='shop', rule='MetricAnomaly', signal='latency_p99')
    >>> judged_by(Feedback(**said), None) is None
    True
    """
    labels = feedback.labels
    named = Pair(feedback.tenant, labels.get("alertname", ""), labels.get("metric", ""))
    pair = named if alert is None else pair_of(alert)
    return Judged(feedback.alert_id, pair, feedback.verdict, feedback.at_ms) if pair.rule else None


def pair_of(alert: Alert) -> Pair:
    """Whose accuracy speaks for an alert: its rule's, else its name's, about its signal."""
    return Pair(alert.tenant, alert.rule or alert.labels.get("alertname", ""), alert.signal)

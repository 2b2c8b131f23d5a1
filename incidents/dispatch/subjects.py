"""An alert as routing sees it: what it says, how it stands, and every decision about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from incidents.auditing import Move
from incidents.dispatch.standing import WHY, Turn, turned
from incidents.finding import PRIORITY_RANK
from schemas.events import Priority
from schemas.ids import event_id
from schemas.incident_events import Acknowledgement, Alert
from schemas.notification_events import AlertStanding, AlertStatus, Decision, DecisionStep, ScorePart

# Of very many decisions the first tell how it came, the last how it stands.
_FIRST: Final = 20
_LAST: Final = 80


def routing_labels(alert: Alert, incident_id: str | None, priority: Priority) -> dict[str, str]:
    """What routes, silences and inhibitions look at: the alert's own labels, and what is known of it beside them.

    Parameters
    ----------
    alert
        Its own labels, and those that its rule gave it. Of ``priority``, ``tenant`` and ``incident_id`` what was
        decided holds, and an own one that says otherwise is ``exported_priority`` and the like.
    incident_id
        Of the incident that it is in, if it is; what is said of that may come later.
    priority
        As urgent as its incident, if that is more.
    """
    known = {
        "alertname": alert.labels.get("alertname", alert.signal),
        "severity": alert.severity,
        "entity": alert.entity,
    }
    if alert.role is not None:
        known["role"] = alert.role
    labels = {**known, **(alert.rule_labels or {}), **alert.labels}
    decided = {"priority": priority, "tenant": alert.tenant}
    if incident_id is not None:
        decided["incident_id"] = incident_id
    for name, value in decided.items():
        if labels.get(name, value) != value:
            labels[f"exported_{name}"] = labels[name]
        labels[name] = value
    return labels


@dataclass(slots=True)
class Subject:
    """One alert episode on its way to people.

    Parameters
    ----------
    alert
        Its newest state.
    labels, priority
        As routes see it.
    standing, since_ms
        As the table has it, and since when.
    acknowledged
        By whom, of this episode.
    silenced_by, inhibited_by
        Ids of silences, keys of alerts.
    held_by
        What else holds it back: intervals, suppression, throttles.
    receivers
        Names of who is told.
    decisions
        In order.
    score, score_parts
        How much it matters, if that was worked out.
    digest
        Of the status that was published last.
    moves
        How it came to stand otherwise, until that is told.
    """

    alert: Alert
    labels: dict[str, str] = field(default_factory=dict)
    priority: Priority = "P3"
    standing: AlertStanding = "new"
    since_ms: int = 0
    acknowledged: Acknowledgement | None = None
    silenced_by: list[str] = field(default_factory=list)
    inhibited_by: list[str] = field(default_factory=list)
    held_by: list[str] = field(default_factory=list)
    receivers: list[str] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    score: float | None = None
    score_parts: list[ScorePart] = field(default_factory=list)
    digest: str = ""
    moves: list[Move] = field(default_factory=list)

    @classmethod
    def begun(cls, alert: Alert, now_ms: int) -> Subject:
        """One that nothing was known of."""
        subject = cls(alert, since_ms=now_ms)
        subject.moves.append(Move("", subject.standing, now_ms, "it was told of for the first time"))
        return subject

    @property
    def key(self) -> str:
        """Its own among all tenants'."""
        return f"{self.alert.tenant}/{self.alert.id}"

    @property
    def flap_key(self) -> str:
        """What all episodes of the alert share."""
        return f"{self.alert.tenant}/{self.alert.fingerprint}"

    @property
    def fires(self) -> bool:
        """Whether it counts as firing: while it flaps it does, whatever it says."""
        return self.alert.state == "firing" or self.standing == "flapping"

    @property
    def is_muted(self) -> bool:
        """Whether a silence or another alert speaks against telling it."""
        return bool(self.silenced_by or self.inhibited_by)

    @property
    def rank(self) -> tuple[int, int, str]:
        """The most urgent and earliest first."""
        return PRIORITY_RANK[self.priority], self.alert.started_ms, self.key

    def turn(self, at_ms: int, *turns: Turn, by: str = "", why: str = "") -> bool:
        """Let something happen to it; whether it stands otherwise now.

        Parameters
        ----------
        at_ms
            When.
        turns
            What happens, in order.
        by
            Who did it, where a person or a tool did.
        why
            In words, where more is known than the first turn says.
        """
        after = turned(self.standing, *turns)
        if after == self.standing:
            return False
        self.moves.append(Move(self.standing, after, at_ms, why or WHY[turns[0]], by))
        self.standing, self.since_ms = after, at_ms
        return True

    def decide(
        self,
        at_ms: int,
        step: DecisionStep,
        verdict: str,
        text: str,
        name: str = "",
        labels: Mapping[str, str] | None = None,
    ) -> None:
        """Write down a decision, unless it is the one that stands."""
        last = next((one for one in reversed(self.decisions) if (one.step, one.name) == (step, name)), None)
        if last is not None and (last.verdict, last.text) == (verdict, text):
            return
        self.decisions.append(
            Decision(at_ms=at_ms, step=step, verdict=verdict, name=name, text=text, labels=dict(labels or {}))
        )
        if len(self.decisions) > _FIRST + _LAST:
            del self.decisions[_FIRST]

    @property
    def muted_by(self) -> str:
        """What mutes it, in words.

        Examples
        --------
        >>> alert = Alert.model_construct()
        >>> Subject(alert, silenced_by=["s1"], inhibited_by=["t/a", "t/b"]).muted_by
        'silence s1 and 2 other alerts mute it'
        """
        others = len(self.inhibited_by)
        speakers = [f"{'silence' if len(self.silenced_by) == 1 else 'silences'} {', '.join(self.silenced_by)}"]
        speakers = speakers if self.silenced_by else []
        speakers += [f"{others} other alert{'s' if others > 1 else ''}"] if others else []
        one = len(self.silenced_by) + others == 1
        return f"{' and '.join(speakers)} mute{'s' if one else ''} it"

    def take_moves(self) -> list[Move]:
        """How it came to stand otherwise since the last call."""
        moves, self.moves = self.moves, []
        return moves

    def status(self, at_ms: int, inhibitors: Sequence[str]) -> AlertStatus:
        """What is published of it.

        Parameters
        ----------
        at_ms
            Now.
        inhibitors
            Fingerprints of the alerts that speak for it.
        """
        return AlertStatus(
            tenant=self.alert.tenant,
            alert_id=self.alert.id,
            fingerprint=self.alert.fingerprint,
            state=self.standing,
            since_ms=self.since_ms,
            at_ms=at_ms,
            priority=self.priority,
            acknowledged=self.acknowledged,
            silenced_by=self.silenced_by,
            inhibited_by=list(inhibitors),
            muted_by=self.held_by,
            receivers=self.receivers,
            score=self.score,
            score_parts=self.score_parts,
            decisions=self.decisions,
            incident_id=self.alert.incident_id,
        )

    def is_news(self, status: AlertStatus) -> bool:
        """Whether a status says something that the last one did not."""
        digest = event_id(status.model_dump_json(exclude={"at_ms"}))
        if digest == self.digest:
            return False
        self.digest = digest
        return True

    def pack(self) -> dict[str, Any]:
        """As a block has it, what is worked out anew aside."""
        return {
            "alert": self.alert.to_bytes(),
            "standing": self.standing,
            "since_ms": self.since_ms,
            "acknowledged": self.acknowledged and self.acknowledged.model_dump(),
            "held_by": self.held_by,
            "receivers": self.receivers,
            "decisions": [one.model_dump() for one in self.decisions],
            "score": self.score,
            "score_parts": [one.model_dump() for one in self.score_parts],
            "digest": self.digest,
        }

    @classmethod
    def unpack(cls, body: Mapping[str, Any]) -> Subject:
        """From a block."""
        acknowledged = body["acknowledged"]
        return cls(
            alert=Alert.from_bytes(body["alert"]),
            standing=body["standing"],
            since_ms=body["since_ms"],
            acknowledged=acknowledged and Acknowledgement.model_validate(acknowledged),
            held_by=body["held_by"],
            receivers=body["receivers"],
            decisions=[Decision.model_validate(one) for one in body["decisions"]],
            score=body["score"],
            score_parts=[ScorePart.model_validate(one) for one in body["score_parts"]],
            digest=body["digest"],
        )

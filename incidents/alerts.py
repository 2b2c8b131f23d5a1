"""Episodes become alerts: how news of them is joined, and what is published.

Every field is a join over the set of states that arrived, so repeats and any order make the same alert: the newest
state and the worst state are kept whole, ends and priorities only ever grow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from incidents import wording
from incidents.changes import after_change
from incidents.finding import NOBODY, SEVERITY_RANK, Finding, Identity, Points, newer_finding, worse_finding
from incidents.rules.book import Verdict
from schemas.change_events import NearestChange
from schemas.events import Priority, Severity
from schemas.ids import alert_fingerprint
from schemas.incident_events import Alert, AlertState, IncidentMember

Role = Literal["symptom", "cause"]
"""What an alert is to its incident: what users notice, or what may be behind it."""


class Placed(NamedTuple):
    """What an alert's place tells of it.

    Parameters
    ----------
    incident_id
        The incident that it is in, if it is in any.
    role
        What it is there.
    page_key
        The dedup key that it pages under.
    runbooks
        Ids of those that fit.
    """

    incident_id: str | None = None
    role: Role | None = None
    page_key: str | None = None
    runbooks: tuple[str, ...] = ()


NOWHERE: Final = Placed()


@dataclass(slots=True)
class AlertRecord:
    """One alert episode, as far as it is known.

    Parameters
    ----------
    latest, worst
        The newest state, and the worst one.
    identity
        Labels, entity, signal, and what it is related by.
    key, id, fingerprint, started_ms
        Names (``key`` among all tenants' alerts).
    verdict
        What rules make of all states: how urgent it is, and what they say of it.
    severity
        The most severe of all states.
    peak_score
        The highest score that any state tells of.
    spenders
        Entities that any state names as those that spent an objective's budget.
    since_ms
        The earliest time since when its objective has spoken all along, by any state.
    end_ms
        Event time of its end, if told; the latest where several were told.
    expired_ms
        When it was given up, nobody having spoken of it.
    back_ms
        When samples came again that no data had come of; its end, for all that is known.
    detected_ms
        When it was first told of.
    home
        Id of the incident that it first joined (which may since be an alias); None for what joins none.
    change
        The last change before it began, if one fits.
    page_key
        The dedup key that this alert opened last, if it opened one.
    runbooks
        Those that fit, with what that was found from.
    recent
        When the earliest state came that told the hour of its series that led to it, and that hour.
    digest
        Of the last published content.
    """

    latest: Finding[Any]
    worst: Finding[Any]
    identity: Identity
    key: str
    id: str
    started_ms: int
    fingerprint: str
    verdict: Verdict
    safety: bool
    severity: Severity
    peak_score: float | None
    since_ms: int
    detected_ms: int
    spenders: frozenset[str] = NOBODY
    end_ms: int | None = None
    expired_ms: int | None = None
    back_ms: int | None = None
    home: str | None = None
    change: NearestChange | None = None
    page_key: str | None = None
    runbooks: tuple[object, tuple[str, ...]] | None = None
    recent: tuple[int, Points] | None = None
    digest: str = ""
    _member: IncidentMember | None = None

    @classmethod
    def of(
        cls, first: Finding[Any], labels: dict[str, str] | None = None, verdict: Verdict | None = None
    ) -> AlertRecord:
        """The alert of an episode's first state to arrive.

        Parameters
        ----------
        first
            The state.
        labels
            The alert's, where an earlier state gave it other ones than this state has.
        verdict
            What rules make of the state; its own priority where none is asked.
        """
        identity = first.identity(first.labels() if labels is None else labels)
        fingerprint = alert_fingerprint(identity.labels)
        return cls(
            latest=first,
            worst=first,
            identity=identity,
            key=f"{first.tenant}/{fingerprint}-{first.started_ms}",
            id=f"{fingerprint}-{first.started_ms}",
            started_ms=first.started_ms,
            fingerprint=fingerprint,
            verdict=plain_verdict(first) if verdict is None else verdict,
            safety=first.safety,
            severity=first.severity,
            peak_score=first.peak_score,
            since_ms=first.since_ms,
            detected_ms=first.at_ms,
            spenders=first.spenders,
            end_ms=first.ended_ms,
            recent=_recent_of(first),
        )

    @property
    def tenant(self) -> str:
        """Whose it is."""
        return self.latest.tenant

    @property
    def labels(self) -> dict[str, str]:
        """The alert's labels."""
        return self.identity.labels

    @property
    def priority(self) -> Priority:
        """The most urgent of all states."""
        return self.verdict.priority

    @property
    def ended_ms(self) -> int | None:
        """End of the episode: told, or since samples come again, or given up; None while it fires."""
        if self.end_ms is not None:
            return self.end_ms
        return self.expired_ms if self.back_ms is None else self.back_ms

    @property
    def no_data(self) -> bool:
        """Whether nobody knows if it goes on: its series fell silent, which is no end."""
        return self.latest.silent and self.end_ms is None and self.back_ms is None

    @property
    def ended(self) -> str:
        """How it ended, in words."""
        if self.end_ms is not None:
            return self.latest.ended
        if self.back_ms is not None:
            return wording.CAME_BACK
        return wording.EXPIRED_SILENT if self.latest.silent else wording.EXPIRED

    @property
    def state(self) -> AlertState:
        """Firing until it ended."""
        return "firing" if self.ended_ms is None else "resolved"

    @property
    def correlates(self) -> bool:
        """Whether it may make or join an incident: P3 notices stay alerts."""
        return self.priority != "P3"

    @property
    def began_ms(self) -> int | None:
        """When what it tells of began; None where nobody can say."""
        return self.latest.began_ms

    def went_on_when(self, later: AlertRecord) -> bool:
        """Whether it is known to have gone on when another one, which began no earlier, began."""
        return later.started_ms <= self.latest.at_ms or later.since_ms <= self.started_ms

    def link(self, change: NearestChange | None) -> bool:
        """Name the change before it, or none; whether that is news."""
        if change == self.change:
            return False
        self.change = change
        self._member = None
        return True

    def absorb(self, finding: Finding[Any], verdict: Verdict | None = None) -> bool:
        """Join another state of the episode, and what rules make of it; whether anything changed."""
        if finding in (self.latest, self.worst) and not finding.recent:
            return False
        self._member = None
        before = self._joined
        self.latest = newer_finding(self.latest, finding)
        self.worst = worse_finding(self.worst, finding)
        self.verdict = self.verdict.joined(plain_verdict(finding) if verdict is None else verdict)
        self.safety = self.safety or finding.safety
        self.severity = max(self.severity, finding.severity, key=SEVERITY_RANK.__getitem__)
        self.peak_score = _higher(self.peak_score, finding.peak_score)
        self.since_ms = min(self.since_ms, finding.since_ms)
        self.spenders |= finding.spenders
        self.detected_ms = min(self.detected_ms, finding.at_ms)
        self.end_ms = self.latest.joined_end(self.end_ms, finding)
        self.recent = _earlier(self.recent, _recent_of(finding))
        if self.latest is finding:
            self.expired_ms = None
        return before != self._joined

    @property
    def _joined(self) -> tuple[object, ...]:
        """What states may change."""
        told = (self.latest, self.worst, self.verdict, self.severity, self.peak_score, self.end_ms, self.expired_ms)
        return *told, self.since_ms, self.spenders, self.detected_ms, self.recent

    def expire(self, at_ms: int) -> None:
        """Give it up."""
        self.expired_ms = at_ms
        self._member = None

    def end(self, at_ms: int) -> None:
        """Let it end by itself."""
        self.end_ms = at_ms
        self._member = None

    def come_back(self, at_ms: int | None) -> bool:
        """Know when samples came again after its series fell silent, or that none did; whether that is news."""
        if at_ms == self.back_ms:
            return False
        self.back_ms = at_ms
        self._member = None
        return True

    def event(self, placed: Placed = NOWHERE) -> Alert:
        """What is published."""
        return Alert(
            id=self.id,
            tenant=self.tenant,
            fingerprint=self.fingerprint,
            labels=self.labels,
            annotations=self._annotations(),
            state=self.state,
            priority=self.priority,
            safety=self.safety,
            severity=self.severity,
            entity=self.identity.entity,
            signal=self.identity.signal,
            started_ms=self.started_ms,
            updated_ms=self.latest.told_ms,
            ended_ms=self.ended_ms,
            peak_score=self.peak_score,
            peak_ms=self.worst.told_ms,
            change=self.change,
            incident_id=placed.incident_id,
            role=placed.role or self.verdict.role,
            page_key=placed.page_key,
            source=self.latest.source,
            generator_url=self.latest.generator_url,
            runbooks=list(dict.fromkeys((*self.verdict.runbooks, *placed.runbooks))),
            rule=self.verdict.rule,
            rule_labels=self.verdict.labels or None,
            recent=None if self.recent is None else list(self.recent[1]),
            **self.latest.alert_body(self.worst),
        )

    def _annotations(self) -> dict[str, str]:
        annotations = {**self.verdict.annotations, "summary": self.summary, **self.latest.annotations(self.worst)}
        if "explanation" in annotations:
            annotations["explanation"] = self._after_change(annotations["explanation"])
        if self.end_ms is None and self.back_ms is None:
            if self.latest.silent:
                annotations["no_data"] = "no sample comes any more: whether it goes on is not known"
            if self.expired_ms is not None:
                annotations["expired"] = "nothing more was heard of it"
        return annotations

    def member(self) -> IncidentMember:
        """What its incident says of it: the worst of it, and whether it lasts."""
        if self._member is None:
            self._member = self._as_member()
        return self._member

    def _as_member(self) -> IncidentMember:
        return IncidentMember(
            alert_id=self.id,
            entity=self.identity.entity,
            signal=self.identity.signal,
            labels=self.labels,
            state=self.state,
            priority=self.priority,
            severity=self.severity,
            started_ms=self.started_ms,
            ended_ms=self.ended_ms,
            peak_score=self.peak_score,
            peak_ms=self.worst.told_ms,
            summary=self.summary,
            **self.worst.member_body(),
        )

    @property
    def summary(self) -> str:
        """One line that says what, where and how far off at its worst, and after which change."""
        return self._after_change(self.worst.summary)

    def _after_change(self, sentence: str) -> str:
        if self.change is None:
            return sentence
        return f"{sentence}; {after_change(self.change, self.began_ms or self.started_ms)}"


def plain_verdict(finding: Finding[Any]) -> Verdict:
    """What a state means where no rule is asked: what its teller says."""
    return Verdict(priority="P0" if finding.safety else finding.priority, at_ms=finding.at_ms)


def _recent_of(finding: Finding[Any]) -> tuple[int, Points] | None:
    return (finding.at_ms, finding.recent) if finding.recent else None


def _earlier(one: tuple[int, Points] | None, other: tuple[int, Points] | None) -> tuple[int, Points] | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def _higher(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)

"""Alerts that other systems push, with the meaning that Alertmanager's API gives them.

An alert is known by exactly the labels that were posted (empty ones left out), so its fingerprint is Alertmanager's.
``endsAt`` is authoritative: in the past it ends the alert, in the future the alert ends then unless it is posted
again. Without one it ends once nobody repeated it for ``resolve_timeout_s``. What overlaps an episode continues it;
what starts after its end is another one.

References
----------
Merging of overlapping posts: prometheus/alertmanager ``types/types.go`` (``Alert.Merge``); defaults of a post:
``api/v2/api.go`` (``postAlertsHandler``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from incidents import wording
from incidents.finding import Finding, Identity, Named, Source
from schemas.base import Event, TimeMs
from schemas.command_events import PostedAlert
from schemas.events import Priority, Severity
from schemas.ids import alert_fingerprint
from schemas.series import entity_of

# A checkpoint's block and a record must hold it with room to spare.
MOST_BYTES: Final = 65_536
_SEVERITIES: Final[Mapping[str, tuple[Severity, Priority]]] = {
    "critical": ("critical", "P1"),
    "page": ("critical", "P1"),
    "warning": ("warning", "P2"),
    "error": ("warning", "P2"),
    "info": ("info", "P3"),
    "none": ("info", "P3"),
}
_BY_PRIORITY: Final[Mapping[Priority, Severity]] = {
    "P0": "critical",
    "P1": "critical",
    "P2": "warning",
    "P3": "info",
}
"""How severe one is that only says how urgent it is."""
_UNKNOWN: Final[tuple[Severity, Priority]] = ("warning", "P2")
_PRIORITIES: Final[Mapping[str, Priority]] = {"P0": "P0", "P1": "P1", "P2": "P2", "P3": "P3"}


class PostedState(Event):
    """One state of a posted alert's episode, as it is kept."""

    v: Literal[1] = 1
    id: Annotated[str, Field(description="Fingerprint of the labels.")]
    tenant: str
    state: Literal["start", "update", "end"]
    labels: dict[str, str]
    annotations: dict[str, str] = Field(default_factory=dict)
    generator_url: str = ""
    started_ms: TimeMs
    at_ms: TimeMs
    told_ms: Annotated[TimeMs, Field(description="When it last said something new; repeats aside.")]
    ends_ms: TimeMs
    timeout: Annotated[bool, Field(description="The end is the resolve timeout's, nobody posted it.")] = False


def refusal(alert: PostedAlert) -> str:
    """Why a posted alert is not taken; empty where it is.

    Examples
    --------
    >>> refusal(PostedAlert(labels={"alertname": "Full"}))
    ''
    >>> refusal(PostedAlert(labels={"alertname": "Full"}, starts_ms=10, ends_ms=9))
    'it ends before it starts'
    """
    if not any(alert.labels.values()):
        return "it has no label with a value"
    if alert.starts_ms is not None and alert.ends_ms is not None and alert.ends_ms < alert.starts_ms:
        return "it ends before it starts"
    if len(alert.model_dump_json()) > MOST_BYTES:
        return f"it is larger than {MOST_BYTES} bytes"
    return ""


def first_state(tenant: str, alert: PostedAlert, at_ms: int, timeout_ms: int) -> PostedState:
    """The state that a post makes where it continues nothing.

    Parameters
    ----------
    tenant, alert
        Whose, and what.
    at_ms
        When it was posted.
    timeout_ms
        How long it lasts if the post does not say.

    Examples
    --------
    >>> one = first_state("t", PostedAlert(labels={"alertname": "Full", "team": ""}), 1_000, 300_000)
    >>> one.started_ms, one.ends_ms, one.timeout, one.labels, one.state
    (1000, 301000, True, {'alertname': 'Full'}, 'start')
    """
    labels = {name: value for name, value in alert.labels.items() if value}
    ends_ms = alert.ends_ms
    started_ms = alert.starts_ms if alert.starts_ms is not None else at_ms if ends_ms is None else min(ends_ms, at_ms)
    ended = ends_ms is not None and ends_ms <= at_ms
    return PostedState(
        id=alert_fingerprint(labels),
        tenant=tenant,
        state="end" if ended else "start",
        labels=labels,
        annotations=alert.annotations,
        generator_url=alert.generator_url,
        started_ms=started_ms,
        at_ms=at_ms,
        told_ms=at_ms,
        ends_ms=max(started_ms, at_ms) + timeout_ms if ends_ms is None else ends_ms,
        timeout=ends_ms is None,
    )


def continued(known: PostedState, news: PostedState) -> PostedState:
    """The state that a post makes of an episode that it continues.

    Of two ends that were posted of what is over the later holds; an end that was posted holds against a timeout.

    Parameters
    ----------
    known
        The episode's newest state.
    news
        The post's, on its own. The log's order counts: it is newer whatever clock stamped it.
    """
    at_ms = max(news.at_ms, known.at_ms + 1)
    ends_ms, timeout = news.ends_ms, news.timeout
    if (known.state == "end") == (news.state == "end") and known.ends_ms > ends_ms and not known.timeout:
        ends_ms, timeout = known.ends_ms, False
    state: Literal["update", "end"] = "end" if news.state == "end" else "update"
    same = (
        (known.state == "end") == (state == "end")
        and known.annotations == news.annotations
        and known.generator_url == news.generator_url
    )
    return news.model_copy(
        update={
            "state": state,
            "started_ms": known.started_ms,
            "at_ms": at_ms,
            "told_ms": known.told_ms if same else at_ms,
            "ends_ms": max(ends_ms, known.started_ms),
            "timeout": timeout,
        }
    )


def line_of(state: PostedState) -> str:
    """What the episodes of one alert are found by."""
    return f"posted/{state.id}"


@dataclass(frozen=True, slots=True)
class PostedFinding(Finding[PostedState]):
    """One state of an alert that another system raised."""

    @property
    def name(self) -> str:
        """Its ``alertname``."""
        return self.event.labels.get("alertname", "") or "Alert"

    @property
    def source(self) -> Source:
        """Posted."""
        return "posted"

    @property
    def named(self) -> Named:
        """By its name, as a rule."""
        return Named("rule", self.name)

    @property
    def subject(self) -> str:
        """Its name, and where."""
        entity = entity_of(_places(self.event.labels))
        return self.name if entity == "unknown" else f"{self.name} of {wording.entity_name(entity)}"

    def labels(self) -> dict[str, str]:
        """As they were posted."""
        return self.event.labels

    def identity(self, labels: dict[str, str]) -> Identity:
        """Of the entity that its labels name; what names none is related to its own name alone."""
        entity = entity_of(_places(labels))
        place = entity if entity != "unknown" else f"alert:{self.event.id}"
        return Identity(labels, entity, self.name, place, service=labels.get("service", ""))

    @property
    def ended_ms(self) -> int | None:
        """Its end, where that was past when it was posted."""
        return self.event.ends_ms if self.event.state == "end" else None

    def joined_end(self, known_ms: int | None, other: Finding[Any]) -> int | None:
        """The newest post alone says whether it is over."""
        del known_ms, other
        return self.ended_ms

    @property
    def series(self) -> str:
        """Its fingerprint: its episodes are one after the other."""
        return line_of(self.event)

    @property
    def due_ms(self) -> int | None:
        """When it ends unless it is posted again."""
        return self.event.ends_ms

    @property
    def began_ms(self) -> int | None:
        """Its start."""
        return self.event.started_ms

    @property
    def told_ms(self) -> int:
        """When it last said something new."""
        return self.event.told_ms

    @property
    def priority(self) -> Priority:
        """P0 on the safety list, else its label's, else as severe as it is."""
        if self.safety:
            return "P0"
        return _PRIORITIES.get(self.event.labels.get("priority", "").upper(), self._severity[1])

    @property
    def safety(self) -> bool:
        """Only where its label ``safety`` says so."""
        return self.event.labels.get("safety") == "true"

    @property
    def severity(self) -> Severity:
        """Its label's, as near as ours come to it."""
        return self._severity[0]

    @property
    def _severity(self) -> tuple[Severity, Priority]:
        told = _SEVERITIES.get(self.event.labels.get("severity", "").lower())
        if told is not None:
            return told
        asked = _PRIORITIES.get(self.event.labels.get("priority", "").upper())
        return _UNKNOWN if asked is None else (_BY_PRIORITY[asked], asked)

    @property
    def badness(self) -> float:
        """The newest state counts: nothing else tells how bad it is."""
        return float(self.event.at_ms)

    @property
    def peak_score(self) -> float | None:
        """None: it is not scored."""
        return None

    @property
    def falls_silent(self) -> bool:
        """Never: it ends at its end."""
        return False

    @property
    def ended(self) -> str:
        """As its sender says, or by time."""
        if self.event.state == "end":
            return "ended: its sender says so"
        return "ended: nobody repeated it" if self.event.timeout else "ended: its end was told beforehand"

    @property
    def summary(self) -> str:
        """Its annotation ``summary``, else its ``description``, else its name and where."""
        said = self.event.annotations
        return said.get("summary") or said.get("description") or self.subject

    @property
    def generator_url(self) -> str:
        """Where its sender explains it."""
        return self.event.generator_url

    def annotations(self, worst: Finding[Any]) -> dict[str, str]:
        """Its own, the summary aside."""
        return {name: text for name, text in self.event.annotations.items() if name != "summary"}

    def alert_body(self, worst: Finding[Any]) -> Mapping[str, Any]:
        """Nothing is measured; its sender is certain."""
        return {"confidence": 1.0}

    def member_body(self) -> Mapping[str, Any]:
        """Nothing is measured."""
        return {"confidence": 1.0}


def _places(labels: Mapping[str, str]) -> Mapping[str, str]:
    """What labels say of the place; an instance without a port is as good as a node."""
    if labels.get("node") or not labels.get("instance") or labels.get("service") or labels.get("pod"):
        return labels
    return {**labels, "node": labels["instance"].rsplit(":", 1)[0]}

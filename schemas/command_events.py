"""What people and their tools ask for, and what became of it: topics ``commands`` and ``commands.results``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.base import Event, GivenMs, TimeMs

Name = Annotated[str, Field(min_length=1, max_length=200)]
Note = Annotated[str, Field(max_length=4000)]
AlertIds = Annotated[list[Name], Field(min_length=1, max_length=1000)]


class LabelMatcher(BaseModel):
    """One condition on a label, in Alertmanager's shape; a label that is absent is empty."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: Name
    value: Annotated[str, Field(max_length=4096)]
    is_regex: bool = False
    is_equal: bool = True


class PostedAlert(BaseModel):
    """An alert that another system raised, in the shape of Alertmanager's API."""

    model_config = ConfigDict(frozen=True)
    labels: Annotated[dict[str, str], Field(min_length=1, max_length=64)]
    annotations: Annotated[dict[str, str], Field(max_length=64)] = {}
    starts_ms: Annotated[TimeMs | None, Field(description="When it began; when it was posted, where absent.")] = None
    ends_ms: Annotated[
        TimeMs | None,
        Field(
            description="When it ends, or ended. Without one it ends once nobody repeats it for the resolve timeout."
        ),
    ] = None
    generator_url: Annotated[str, Field(max_length=2000)] = ""


class PostAlerts(BaseModel):
    """Raise, repeat or end alerts of another system."""

    model_config = ConfigDict(frozen=True)
    kind: Literal["post_alerts"] = "post_alerts"
    alerts: Annotated[list[PostedAlert], Field(min_length=1, max_length=10_000)]


class AcknowledgeAlert(BaseModel):
    """Say that somebody looks after an alert; it holds for this episode alone."""

    model_config = ConfigDict(frozen=True)
    kind: Literal["acknowledge_alert"] = "acknowledge_alert"
    alert_id: Name
    note: Note = ""


class UnacknowledgeAlert(BaseModel):
    """Take an acknowledgement back."""

    model_config = ConfigDict(frozen=True)
    kind: Literal["unacknowledge_alert"] = "unacknowledge_alert"
    alert_id: Name
    note: Note = ""


class MoveIncident(BaseModel):
    """Say how far people are with an incident."""

    model_config = ConfigDict(frozen=True)
    kind: Literal["move_incident"] = "move_incident"
    incident_id: Name
    to: Annotated[
        Literal["acknowledged", "open", "mitigated", "resolved", "reviewed"],
        Field(description="``open`` takes an acknowledgement back; ``resolved`` ends it although alerts still fire."),
    ]
    note: Note = ""


class NoteIncident(BaseModel):
    """Write something on an incident's timeline."""

    model_config = ConfigDict(frozen=True)
    kind: Literal["note_incident"] = "note_incident"
    incident_id: Name
    note: Annotated[str, Field(min_length=1, max_length=4000)]


class MergeIncidents(BaseModel):
    """Make one incident of two; the older one's id stays."""

    model_config = ConfigDict(frozen=True)
    kind: Literal["merge_incidents"] = "merge_incidents"
    incident_id: Name
    other_id: Name
    note: Note = ""


class SplitIncident(BaseModel):
    """Take alerts out of an incident into one of their own."""

    model_config = ConfigDict(frozen=True)
    kind: Literal["split_incident"] = "split_incident"
    incident_id: Name
    alert_ids: AlertIds
    note: Note = ""


class PutSilence(BaseModel):
    """Mute alerts for a time, or change how; one that began already and changes its matchers is another one."""

    model_config = ConfigDict(frozen=True)
    kind: Literal["put_silence"] = "put_silence"
    silence_id: Name
    matchers: Annotated[list[LabelMatcher], Field(min_length=1, max_length=64)]
    starts_ms: GivenMs
    ends_ms: GivenMs
    comment: Annotated[str, Field(max_length=4000)] = ""


class ExpireSilence(BaseModel):
    """End a silence now."""

    model_config = ConfigDict(frozen=True)
    kind: Literal["expire_silence"] = "expire_silence"
    silence_id: Name


CommandBody = (
    PostAlerts
    | AcknowledgeAlert
    | UnacknowledgeAlert
    | MoveIncident
    | NoteIncident
    | MergeIncidents
    | SplitIncident
    | PutSilence
    | ExpireSilence
)


class Command(Event):
    """Something that a person or a tool asks for; the stage that owns the state does it, or says why not."""

    v: Literal[1] = 1
    id: Annotated[Name, Field(description="Of this request; one that comes again is done once.")]
    tenant: Annotated[str, Field(min_length=1)]
    at_ms: Annotated[GivenMs, Field(description="When it was asked for.")]
    by: Annotated[str, Field(max_length=200, description="Who asks.")] = ""
    body: Annotated[CommandBody, Field(discriminator="kind")]

    @property
    def key(self) -> str:
        """The record's."""
        return f"{self.tenant}/{self.id}"


class CommandResult(Event):
    """What became of a command."""

    v: Literal[1] = 1
    tenant: str
    command_id: str
    at_ms: TimeMs
    stage: Annotated[str, Field(description="Who did it.")]
    ok: bool
    reason: Annotated[str, Field(description="Why not, and what to do; empty where it was done.")] = ""
    subject: Annotated[str, Field(description="Id of what it is about now: of an alert, an incident, a silence.")] = ""

    @property
    def key(self) -> str:
        """The record's."""
        return f"{self.tenant}/{self.command_id}"


class Silence(Event):
    """A silence as it stands."""

    v: Literal[1] = 1
    id: str
    tenant: str
    matchers: list[LabelMatcher]
    starts_ms: TimeMs
    ends_ms: TimeMs
    created_by: str = ""
    comment: str = ""
    updated_ms: TimeMs

    @property
    def key(self) -> str:
        """The record's."""
        return f"{self.tenant}/{self.id}"

    def state_at(self, now_ms: int) -> Literal["pending", "active", "expired"]:
        """Whether it mutes at a time.

        Examples
        --------
        >>> one = Silence(id="s", tenant="t", matchers=[], starts_ms=10, ends_ms=20, updated_ms=5)
        >>> one.state_at(9), one.state_at(10), one.state_at(20)
        ('pending', 'active', 'expired')
        """
        if now_ms < self.starts_ms:
            return "pending"
        return "active" if now_ms < self.ends_ms else "expired"

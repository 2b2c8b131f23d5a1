"""What crosses Alertmanager's API, in its own words."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from console.times import Moment, given_ms
from schemas.command_events import LabelMatcher, Silence

LabelSet = dict[str, str]


class PostableAlert(BaseModel):
    """An alert as a client posts it; its values are looked at one by one, so that a wrong one spoils no other."""

    labels: LabelSet
    annotations: LabelSet = {}
    startsAt: datetime | None = None  # noqa: N815  # Alertmanager's names, here and below
    endsAt: datetime | None = None  # noqa: N815
    generatorURL: str = ""  # noqa: N815

    @property
    def starts_ms(self) -> int | None:
        """When it began, where it says so."""
        return given_ms(self.startsAt)

    @property
    def ends_ms(self) -> int | None:
        """When it ends, where it says so."""
        return given_ms(self.endsAt)


class Receiver(BaseModel):
    """A receiver's name."""

    name: str


class AlertStanding(BaseModel):
    """Whether an alert is on its way to people."""

    state: Literal["unprocessed", "active", "suppressed"]
    silencedBy: list[str]  # noqa: N815
    inhibitedBy: list[str]  # noqa: N815
    mutedBy: list[str]  # noqa: N815


class GettableAlert(BaseModel):
    """An alert as it is shown."""

    annotations: LabelSet
    endsAt: Moment  # noqa: N815
    fingerprint: str
    receivers: list[Receiver]
    startsAt: Moment  # noqa: N815
    status: AlertStanding
    updatedAt: Moment  # noqa: N815
    generatorURL: str  # noqa: N815
    labels: LabelSet


class AlertGroup(BaseModel):
    """Alerts that one receiver is told together."""

    alerts: list[GettableAlert]
    labels: LabelSet
    receiver: Receiver


class MatcherBody(BaseModel):
    """One condition on a label."""

    name: str
    value: str
    isRegex: bool  # noqa: N815
    isEqual: bool = True  # noqa: N815

    @classmethod
    def of(cls, matcher: LabelMatcher) -> MatcherBody:
        """A matcher of ours."""
        return cls(name=matcher.name, value=matcher.value, isRegex=matcher.is_regex, isEqual=matcher.is_equal)

    def to_matcher(self) -> LabelMatcher:
        """A matcher of ours."""
        return LabelMatcher(name=self.name, value=self.value, is_regex=self.isRegex, is_equal=self.isEqual)


class PostableSilence(BaseModel):
    """A silence as a client posts it; with an id, it changes that one."""

    id: str = ""
    matchers: Annotated[list[MatcherBody], Field(min_length=1)]
    startsAt: datetime  # noqa: N815
    endsAt: datetime  # noqa: N815
    createdBy: str  # noqa: N815
    comment: str


class SilenceStanding(BaseModel):
    """Whether a silence mutes now."""

    state: Literal["expired", "active", "pending"]


class GettableSilence(BaseModel):
    """A silence as it is shown."""

    id: str
    status: SilenceStanding
    updatedAt: Moment  # noqa: N815
    comment: str
    createdBy: str  # noqa: N815
    endsAt: Moment  # noqa: N815
    matchers: list[MatcherBody]
    startsAt: Moment  # noqa: N815

    @classmethod
    def of(cls, silence: Silence, now_ms: int) -> GettableSilence:
        """A silence of ours, as it stands at a time."""
        return cls(
            id=silence.id,
            status=SilenceStanding(state=silence.state_at(now_ms)),
            updatedAt=silence.updated_ms,
            comment=silence.comment,
            createdBy=silence.created_by,
            endsAt=silence.ends_ms,
            matchers=[MatcherBody.of(one) for one in silence.matchers],
            startsAt=silence.starts_ms,
        )


class SilenceId(BaseModel):
    """The answer to a silence that was posted."""

    silenceID: str  # noqa: N815


class ClusterStatus(BaseModel):
    """There is no cluster of this kind: what is known lies in Kafka."""

    status: Literal["ready", "settling", "disabled"] = "disabled"
    peers: list[str] = []


class VersionInfo(BaseModel):
    """What answers here."""

    model_config = ConfigDict(frozen=True)
    version: str
    revision: str = ""
    branch: str = ""
    buildUser: str = ""  # noqa: N815
    buildDate: str = ""  # noqa: N815
    goVersion: str = ""  # noqa: N815


class ConfigBody(BaseModel):
    """The configuration as text."""

    original: str


class Status(BaseModel):
    """The state of the whole."""

    cluster: ClusterStatus
    versionInfo: VersionInfo  # noqa: N815
    config: ConfigBody
    uptime: Moment

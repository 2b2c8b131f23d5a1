"""``/api/v1/silences``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from console.access import Responder, Viewer
from console.alertmanager.alerts import firing
from console.answers import Done, answered
from console.api.pages import Limit
from console.asking import Desk, Once, OnceKey
from console.labels import routed_labels
from console.matching import MOST_MATCHERS, checked, fits, label_matcher, parsed
from console.muting import Muting
from console.ports import Reads
from console.problems import not_found
from console.times import given_ms
from schemas.command_events import LabelMatcher, Silence

SilenceState = Literal["pending", "active", "expired"]


class SilenceView(BaseModel):
    """A silence, and whether it mutes now."""

    silence: Silence
    state: SilenceState


class MatchersBody(BaseModel):
    """Conditions on labels."""

    model_config = ConfigDict(extra="forbid")
    matchers: Annotated[list[str | LabelMatcher], Field(min_length=1, max_length=MOST_MATCHERS)] = Field(
        description='Each as text, name="value", or as an object.'
    )

    def read(self) -> list[LabelMatcher]:
        """The conditions.

        Raises
        ------
        RequestError
            400 if one cannot be read.
        """
        found: list[LabelMatcher] = []
        for one in self.matchers:
            found += map(label_matcher, parsed([one])) if isinstance(one, str) else [one]
        return found


class SilenceBody(MatchersBody):
    """A silence as it is wanted."""

    starts_at: datetime | None = Field(None, description="Now, where absent.")
    ends_at: datetime
    comment: str = Field("", max_length=4000)
    by: str = Field("", max_length=200, description="In whose name, where that is not the token's.")


class MutedAlert(BaseModel):
    """An alert that would be muted."""

    alert_id: str
    labels: dict[str, str]


class Preview(BaseModel):
    """What a silence would mute now."""

    matched: int
    firing: int
    alerts: list[MutedAlert]


class SilenceRoutes:
    """The paths.

    Parameters
    ----------
    reads
        Where silences are read.
    muting
        Who makes and ends them.
    desk
        Who knows the time.
    """

    def __init__(self, reads: Reads, muting: Muting, desk: Desk) -> None:
        self._reads = reads
        self._muting = muting
        self._desk = desk

    def router(self) -> APIRouter:
        """Them, as FastAPI takes them."""
        router = APIRouter(prefix="/silences", tags=["silences"])
        router.add_api_route("", self.silences, methods=["GET"])
        router.add_api_route("", self.add, methods=["POST"], status_code=201)
        router.add_api_route("/preview", self.preview, methods=["POST"])
        router.add_api_route("/{silence_id}", self.silence, methods=["GET"])
        router.add_api_route("/{silence_id}", self.change, methods=["PUT"])
        router.add_api_route("/{silence_id}", self.expire, methods=["DELETE"])
        return router

    def silences(self, caller: Viewer, state: SilenceState | None = None) -> list[SilenceView]:
        """Silences, the last to end first."""
        found = [self._view(one) for one in self._reads.silences(caller.tenant)]
        return [one for one in found if state in (None, one.state)]

    def silence(self, caller: Viewer, silence_id: str) -> SilenceView:
        """One silence."""
        found = self._reads.silence(caller.tenant, silence_id)
        if found is None:
            raise not_found("silence", silence_id)
        return self._view(found)

    def _view(self, silence: Silence) -> SilenceView:
        return SilenceView(silence=silence, state=silence.state_at(self._desk.now_ms()))

    def add(self, caller: Responder, body: SilenceBody, response: Response, once: OnceKey) -> Done:
        """Mute alerts for a time; the answer's subject is the silence's id."""
        return self._put(caller, "", body, response, once)

    def change(self, caller: Responder, silence_id: str, body: SilenceBody, response: Response, once: OnceKey) -> Done:
        """Change a silence; the answer's subject is the id that it has now."""
        return self._put(caller, silence_id, body, response, once)

    def _put(
        self, caller: Responder, silence_id: str, body: SilenceBody, response: Response, once: Once | None
    ) -> Done:
        times_ms = given_ms(body.starts_at), given_ms(body.ends_at)
        wanted = self._muting.checked(silence_id, body.read(), times_ms, body.comment)
        outcome = self._muting.put(caller, wanted, body.by, once)
        return answered(outcome, response, self._is_known(caller.tenant, silence_id), created=not silence_id)

    def expire(self, caller: Responder, silence_id: str, response: Response, once: OnceKey) -> Done:
        """End a silence now."""
        outcome = self._muting.expire(caller, silence_id, once)
        return answered(outcome, response, self._is_known(caller.tenant, silence_id))

    def _is_known(self, tenant: str, silence_id: str) -> Callable[[], bool]:
        return lambda: not silence_id or self._reads.silence(tenant, silence_id) is not None

    def preview(self, caller: Viewer, body: MatchersBody, limit: Limit = 100) -> Preview:
        """Which of the alerts that fire now a silence would mute."""
        matchers = checked(body.read())
        alerts = list(firing(self._reads, caller.tenant))
        muted = [one.alert for one in alerts if fits(matchers, routed_labels(one))]
        shown = [MutedAlert(alert_id=one.id, labels=one.labels) for one in muted[:limit]]
        return Preview(matched=len(muted), firing=len(alerts), alerts=shown)

"""``/api/v2/silences`` and ``/api/v2/silence/{silenceID}``."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query

from console.access import Responder, Viewer
from console.alertmanager.bodies import GettableSilence, PostableSilence, SilenceId
from console.asking import Desk, OnceKey
from console.matching import label_matcher, parsed
from console.muting import Muting
from console.ports import Reads
from console.problems import RequestError, not_found
from console.times import given_ms
from incidents.routing.matchers import Matchers
from schemas.command_events import Silence

_ORDER: Final = {"active": 1, "pending": 2, "expired": 3}


class SilenceRoutes:
    """The two paths.

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
        router = APIRouter(tags=["alertmanager"])
        router.add_api_route("/silences", self.silences, methods=["GET"])
        router.add_api_route("/silences", self.post, methods=["POST"])
        router.add_api_route("/silence/{silenceID}", self.silence, methods=["GET"])
        router.add_api_route("/silence/{silenceID}", self.expire, methods=["DELETE"])
        return router

    def silences(
        self,
        caller: Viewer,
        filter: Annotated[list[str] | None, Query()] = None,  # noqa: A002  # its name in the API
        creator: Annotated[list[str] | None, Query()] = None,
    ) -> list[GettableSilence]:
        """Silences that have each of the matchers: active ones first, of those the next to end."""
        matchers, now_ms = parsed(filter or []), self._desk.now_ms()
        found = [
            one
            for one in self._reads.silences(caller.tenant)
            if has_all(one, matchers) and (not creator or one.created_by in creator)
        ]
        return [GettableSilence.of(one, now_ms) for one in sorted(found, key=lambda one: _order(one, now_ms))]

    def silence(self, caller: Viewer, silenceID: UUID) -> GettableSilence:  # noqa: N803  # its name in the API
        """One silence."""
        found = self._reads.silence(caller.tenant, str(silenceID))
        if found is None:
            raise not_found("silence", str(silenceID))
        return GettableSilence.of(found, self._desk.now_ms())

    def post(self, caller: Responder, posted: PostableSilence, once: OnceKey) -> SilenceId:
        """Make a silence, or change one."""
        silence = self._muting.checked(
            posted.id,
            [one.to_matcher() for one in posted.matchers],
            (given_ms(posted.startsAt), given_ms(posted.endsAt)),
            posted.comment,
        )
        outcome = self._muting.put(caller, silence, posted.createdBy, once)
        if outcome.result is None:
            raise RequestError(503, f"it is written (command {outcome.command.id}), but nobody has done it yet")
        if not outcome.is_done:
            is_new = not posted.id or self._reads.silence(caller.tenant, posted.id) is not None
            raise RequestError(400 if is_new else 404, outcome.result.reason)
        return SilenceId(silenceID=outcome.result.subject or silence.silence_id or "")

    def expire(self, caller: Responder, silenceID: UUID, once: OnceKey) -> None:  # noqa: N803  # its name in the API
        """End a silence now."""
        outcome = self._muting.expire(caller, str(silenceID), once)
        if outcome.result is not None and not outcome.is_done:
            if self._reads.silence(caller.tenant, str(silenceID)) is None:
                raise not_found("silence", str(silenceID))
            raise RequestError(500, outcome.result.reason)


def has_all(silence: Silence, matchers: Matchers) -> bool:
    """Whether a silence has these very matchers, which is how Alertmanager's API filters silences.

    Examples
    --------
    >>> one = Silence(id="s", tenant="t", matchers=[label_matcher(parsed(["a=1"])[0])], starts_ms=1, ends_ms=2,
    ...               updated_ms=1)
    >>> has_all(one, parsed(["a=1"])), has_all(one, parsed(["a=2"])), has_all(one, ())
    (True, False, True)
    """
    return all(label_matcher(one) in silence.matchers for one in matchers)


def _order(one: Silence, now_ms: int) -> tuple[int, int]:
    """Active ones by their end, pending ones by their start, expired ones by their end, the last first."""
    state = one.state_at(now_ms)
    at_ms = {"active": one.ends_ms, "pending": one.starts_ms, "expired": -one.ends_ms}[state]
    return _ORDER[state], at_ms

"""Makes and ends silences, whichever API asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from console.access import Caller
from console.asking import Desk, Once, Outcome, Wish, body_of, silence_id_of
from console.matching import checked
from console.ports import Reads
from console.problems import RequestError
from schemas.command_events import CommandResult, ExpireSilence, LabelMatcher, PutSilence


@dataclass(frozen=True, slots=True)
class Wanted:
    """A silence as it is wanted, its matchers and times looked at.

    Parameters
    ----------
    silence_id
        Of the one to change; empty for a new one.
    matchers, starts_ms, ends_ms, comment
        What it is to be.
    """

    silence_id: str
    matchers: Sequence[LabelMatcher]
    starts_ms: int
    ends_ms: int
    comment: str


class Muting:
    """Asks for silences.

    Parameters
    ----------
    desk
        Who takes commands.
    reads
        Where silences are seen.
    """

    def __init__(self, desk: Desk, reads: Reads) -> None:
        self._desk = desk
        self._reads = reads

    def checked(
        self, silence_id: str, matchers: Sequence[LabelMatcher], times_ms: tuple[int | None, int | None], comment: str
    ) -> Wanted:
        """A silence that can be asked for.

        Parameters
        ----------
        silence_id
            Of the one to change; empty for a new one.
        matchers
            Its conditions.
        times_ms
            Its start (now where absent) and its end.
        comment
            Why.

        Raises
        ------
        RequestError
            400 if its matchers cannot be used or mute all there is, or its end lies in the past or before its start.
        """
        checked(matchers)
        now_ms = self._desk.now_ms()
        starts_ms, ends_ms = times_ms[0] if times_ms[0] is not None else now_ms, times_ms[1]
        if ends_ms is None:
            raise RequestError(400, "a silence needs an end")
        if starts_ms >= ends_ms:
            raise RequestError(400, "the start time must be before the end time")
        if ends_ms <= now_ms:
            raise RequestError(400, "the end time cannot be in the past")
        return Wanted(silence_id, matchers, starts_ms, ends_ms, comment)

    def put(self, caller: Caller, wanted: Wanted, by: str, once: Once | None) -> Outcome:
        """Make it, or change the one that it names."""
        command_id = self._desk.new_id(caller, once)
        silence_id = wanted.silence_id or silence_id_of(command_id)
        body = body_of(
            lambda: PutSilence(
                silence_id=silence_id,
                matchers=list(wanted.matchers),
                starts_ms=wanted.starts_ms,
                ends_ms=wanted.ends_ms,
                comment=wanted.comment,
            )
        )

        def is_seen(result: CommandResult) -> bool:
            found = self._reads.silence(caller.tenant, result.subject or silence_id)
            return found is not None and found.ends_ms == wanted.ends_ms

        return self._desk.ask(caller, Wish(command_id, body, by, is_seen), once)

    def expire(self, caller: Caller, silence_id: str, once: Once | None) -> Outcome:
        """End one now."""

        def is_seen(_: CommandResult) -> bool:
            found = self._reads.silence(caller.tenant, silence_id)
            return found is None or found.state_at(self._desk.now_ms()) == "expired"

        body = body_of(lambda: ExpireSilence(silence_id=silence_id))
        return self._desk.ask(caller, Wish(self._desk.new_id(caller, once), body, is_seen=is_seen), once)

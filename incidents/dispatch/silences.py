"""Silences: what is muted, by whom, for how long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from incidents.routing.matchers import Matchers, all_hold, matcher_of
from schemas.command_events import Command, ExpireSilence, LabelMatcher, PutSilence, Silence
from schemas.errors import SchemaError


@dataclass
class SilenceBook:
    """The silences of a partition's tenants.

    Examples
    --------
    >>> book = SilenceBook()
    >>> node = [LabelMatcher(name="node", value="h1")]
    >>> book.put(Silence(id="s", tenant="t", matchers=node, starts_ms=10, ends_ms=20, updated_ms=5))
    >>> [[one.id for one in book.muting("t", {"node": "h1"}, at_ms)] for at_ms in (9, 10, 19, 20)]
    [[], ['s'], ['s'], []]
    """

    silences: dict[str, Silence] = field(default_factory=dict)
    _of_tenant: dict[str, dict[str, Silence]] = field(default_factory=dict)
    _matchers: dict[str, Matchers] = field(default_factory=dict)

    def put(self, silence: Silence) -> None:
        """Know a silence, or how it is now.

        Raises
        ------
        ValueError
            If a pattern of it is none.
        """
        self._matchers[silence.key] = tuple(map(matcher_of, silence.matchers))
        self.silences[silence.key] = silence
        self._of_tenant.setdefault(silence.tenant, {})[silence.key] = silence

    def of(self, tenant: str) -> Iterator[Silence]:
        """A tenant's, in the order of their ids."""
        return (one for _, one in sorted(self._of_tenant.get(tenant, {}).items()))

    def muting(self, tenant: str, labels: Mapping[str, str], at_ms: int) -> list[Silence]:
        """Those that mute an alert at a time."""
        return [
            one
            for one in self.of(tenant)
            if one.state_at(at_ms) == "active" and all_hold(self._matchers[one.key], labels)
        ]

    def changes_within(self, after_ms: int, until_ms: int) -> set[str]:
        """Tenants of whose silences one begins or ends in between."""
        return {
            one.tenant
            for one in self.silences.values()
            if after_ms < one.starts_ms <= until_ms or after_ms < one.ends_ms <= until_ms
        }

    def over_within(self, after_ms: int, until_ms: int) -> list[Silence]:
        """Those whose time is over in between; one that somebody ended was told of then."""
        return [
            one
            for _, one in sorted(self.silences.items())
            if after_ms < one.ends_ms <= until_ms and one.ends_ms != one.updated_ms
        ]

    def standing(self, command: Command, now_ms: int) -> str:
        """The state of the silence that a command is about; empty where there is none."""
        known = self.silences.get(f"{command.tenant}/{getattr(command.body, 'silence_id', '')}")
        return "" if known is None else known.state_at(now_ms)

    def apply(self, command: Command, now_ms: int) -> Silence:
        """Do what was asked for; gives the silence as it is now.

        Raises
        ------
        SchemaError
            If that cannot be; says why.
        """
        match command.body:
            case PutSilence():
                silence = self._made(command, command.body, now_ms)
            case ExpireSilence():
                silence = self._expired(command.tenant, command.body.silence_id, now_ms)
            case _:
                raise SchemaError(f"a {command.body.kind} where a silence's command was expected")
        try:
            self.put(silence)
        except ValueError as error:
            raise SchemaError(f"not a silence: {error}") from error
        return silence

    def forget(self, before_ms: int) -> list[str]:
        """Drop what ended before a time; gives their keys."""
        gone = [key for key, one in self.silences.items() if one.ends_ms < before_ms]
        for key in gone:
            del self._of_tenant[self.silences[key].tenant][key]
            del self.silences[key], self._matchers[key]
        return gone

    def _made(self, command: Command, body: PutSilence, now_ms: int) -> Silence:
        if body.ends_ms <= max(body.starts_ms, now_ms):
            raise SchemaError("a silence that ends before it begins, or has ended already: choose a later end")
        if all(_matches_nothing(one) for one in body.matchers):
            raise SchemaError("a silence that mutes every alert: at least one matcher must not match the empty value")
        known = self.silences.get(f"{command.tenant}/{body.silence_id}")
        starts_ms = body.starts_ms
        if known is not None and known.state_at(now_ms) != "pending":
            if known.state_at(now_ms) == "expired" or list(known.matchers) != list(body.matchers):
                raise SchemaError(f"silence {known.id} began already: end it, and make another one")
            starts_ms = known.starts_ms
        return Silence(
            id=body.silence_id,
            tenant=command.tenant,
            matchers=body.matchers,
            starts_ms=starts_ms,
            ends_ms=body.ends_ms,
            created_by=command.by,
            comment=body.comment,
            updated_ms=command.at_ms,
        )

    def _expired(self, tenant: str, silence_id: str, now_ms: int) -> Silence:
        known = self.silences.get(f"{tenant}/{silence_id}")
        if known is None:
            raise SchemaError(f"there is no silence {silence_id}")
        if known.state_at(now_ms) == "expired":
            raise SchemaError(f"silence {silence_id} has ended already")
        starts_ms = min(known.starts_ms, now_ms)
        return known.model_copy(update={"starts_ms": starts_ms, "ends_ms": now_ms, "updated_ms": now_ms})


def _matches_nothing(given: LabelMatcher) -> bool:
    """Whether an alert without the label satisfies it."""
    try:
        return matcher_of(given).holds({})
    except ValueError as error:
        raise SchemaError(f"not a silence: {error}") from error

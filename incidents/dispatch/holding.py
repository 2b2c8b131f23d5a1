"""What holds an alert back, at one time, in the order in which it is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from incidents.dispatch.book import DispatchBook
from incidents.dispatch.fatigue import TokenBucket
from incidents.dispatch.subjects import Subject
from incidents.finding import PRIORITY_RANK
from incidents.routing.config import RoutingConfig
from incidents.routing.tree import Route
from models.explain import duration
from schemas.events import Priority
from schemas.notification_events import DecisionStep

# Whoever pages again soon after it was over pages again: only what waits for tickets and logs is kept quiet.
_SUPPRESSED: Final[frozenset[Priority]] = frozenset({"P2", "P3"})
THROTTLED: Final = "throttle"


@dataclass(frozen=True, slots=True)
class Hold:
    """Why an alert is not told now.

    Parameters
    ----------
    step, name, text
        As its decision says.
    until_ms
        When to look again; None until something else changes.
    """

    step: DecisionStep
    name: str
    text: str
    until_ms: int | None = None


def hold_of(
    book: DispatchBook, config: RoutingConfig, subject: Subject, route: Route | None, at_ms: int
) -> Hold | None:
    """What holds an alert back whatever was told before: a silence, another alert, a time; None if nothing does."""
    if subject.silenced_by:
        return Hold("silence", subject.silenced_by[0], f"silenced by {', '.join(subject.silenced_by)}")
    if subject.inhibited_by:
        others = len(subject.inhibited_by) - 1
        more = f" and {others} more" if others else ""
        first = book.subjects[subject.inhibited_by[0]]
        text = f"{first.labels['alertname']} of {first.alert.entity}{more} speaks for it"
        return Hold("inhibition", first.alert.fingerprint, text)
    muting = None if route is None else config.muting(route, subject.labels, at_ms)
    if muting is None:
        return None
    names = ", ".join(muting.intervals)
    why = f"outside of {names}" if muting.is_inactive else f"muted by {names}"
    return Hold("interval", names, f"{why}: it waits", muting.opens_ms)


def suppression_of(
    book: DispatchBook, config: RoutingConfig, receiver: str, subject: Subject, at_ms: int
) -> Hold | None:
    """Whether a receiver was told of the same signal of the same entity a short while ago, no less urgent."""
    last = book.quiet.get(quiet_key(receiver, subject))
    if last is None or subject.priority not in _SUPPRESSED or subject.alert.safety:
        return None
    told_ms, rank = last
    until_ms = told_ms + round(config.fatigue.suppress_s * 1000)
    if at_ms >= until_ms or PRIORITY_RANK[subject.priority] < rank:
        return None
    ago = duration((at_ms - told_ms) / 1000)
    left = duration((until_ms - at_ms) / 1000)
    text = f"{subject.alert.signal} of {subject.alert.entity} was told {ago} ago: it waits {left}"
    return Hold("suppression", _signal_of(subject), text, until_ms)


def quiet_key(receiver: str, subject: Subject) -> str:
    """A signal of an entity, and who was told of it."""
    return f"{receiver}|{_signal_of(subject)}"


def _signal_of(subject: Subject) -> str:
    alert = subject.alert
    return f"{alert.tenant}/{alert.entity}/{alert.signal}"


def throttle(book: DispatchBook, config: RoutingConfig, lead: Subject, at_ms: int) -> Hold | None:
    """Take a token of the tenant, the team and the series, or of none; what holds back if one has none.

    P0 needs none of its series, and waits for none: what it takes, others wait for.
    """
    wanted = _buckets(book, config, lead)
    empty = [(name, bucket) for name, bucket in wanted if not bucket.has(at_ms)]
    if empty and lead.priority != "P0":
        name, bucket = max(empty, key=lambda one: one[1].next_ms(at_ms))
        return Hold(THROTTLED, name, f"too much was told of {name}: it waits for its turn", bucket.next_ms(at_ms))
    for name, bucket in wanted:
        bucket.take(at_ms)
        book.set("bucket", name, bucket)
    return None


def _buckets(book: DispatchBook, config: RoutingConfig, lead: Subject) -> list[tuple[str, TokenBucket]]:
    fatigue = config.fatigue
    tenant = lead.alert.tenant
    team = config.team_of(lead.labels)
    team_name = team.name if team else lead.labels.get("team", "")
    rates = {f"tenant {tenant}": fatigue.tenant_per_minute}
    if team_name:
        rates[f"team {tenant}/{team_name}"] = fatigue.team_per_minute
    if lead.priority != "P0":
        rates[f"series {_signal_of(lead)}"] = fatigue.series_per_minute
    return [(name, _bucket(book, name, rate, fatigue.burst_minutes)) for name, rate in rates.items()]


def _bucket(book: DispatchBook, name: str, per_minute: float, burst_minutes: float) -> TokenBucket:
    known = book.buckets.get(name)
    burst = max(1.0, per_minute * burst_minutes)
    if known is None or (known.per_minute, known.burst) != (per_minute, burst):
        return TokenBucket(per_minute, burst, burst if known is None else min(burst, known.tokens), book.now_ms)
    return known

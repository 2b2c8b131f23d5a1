"""What the turn of an alert says to people: a sentence with its numbers, who spent the budget, what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from models.rules import matchers_of
from schemas.slo_events import BudgetShare, SloAlert, TimeToExhaustion
from slo.budget import budget_of
from slo.burn import Transition
from slo.definition import BucketIndicator, BurnTier, DerivedIndicator, RatioIndicator, Slo, Source, ThresholdIndicator
from slo.durations import duration_text
from slo.engine import member_of
from slo.ledger import OTHERS
from slo.params import absence_of
from slo.picks import names_in
from slo.words import percent, time_text, window_text

Runbooks = Callable[[Mapping[str, str]], Sequence[str]]
_SPENDERS_TOLD: Final = 3


def no_runbooks(labels: Mapping[str, str]) -> Sequence[str]:
    """Where there are none."""
    del labels
    return ()


def alert_event(turn: Transition, slo: Slo, status: Mapping[str, Any] | None, runbooks: Runbooks) -> SloAlert:
    """The turn of an alert, with all that is known of it.

    Parameters
    ----------
    turn
        What happened.
    slo
        The objective, as it was then.
    status
        The body of its status; None where the alert ends because the objective has it no more.
    runbooks
        Names those for some labels.
    """
    body = status or {}
    exhausted_in = TimeToExhaustion(**body["exhausted_in"]) if "exhausted_in" in body else None
    spenders = [BudgetShare(**one) for one in body.get("spenders", ()) if one["who"] != OTHERS]
    labels = {**slo.labels, "slo": slo.name, "service": slo.service, "alert": turn.alert, "kind": turn.kind}
    named = (one for metric in metrics_of(slo) for one in runbooks({**labels, "metric": metric}))
    return turn.event().model_copy(
        update={
            "service": slo.service,
            "title": slo.title or slo.name,
            "labels": slo.labels,
            "exhausted_in": exhausted_in,
            "spenders": spenders[:_SPENDERS_TOLD],
            "runbooks": list(dict.fromkeys(named)),
            "summary": summary(turn, slo, None if status is None else exhausted_in or TimeToExhaustion()),
        }
    )


def summary(turn: Transition, slo: Slo, exhausted_in: TimeToExhaustion | None) -> str:
    """The turn of an alert in a sentence.

    Parameters
    ----------
    turn, slo
        What happened to which objective.
    exhausted_in
        When its budget is gone; None where the objective has the alert no more.
    """
    name = slo.title or slo.name
    if exhausted_in is None and turn.state == "end":
        return f"{name}: {turn.alert} ended, since the objective was changed or removed"
    if turn.frozen:
        return f"{name}: nothing is measured any more, so {turn.alert} stays as it was"
    said = _ENDS[turn.kind] if turn.state == "end" else _STARTS[turn.kind]
    return f"{name} {said(turn, slo)}{_lasting(turn, exhausted_in)}"


def metrics_of(slo: Slo) -> list[str]:
    """Names of the metrics by which an objective is measured; of one that no series measures, its source's.

    Examples
    --------
    >>> from slo.definition import RollingWindow
    >>> week = RollingWindow(duration_s=604_800)
    >>> fields = {"service": "s", "method": "Occurrences", "target": 0.99, "window": week}
    >>> disk = Source(metric="", selector='{__name__=~"node_(disk|filesystem)_used_ratio"}')
    >>> metrics_of(Slo(name="d", indicator=ThresholdIndicator(source=disk, op="lt", value=0.9), **fields))
    ['node_disk_used_ratio', 'node_filesystem_used_ratio']
    """
    match slo.indicator:
        case RatioIndicator(good=good, bad=bad, total=total):
            sources: list[Source] = [one for one in (good, bad, total) if one is not None]
        case BucketIndicator(histogram=histogram):
            sources = [histogram]
        case ThresholdIndicator(source=source):
            sources = [source]
        case DerivedIndicator(source=derived):
            return [derived]
    return list(dict.fromkeys(name for one in sources for name in _names(one)))


def _names(source: Source) -> list[str]:
    """The metric of a source; where a pattern says which, those that it spells out, else the pattern."""
    if source.metric:
        return [source.metric]
    named = next((one for one in matchers_of(source.selector) if one.label == "__name__"), None)
    return [] if named is None else names_in(named.text) or [named.text]


def _burns(turn: Transition, slo: Slo) -> str:
    tier = _tier(turn.alert, member_of(slo).tiers)
    what = "of events were bad" if slo.method == "Occurrences" else "of slices were bad"
    rate = f"{turn.burn_rate:.3g} times as fast as it may" if turn.burn_rate is not None else "too fast"
    if turn.long_ratio is None or tier is None:
        return f"burns its budget {rate}"
    allowed = f"{percent(budget_of(slo.target))} may be"
    return f"burns its budget {rate}: {_share(turn.long_ratio)} {what} in {duration_text(tier.long_s)}, {allowed}"


def _burnt(turn: Transition, slo: Slo) -> str:
    del turn, slo
    return "burns its budget too fast no longer"


def _runs_low(turn: Transition, slo: Slo) -> str:
    del slo
    return "has spent its budget" if (turn.budget_left or 0.0) <= 0 else "runs low on its budget"


def _recovers(turn: Transition, slo: Slo) -> str:
    del slo
    return f"has more than {_share(float(turn.alert.removeprefix('budget-')))} of its budget again"


def _breaks(turn: Transition, slo: Slo) -> str:
    del turn
    return f"breaks its SLA of {percent(slo.sla or 0.0)} over {window_text(slo.window)}"


def _keeps(turn: Transition, slo: Slo) -> str:
    del turn
    return f"keeps its SLA of {percent(slo.sla or 0.0)} again"


def _is_silent(turn: Transition, slo: Slo) -> str:
    del turn
    return f"was not measured for {time_text(absence_of(member_of(slo)))}"


def _speaks(turn: Transition, slo: Slo) -> str:
    del turn, slo
    return "is measured again"


_STARTS: Final = {"burn": _burns, "budget": _runs_low, "sla": _breaks, "no_data": _is_silent}
_ENDS: Final = {"burn": _burnt, "budget": _recovers, "sla": _keeps, "no_data": _speaks}


def _lasting(turn: Transition, exhausted_in: TimeToExhaustion | None) -> str:
    """How much of the budget is left, and how long that lasts."""
    left = turn.budget_left
    if left is None or turn.kind == "no_data":
        return ""
    if left <= 0:
        return f"; {_share(-left)} more than all of its budget is spent" if left < 0 else "; none of its budget is left"
    text = f"; {_share(left)} of its budget is left"
    soon = None if exhausted_in is None or turn.state == "end" else exhausted_in.p50_s
    return f"{text}, for {time_text(soon)} if it goes on like this" if soon else text


def _tier(name: str, tiers: Iterable[BurnTier]) -> BurnTier | None:
    return next((one for one in tiers if one.name == name), None)


def _share(share: float) -> str:
    """A measured share, to three digits.

    Examples
    --------
    >>> _share(0.0123456), _share(0.9999)
    ('1.23 %', '99.99 %')
    """
    digits = f"{share * 100:.2f}" if share >= 0.1 else f"{share * 100:.3g}"
    return f"{digits.rstrip('0').rstrip('.') if '.' in digits else digits} %"

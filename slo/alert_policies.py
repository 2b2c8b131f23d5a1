"""OpenSLO's alert policies as tiers of burn rates.

A condition of kind ``burnrate`` is a tier: ``lookbackWindow`` is its long window, ``alertAfter`` its short one,
``threshold`` its factor. ``severity`` is P0 to P3, or one of the words in ``SEVERITIES``.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from schemas.yaml_values import Value
from slo.definition import AlertPolicy, BurnTier, Priority, RollingWindow, TimeWindow, are_shares
from slo.durations import duration_text, seconds_of
from slo.objects import Described, Known, Metadata, metadata_of, name_of
from slo.profiles import TIER_NAMES, period_s
from slo.sources import read_by

SEVERITIES: Final[Mapping[str, Priority]] = {
    **{one.lower(): one for one in typing.get_args(Priority)},
    "critical": "P0",
    "page": "P1",
    "ticket": "P2",
    "warning": "P2",
    "info": "P3",
}
_PROFILES: Final = ("google", "sloth", "pyrra", "custom")
_MOST_EVENTS: Final = 10**12


def policy_of(listed: Value | None, annotations: Mapping[str, Value], known: Known, window: TimeWindow) -> AlertPolicy:
    """When an SLO speaks up: by its ``alertPolicies`` and annotations.

    Raises
    ------
    DefinitionError
        If they cannot hold.
    """
    tiers = [_tier(one, known, window) for one in listed.items()] if listed is not None else []
    profile = _profile(annotations.get("alert-profile"), is_tiered=bool(tiers))
    given: dict[str, Any] = {"tiers": tuple(tiers), "profile": profile}
    if "tiers" in annotations:
        given["only"] = _tier_names(annotations["tiers"], profile)
    for key, name in (("min-events", "min_events"), ("min-bad", "min_bad")):
        if key in annotations:
            given[name] = _count(annotations[key])
    if "remaining" in annotations:
        given["remaining"] = _shares(annotations["remaining"])
    names = [tier.name for tier in tiers]
    if listed is not None and len(set(names)) < len(names):
        raise listed.error("two conditions have one name", "Give each condition a name of its own")
    return AlertPolicy(**given)


def _profile(value: Value | None, *, is_tiered: bool) -> str:
    """The profile that is named, else that of a definition with or without tiers."""
    if value is None:
        return "custom" if is_tiered else "google"
    profile = value.choice(_PROFILES)
    if is_tiered and profile != "custom":
        raise value.error(f"{profile} brings tiers of its own, and alertPolicies are given", "Keep one of them")
    return profile


def _count(value: Value) -> int:
    text = value.text()
    if not (text.isascii() and text.isdecimal()) or len(text) > 12:
        raise value.error(f"{text[:40]!r} is no count", f"Write a whole number up to {_MOST_EVENTS}, in quotes")
    return int(text)


def _tier_names(value: Value, profile: str) -> tuple[str, ...]:
    names = tuple(value.text().split("_"))
    if unknown := [name for name in names if name not in TIER_NAMES]:
        raise value.error(f"there is no tier {unknown[0][:40]!r}", f"Join some of {', '.join(TIER_NAMES)} by _")
    if profile == "custom":
        raise value.error("it chooses among the tiers of a profile, and custom brings none", "Remove one of the two")
    return names


def _shares(value: Value) -> tuple[float, ...]:
    text = value.text()
    if text == "none":
        return ()
    try:
        shares = tuple(float(Decimal(one)) for one in text.split("_"))
    except InvalidOperation:
        shares = (1.0,)
    if not are_shares(shares):
        raise value.error(
            f"{text[:40]!r} are no shares of a budget", "Write at most six like 0.5_0.25_0, each below 1; or none"
        )
    return shares


def check_policy(spec: Value, known: Known) -> None:
    """Read a policy that may stand in no SLO.

    Raises
    ------
    DefinitionError
        If it cannot hold.
    """
    _burn_rate(*_condition(spec, known))


def check_condition(one: Described) -> None:
    """Read a condition that may stand in no policy.

    Raises
    ------
    DefinitionError
        If it cannot hold.
    """
    _burn_rate(one.metadata, one.spec)


def _tier(listed: Value, known: Known, window: TimeWindow) -> BurnTier:
    tier = _burn_rate(*_condition(_policy_spec(listed, known), known))
    if isinstance(window, RollingWindow) and tier.long_s > period_s(window):
        what = f"the long window of {tier.name}, {duration_text(tier.long_s)}, is longer than the SLO's own"
        raise listed.error(what, "Choose a shorter lookbackWindow")
    return tier


def _burn_rate(metadata: Metadata, spec: Value) -> BurnTier:
    fields = spec.fields(("description", "severity", "condition"), ("severity", "condition"))
    severity = fields["severity"].text()
    if severity.lower() not in SEVERITIES:
        raise fields["severity"].error(
            f"there is no severity {severity[:40]!r}", f"Choose one of {', '.join(SEVERITIES)}"
        )
    condition = fields["condition"].fields(
        ("kind", "op", "threshold", "lookbackWindow", "alertAfter"), ("threshold", "lookbackWindow", "alertAfter")
    )
    if "kind" in condition:
        condition["kind"].choice(("burnrate",))
    if "op" in condition:
        condition["op"].choice(("gt", "gte"))
    factor = condition["threshold"].number()
    if factor <= 0:
        raise condition["threshold"].error(f"{factor:g} is no burn rate", "It lies above 0: at 1 the budget just lasts")
    long_s, short_s = (read_by(condition[key], seconds_of) for key in ("lookbackWindow", "alertAfter"))
    if short_s > long_s:
        raise condition["alertAfter"].error(
            "the short window is longer than the long one", "alertAfter is at most lookbackWindow; a twelfth is usual"
        )
    return BurnTier(
        name=metadata.name, long_s=long_s, short_s=short_s, factor=factor, priority=SEVERITIES[severity.lower()]
    )


def _policy_spec(listed: Value, known: Known) -> Value:
    """The specification of a policy that is named, referred to, or written here."""
    reference = listed
    if listed.is_mapping:
        fields = listed.fields(("alertPolicyRef", "apiVersion", "kind", "metadata", "spec"))
        if "spec" in fields:
            return fields["spec"]
        if "alertPolicyRef" not in fields:
            raise listed.error(
                "neither alertPolicyRef nor spec is given", "Name an AlertPolicy, or write its spec here"
            )
        reference = fields["alertPolicyRef"]
    name = name_of(reference)
    if ("AlertPolicy", name) not in known:
        raise reference.error(f"there is no AlertPolicy {name}", "Define it, or remove its name")
    return known["AlertPolicy", name].spec


def _condition(policy: Value, known: Known) -> tuple[Metadata, Value]:
    """The one condition of a policy."""
    fields = policy.fields(
        (
            "description",
            "alertWhenNoData",
            "alertWhenResolved",
            "alertWhenBreaching",
            "conditions",
            "notificationTargets",
        ),
        ("conditions",),
    )
    for key in ("alertWhenNoData", "alertWhenResolved", "alertWhenBreaching"):
        if key in fields and not fields[key].boolean() and key == "alertWhenBreaching":
            raise fields[key].error(
                "a policy that is silent while the budget burns", "Write true, or remove the policy"
            )
    items = fields["conditions"].items()
    if len(items) != 1:
        raise fields["conditions"].error(f"{len(items)} conditions, where one is wanted", "Make a policy of each")
    condition = items[0].fields(("conditionRef", "kind", "metadata", "spec"))
    if "conditionRef" not in condition:
        if "metadata" not in condition or "spec" not in condition:
            raise items[0].error("neither conditionRef nor metadata and spec are given", "Name an AlertCondition")
        return metadata_of(condition["metadata"]), condition["spec"]
    name = name_of(condition["conditionRef"])
    if ("AlertCondition", name) not in known:
        raise condition["conditionRef"].error(f"there is no AlertCondition {name}", "Define it, or write it here")
    found = known["AlertCondition", name]
    return found.metadata, found.spec

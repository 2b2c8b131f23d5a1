"""What may be set about alerts and incidents, and how the ``correlation`` setting changes it in event time."""

from __future__ import annotations

import bisect
from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from schemas.bounds import LONGEST_S
from schemas.errors import SchemaError

SUBJECT = "correlation"
"""Subject of the setting that replaces windows and hysteresis from an event time on."""


class Correlation(BaseModel):
    """When two alerts belong together, and when an incident is over."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    entity_window_s: float = Field(
        default=900, gt=0, le=86_400, description="Alerts of one entity that start within this of each other belong."
    )
    signal_window_s: float = Field(
        default=300,
        gt=0,
        le=86_400,
        description="Alerts of one metric, cluster and service, on any entities, that start within this.",
    )
    spender_window_s: float = Field(
        default=3600,
        gt=0,
        le=86_400,
        description="Alerts of what spent an objective's budget that start within this of the objective's alert.",
    )
    resolve_after_s: float = Field(
        default=30, ge=0, le=86_400, description="An incident resolves this long after its last alert ended."
    )

    @property
    def entity_window_ms(self) -> int:
        """``entity_window_s`` in milliseconds."""
        return round(self.entity_window_s * 1000)

    @property
    def signal_window_ms(self) -> int:
        """``signal_window_s`` in milliseconds."""
        return round(self.signal_window_s * 1000)

    @property
    def spender_window_ms(self) -> int:
        """``spender_window_s`` in milliseconds."""
        return round(self.spender_window_s * 1000)

    @property
    def resolve_after_ms(self) -> int:
        """``resolve_after_s`` in milliseconds."""
        return round(self.resolve_after_s * 1000)

    @property
    def widest_ms(self) -> int:
        """The widest of the windows, in milliseconds."""
        return max(self.entity_window_ms, self.signal_window_ms, self.spender_window_ms)


class DecideSettings(Correlation):
    """Alerts and incidents."""

    retention_s: float = Field(
        default=86_400,
        gt=0,
        le=LONGEST_S,
        description="What is over is forgotten this long after its end, in event time.",
    )
    abandon_after_s: float = Field(
        default=604_800,
        gt=0,
        le=LONGEST_S,
        description="A firing alert that nobody speaks of for so long is called expired.",
    )
    resolve_timeout_s: float = Field(
        default=300,
        gt=0,
        le=LONGEST_S,
        description="An alert that was pushed without an end ends this long after its last repeat.",
    )
    no_data_hold_s: float = Field(
        default=86_400,
        gt=0,
        le=LONGEST_S,
        description="A firing alert whose series sends nothing any more stays firing for so long, unless samples tell "
        "more; then it is called expired, never recovered.",
    )
    cause_window_s: float = Field(
        default=600,
        gt=0,
        le=86_400,
        description="Alerts of a service that start within this of a symptom of it belong to it, as its causes.",
    )
    pattern_nodes: int = Field(
        default=3, ge=2, description="A signal that is anomalous on so many nodes of a cluster is one alert of it ..."
    )
    pattern_share: float = Field(default=0.2, ge=0, le=1, description="... and on at least this share of its nodes ...")
    pattern_window_s: float = Field(default=600, gt=0, le=86_400, description="... that begin within this.")
    change_window_s: float = Field(
        default=3_600, ge=0, le=86_400, description="A change so long before an alert began may be named with it."
    )
    members_listed: int = Field(
        default=50, ge=1, le=1000, description="Members, entities and signals that an incident lists; it counts all."
    )
    publish_at_once_members: int = Field(
        default=10, ge=0, description="Beyond so many members, who joins or leaves is published with the next tick."
    )

    @model_validator(mode="after")
    def _retention_covers_the_windows(self) -> Self:
        if self.retention_s < max(self.widest_ms / 1000, self.resolve_after_s, self.cause_window_s):
            raise ValueError("retention_s must be at least the widest window, resolve_after_s and cause_window_s")
        return self


class CorrelationHistory:
    """The correlation settings over event time: what was set, and from when on.

    Parameters
    ----------
    base
        What holds before the first setting.

    Examples
    --------
    >>> history = CorrelationHistory(Correlation())
    >>> history.put(5_000, {"entity_window_s": 60})
    True
    >>> history.at(4_999).entity_window_s, history.at(5_000).entity_window_s
    (900.0, 60.0)
    """

    def __init__(self, base: Correlation) -> None:
        fields = {name: getattr(base, name) for name in Correlation.model_fields}
        self._base = Correlation(**fields)
        self._from_ms: list[int] = []
        self._versions: list[Correlation] = []
        self.widest_ms = base.widest_ms

    def at(self, ms: int) -> Correlation:
        """What holds at an event time."""
        position = bisect.bisect_right(self._from_ms, ms)
        return self._versions[position - 1] if position else self._base

    def is_steady(self, start_ms: int, end_ms: int) -> bool:
        """Whether one version holds all the way from ``start_ms`` to ``end_ms``."""
        return bisect.bisect_right(self._from_ms, start_ms) == bisect.bisect_right(self._from_ms, end_ms)

    def put(self, valid_from_ms: int, body: Mapping[str, Any]) -> bool:
        """Let a version hold from a time on; of two for one time the later in their JSON's order holds.

        Raises
        ------
        SchemaError
            If the body is no such setting.
        """
        version = self._read(body)
        position = bisect.bisect_left(self._from_ms, valid_from_ms)
        if position < len(self._from_ms) and self._from_ms[position] == valid_from_ms:
            if version.model_dump_json() <= self._versions[position].model_dump_json():
                return False
            self._versions[position] = version
        else:
            self._from_ms.insert(position, valid_from_ms)
            self._versions.insert(position, version)
        self._measure()
        return True

    def forget(self, before_ms: int) -> bool:
        """Drop the versions that no longer hold at ``before_ms``; whether there were any."""
        gone = max(0, bisect.bisect_right(self._from_ms, before_ms) - 1)
        del self._from_ms[:gone], self._versions[:gone]
        if gone:
            self._measure()
        return gone > 0

    def dump(self) -> list[tuple[int, dict[str, float]]]:
        """All versions, for a checkpoint."""
        return [(ms, version.model_dump()) for ms, version in zip(self._from_ms, self._versions, strict=True)]

    def _read(self, body: Mapping[str, Any]) -> Correlation:
        try:
            return Correlation.model_validate({**self._base.model_dump(), **body})
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "the body"
            raise SchemaError(f"not a {SUBJECT} setting: {where}: {first['msg']}") from error

    def _measure(self) -> None:
        self.widest_ms = max(version.widest_ms for version in [self._base, *self._versions])

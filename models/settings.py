"""What makes a series anomalous, as settings with bounds; the defaults are what ships."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from models.calendar import CalendarSettings
from models.chosen import DetectorChoice, check_choices
from models.entities.settings import EntitySettings
from models.families import NODE_FAMILIES, MetricFamily
from models.maintenance import MaintenanceWindow, distinct_windows
from models.rules import ThresholdRule, distinct_rules
from models.shipped_rules import SHIPPED_RULES
from schemas.bounds import LONGEST_S, MOST_TIMES
from schemas.events import WindowName

WINDOW_NAMES: tuple[WindowName, ...] = ("5m", "15m", "1h", "24h", "7d")


class WindowSettings(BaseModel):
    """How one window judges, and when it starts to speak."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    enabled: bool = True
    spreads: Annotated[
        float, Field(gt=0, le=100, description="Distance from the center, in spreads, that scores 1.0.")
    ] = 6.0
    patience: Annotated[float, Field(gt=0, le=MOST_TIMES, description="Evidence gathers so many times slower.")] = 1.0
    warmup_s: Annotated[float, Field(ge=0, le=LONGEST_S, description="Time that a series must have been seen.")]
    min_samples: Annotated[int, Field(ge=2, description="Samples that the window must hold.")] = 8


SHIPPED_WINDOWS: dict[WindowName, WindowSettings] = {
    "5m": WindowSettings(spreads=3.4, warmup_s=180),
    "15m": WindowSettings(spreads=5.0, patience=2, warmup_s=480),
    "1h": WindowSettings(spreads=3.7, patience=1.5, warmup_s=2400),
    "24h": WindowSettings(spreads=3.3, patience=1.0, warmup_s=12 * 3600),
    "7d": WindowSettings(spreads=3.7, patience=1.5, warmup_s=2 * 86400),
}


class ConfirmSettings(BaseModel):
    """When a deviation is believed, and when it is over.

    A sample adds evidence of ``(score - 1) ** 1.5`` (at most ``score_cap``) times the seconds since the one before
    it, and no more than ``samples`` of them need; a window's level counts no further than the sample itself lies
    outside. A score below 1.0 takes away four times what it lacks. So a deviation of four times the limit is
    believed in seconds, one of twice the limit in half a minute, one of 1.2 times the limit in some minutes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    samples: Annotated[int, Field(ge=1, le=100, description="Anomalous samples needed at the least.")] = 2
    evidence: Annotated[float, Field(ge=0, le=MOST_TIMES, description="Evidence needed.")] = 9.0
    score_cap: Annotated[float, Field(gt=0, le=MOST_TIMES, description="The most that one second may add.")] = 4.0
    sample_cap_s: Annotated[
        float, Field(gt=0, le=LONGEST_S, description="The most seconds that one sample may stand for.")
    ] = 30.0
    clear_level: Annotated[float, Field(gt=0, le=1, description="A score below this counts as recovered.")] = 0.8
    clear_samples: Annotated[int, Field(ge=1, le=100, description="Recovered samples in a row that end it.")] = 3
    clear_s: Annotated[float, Field(ge=0, le=LONGEST_S, description="And how long they must last.")] = 5.0
    max_freeze_s: Annotated[
        float,
        Field(
            gt=0,
            le=LONGEST_S,
            description="After so long, and six of the series' intervals, the new level is accepted: the episode ends "
            "as a level shift.",
        ),
    ] = 1800.0


class UpdateSettings(BaseModel):
    """When an anomaly that goes on says so again, and how severe it is."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    every_s: Annotated[float, Field(gt=0, le=LONGEST_S, description="At the latest after so much event time.")] = 60.0
    growth: Annotated[float, Field(gt=0, le=MOST_TIMES, description="And when the peak has grown by this share.")] = (
        0.25
    )
    warning: Annotated[float, Field(ge=1, le=MOST_TIMES, description="Score from which it is a warning.")] = 2.0
    critical: Annotated[float, Field(ge=1, le=MOST_TIMES, description="Score from which it is critical.")] = 4.0


class DriftSettings(BaseModel):
    """Slow shifts, found by a River detector on each series' closed minutes."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    enabled: bool = True
    detector: Annotated[str, Field(description="A detector of the registry that learns closed minutes.")] = (
        "page_hinkley"
    )
    options: dict[str, float] = Field(default_factory=dict, description="That detector's settings.")
    reference: Annotated[
        WindowName,
        Field(description="Until the hours of the week are known, means are told in spreads of this window."),
    ] = "24h"
    clip: Annotated[
        float, Field(gt=0, le=MOST_TIMES, description="Standardised means are cut to this many spreads.")
    ] = 5.0
    pickle_every: Annotated[
        int, Field(ge=1, le=16, description="Closed minutes between two pickles of a detector in checkpoints.")
    ] = 16


class VitalsSettings(BaseModel):
    """Which vital signs of a series are watched; each has an episode of its own and pages nobody (P3)."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    flatline: Annotated[
        bool, Field(description="The very same value for three times as long as the series ever stood still.")
    ] = True
    variance: Annotated[
        bool, Field(description="Samples that differ from one another more, or less, than they used to.")
    ] = True
    known_s: Annotated[
        float, Field(ge=0, le=LONGEST_S, description="A series has habits once it is known for so long.")
    ] = 7200.0
    still_s: Annotated[
        float, Field(ge=0, le=LONGEST_S, description="The least time without a change that is a flatline.")
    ] = 600.0
    missing: Annotated[bool, Field(description="Silence for three times as long as the series was ever silent.")] = True


class DetectSettings(BaseModel):
    """When a series is anomalous.

    Examples
    --------
    >>> DetectSettings(windows={"5m": {"warmup_s": 20}}).windows["5m"].warmup_s
    20.0
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    max_series: Annotated[
        int, Field(ge=1, description="Series of a tenant on one partition; further ones are dropped and counted.")
    ] = 200_000
    late_s: Annotated[
        float, Field(ge=0, le=LONGEST_S, description="Samples later than this are counted and left out.")
    ] = 120.0
    stale_intervals: Annotated[
        float,
        Field(
            ge=1, le=MOST_TIMES, description="A series stops after so many of its own intervals without a sample ..."
        ),
    ] = 5.0
    stale_s: Annotated[float, Field(gt=0, le=LONGEST_S, description="... and after at least so long.")] = 180.0
    forget_after_s: Annotated[float, Field(gt=0, le=LONGEST_S, description="A series that stopped is forgotten.")] = (
        172_800.0
    )
    windows: dict[WindowName, WindowSettings] = Field(
        default_factory=lambda: dict(SHIPPED_WINDOWS),
        description="Any of 5m, 15m, 1h, 24h, 7d; others stay as shipped.",
    )
    confirm: ConfirmSettings = Field(default_factory=ConfirmSettings, description="When a deviation is believed.")
    updates: UpdateSettings = Field(default_factory=UpdateSettings, description="How often and how severe.")
    drift: DriftSettings = Field(default_factory=DriftSettings, description="Slow shifts (River).")
    vitals: VitalsSettings = Field(
        default_factory=VitalsSettings, description="Does a series come, move, and swing as it used to."
    )
    entities: EntitySettings = Field(
        default_factory=EntitySettings, description="Several signals of one entity, judged together."
    )
    families: list[MetricFamily] = Field(
        default_factory=list, description="Floors for metrics of your own; they come before the shipped ones."
    )
    shipped_families: Annotated[bool, Field(description="Whether the shipped families apply.")] = True
    shipped_priors: Annotated[
        bool, Field(description="Whether new series start from the spreads that are usual for their family.")
    ] = True
    detectors: list[DetectorChoice] = Field(
        default_factory=list, description="Detectors on top of the five windows, for the series that they suit."
    )
    rules: list[ThresholdRule] = Field(default_factory=list, description="Threshold rules of your own.")
    shipped_rules: Annotated[bool, Field(description="Whether the shipped threshold rules apply.")] = True
    calendar: CalendarSettings = Field(
        default_factory=CalendarSettings, description="Time zone and public holidays of the people who use the systems."
    )
    maintenance: Annotated[list[MaintenanceWindow], AfterValidator(distinct_windows)] = Field(
        default_factory=list,
        description="Times in which nothing is judged or learned; rules of the safety list speak all the same.",
    )

    @field_validator("windows", mode="before")
    @classmethod
    def _over_shipped(cls, given: object) -> object:
        if not isinstance(given, dict):
            return given
        merged: dict[str, object] = {name: one.model_dump() for name, one in SHIPPED_WINDOWS.items()}
        for name, one in given.items():
            fields = one.model_dump() if isinstance(one, WindowSettings) else one
            base = merged.get(str(name), {})
            merged[str(name)] = {**base, **fields} if isinstance(base, dict) and isinstance(fields, dict) else fields
        return merged

    @model_validator(mode="after")
    def _distinct_rules(self) -> Self:
        distinct_rules(self.all_rules())
        return self

    @model_validator(mode="after")
    def _choosable(self) -> Self:
        check_choices(self.detectors, {rule.name for rule in self.all_rules()})
        return self

    @model_validator(mode="after")
    def _has_its_holidays(self) -> Self:
        for window in self.maintenance:
            window.in_calendar(self.calendar)
        return self

    def all_rules(self) -> list[ThresholdRule]:
        """The user's threshold rules and the shipped ones; a rule of a shipped one's name replaces it."""
        own = {rule.name for rule in self.rules}
        shipped = [rule for rule in SHIPPED_RULES if rule.name not in own] if self.shipped_rules else []
        return [*self.rules, *shipped]

    def all_families(self) -> list[MetricFamily]:
        """The user's families, then the shipped ones; the first that matches holds."""
        return [*self.families, *(NODE_FAMILIES if self.shipped_families else ()), MetricFamily(name="any")]

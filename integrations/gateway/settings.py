"""What the gateway reads, and how it is decoded and batched."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from integrations.formats import FormatOptions
from integrations.formats.base import TimeUnit, check_regexes
from schemas.bounds import LONGEST_S

FormatName = Literal[
    "native",
    "telegraf_json",
    "telegraf_influx",
    "otlp",
    "prometheus_json",
    "prometheus_remote_write",
    "collectd",
    "vector",
    "metricbeat",
    "fluentbit",
]
DimensionName = Literal["cluster", "region", "zone", "node", "namespace", "pod", "service"]
TopicName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,249}$")]
TENANT_PATTERN: Final = r"^[A-Za-z0-9._-]{1,100}$"


class SourceSettings(BaseModel):
    """One topic of a producer's."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    topic: Annotated[TopicName, Field(description="The producer's topic; no prefix is added.")]
    format: Annotated[FormatName, Field(description="What its records hold.")]
    tenant: Annotated[str, Field(pattern=TENANT_PATTERN, description="Whose metrics these are.")] = "default"
    tenant_header: Annotated[
        str | None,
        Field(description="A record header that names the tenant; only where nobody but trusted writers can set it."),
    ] = None
    time_unit: Annotated[TimeUnit, Field(description="Unit of numeric times; auto infers it from magnitude.")] = "auto"
    store_rates: Annotated[
        bool, Field(description="collectd: whether write_kafka sends rates (its StoreRates) or raw counters.")
    ] = True

    label_fields: Annotated[
        list[str],
        Field(
            description="Fluent Bit, Metricbeat: text fields that become labels, beside those that are by themselves."
        ),
    ] = Field(default_factory=list)
    counters: Annotated[
        list[str],
        Field(
            description="Metrics that accumulate though their message does not say so: regular expressions, each for a "
            "whole name. Of formats whose messages carry no type: Telegraf, Prometheus, Metricbeat, Fluent Bit."
        ),
    ] = Field(default_factory=list)

    @field_validator("counters")
    @classmethod
    def _are_regexes(cls, patterns: list[str]) -> list[str]:
        check_regexes(patterns)
        return patterns

    @property
    def options(self) -> FormatOptions:
        """What the decoder must know."""
        return FormatOptions(
            time_unit=self.time_unit,
            store_rates=self.store_rates,
            label_fields=tuple(self.label_fields),
            counters=tuple(self.counters),
        )


def _default_sources() -> list[SourceSettings]:
    formats: dict[str, FormatName] = {
        "metrics": "native",
        "telegraf": "telegraf_json",
        "telegraf_influx": "telegraf_influx",
        "otlp_metrics": "otlp",
        "prometheus": "prometheus_json",
        "prometheus_remote_write": "prometheus_remote_write",
        "collectd": "collectd",
        "vector": "vector",
        "metricbeat": "metricbeat",
        "fluentbit": "fluentbit",
    }
    return [SourceSettings(topic=topic, format=name) for topic, name in formats.items()]


class IngestSettings(BaseModel):
    """The gateway."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    sources: Annotated[list[SourceSettings], Field(min_length=1, description="The topics to read.")] = Field(
        default_factory=_default_sources
    )
    identity: Annotated[
        dict[DimensionName, list[str]],
        Field(description="Labels that name a dimension, first match wins; one given here replaces its default."),
    ] = Field(default_factory=dict)
    create_topics: Annotated[
        bool, Field(description="Create what is missing of sources and outputs; else wait until it is there.")
    ] = True
    batch_samples: Annotated[int, Field(ge=1, le=100_000, description="Rows of a batch, at most.")] = 8000
    linger_ms: Annotated[int, Field(ge=1, le=1000, description="How long a sample may wait for its batch.")] = 100
    consume_records: Annotated[int, Field(ge=1, le=100_000, description="Records taken at once, at most.")] = 10_000
    future_limit_s: Annotated[
        float, Field(gt=0, le=LONGEST_S, description="Samples further ahead of this machine's clock are rejected.")
    ] = 300.0
    commit_interval_s: Annotated[float, Field(gt=0, le=60, description="How often to commit.")] = 1.0
    abreast_s: Annotated[
        float,
        Field(gt=0, le=LONGEST_S, description="Catching up, a partition further ahead of the slowest waits for it."),
    ] = 30.0
    delivery_timeout_s: Annotated[
        float, Field(ge=1, le=240, description="A batch that is not delivered by then restarts from the last commit.")
    ] = 60.0
    max_series: Annotated[
        int,
        Field(ge=1, description="Series known by name, at 1.5 KiB each; past it all are forgotten and learned anew."),
    ] = 1_000_000
    buffer_bytes: Annotated[
        int, Field(ge=1 << 20, le=1 << 30, description="Of records read ahead, and of batches under way, each.")
    ] = 32 << 20
    compression: Annotated[
        Literal["none", "lz4", "zstd"], Field(description="Of the records, whose batches are LZ4 inside already.")
    ] = "zstd"

    def options_of(self, format_name: str) -> FormatOptions:
        """What the first source of a format says of its messages; the defaults where there is none."""
        found = (source.options for source in self.sources if source.format == format_name)
        return next(found, FormatOptions())

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        topics = [source.topic for source in self.sources]
        if twice := sorted({topic for topic in topics if topics.count(topic) > 1}):
            raise ValueError(f"each topic has one format: {', '.join(twice)} stands there twice")
        return self

"""What a series is: its metric, the producer's labels, and the dimensions we recognise in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from schemas.errors import SchemaError
from schemas.ids import series_id

# What a raw value means. A ``counter`` accumulates since a start (resets and wraps happen); a
# ``delta`` is the increase since the last report; everything else is a level.
METRIC_TYPES: Final = ("gauge", "counter", "delta", "unknown")
DIMENSIONS: Final = ("cluster", "region", "zone", "node", "namespace", "pod", "service")

_METRIC: Final = '"metric":"'
_encoder = msgspec.json.Encoder(order="sorted")
_decoder = msgspec.json.Decoder(dict)


@dataclass(frozen=True, slots=True)
class Series:
    """One time series, as a producer names it.

    Parameters
    ----------
    tenant
        From the source's configuration or a trusted header, never from the payload.
    metric
        The producer's name.
    labels
        The producer's labels, names kept.
    dims
        The recognised dimensions (a subset of ``DIMENSIONS``), read from the labels by the source's mapping.
    type
        One of ``METRIC_TYPES``.
    unit
        As UCUM or the producer has it; empty when unknown.

    Examples
    --------
    >>> cpu = Series("default", "cpu", {"host": "h1"}, {"node": "h1"}, "gauge", "1")
    >>> Series.from_text("default", cpu.text) == cpu
    True
    >>> cpu.entity
    'node:h1'
    """

    tenant: str
    metric: str
    labels: Mapping[str, str] = field(default_factory=dict)
    dims: Mapping[str, str] = field(default_factory=dict)
    type: str = "gauge"
    unit: str = ""

    @property
    def id(self) -> int:
        """64-bit identity (tenant, metric, labels)."""
        return series_id(self.tenant, self.metric, self.labels)

    @property
    def text(self) -> str:
        """Canonical JSON, as it stands in a batch's dictionary (the tenant stands in its metadata)."""
        return _encoder.encode(
            {
                "metric": self.metric,
                "labels": dict(self.labels),
                "dims": dict(self.dims),
                "type": self.type,
                "unit": self.unit,
            }
        ).decode()

    @classmethod
    def from_text(cls, tenant: str, text: str | bytes) -> Series:
        """Read a batch's dictionary entry.

        Raises
        ------
        SchemaError
            If the text is not what ``text`` writes.
        """
        try:
            body = _decoder.decode(text)
            return cls(tenant, body["metric"], body["labels"], body["dims"], body["type"], body["unit"])
        except (msgspec.DecodeError, KeyError, TypeError) as error:
            raise SchemaError(f"not a series: {str(text)[:120]!r} ({error})") from error

    @property
    def entity(self) -> str:
        """What the series is about: ``entity_of(dims)``."""
        return entity_of(self.dims)


def metric_in(text: str) -> str:
    """The metric in a series' canonical JSON, without reading the rest of it where that can be.

    Examples
    --------
    >>> metric_in(Series("t", "cpu", {"metric": "no"}, {}, "gauge", "1").text)
    'cpu'
    """
    begin = text.rindex(_METRIC) + len(_METRIC)
    name = text[begin : text.rindex('","type":"')]
    return str(_decoder.decode(text)["metric"]) if "\\" in name else name


def entity_of(dims: Mapping[str, str]) -> str:
    """Name of the thing that a series describes: a node if one is named, else a service, a pod, a cluster.

    Examples
    --------
    >>> entity_of({"cluster": "c1", "node": "n1", "service": "web"})
    'node:c1/n1'
    >>> entity_of({"namespace": "shop", "service": "web"})
    'service:shop/web'
    >>> entity_of({})
    'unknown'
    """
    cluster = dims.get("cluster")
    prefix = f"{cluster}/" if cluster else ""
    namespace = f"{dims['namespace']}/" if dims.get("namespace") else ""
    if dims.get("node"):
        return f"node:{prefix}{dims['node']}"
    if dims.get("service"):
        return f"service:{prefix}{namespace}{dims['service']}"
    if dims.get("pod"):
        return f"pod:{prefix}{namespace}{dims['pod']}"
    return f"cluster:{cluster}" if cluster else "unknown"

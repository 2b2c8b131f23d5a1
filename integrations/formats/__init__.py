"""Producers' formats: the bytes of many records in, columns out; one format is one file behind one interface.

Nothing here reads a clock, a socket or a topic, and nothing here raises on what the bytes are: what cannot be
read is a ``Rejection``, what is left out on purpose is counted by reason. The tenant comes with the
``SeriesTable``, never from a payload.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from integrations.formats.base import (
    Decoded,
    Decoder,
    FormatOptions,
    HistogramSample,
    Recogniser,
    Rejection,
    SeriesTable,
)
from integrations.formats.collectd import Collectd
from integrations.formats.fluentbit import FluentBit
from integrations.formats.guarded import Guarded
from integrations.formats.metricbeat import Metricbeat
from integrations.formats.native import Native
from integrations.formats.otlp import Otlp
from integrations.formats.prometheus_json import PrometheusJson
from integrations.formats.prometheus_remote_write import PrometheusRemoteWrite
from integrations.formats.telegraf_influx import TelegrafInflux
from integrations.formats.telegraf_json import TelegrafJson
from integrations.formats.vector import Vector
from schemas.errors import ConfigurationError

FORMATS: Final[Mapping[str, Callable[[FormatOptions], Decoder]]] = MappingProxyType(
    {
        make.name: make
        for make in (
            Native,
            TelegrafJson,
            TelegrafInflux,
            Otlp,
            PrometheusJson,
            PrometheusRemoteWrite,
            Collectd,
            Vector,
            Metricbeat,
            FluentBit,
        )
    }
)
"""Every format by its name."""


def decoder_for(format: str, options: FormatOptions | None = None) -> Decoder:  # noqa: A002 - the setting's word
    """The decoder of a format, with a net under it.

    Raises
    ------
    ConfigurationError
        If there is no such format.

    Examples
    --------
    >>> decoder_for("native").name
    'native'
    """
    make = FORMATS.get(format)
    if make is None:
        raise ConfigurationError(f"no format named {format!r}", f"Choose one of: {', '.join(FORMATS)}")
    return Guarded(make(options or FormatOptions()))


__all__ = [
    "FORMATS",
    "Decoded",
    "Decoder",
    "FormatOptions",
    "HistogramSample",
    "Recogniser",
    "Rejection",
    "SeriesTable",
    "decoder_for",
]

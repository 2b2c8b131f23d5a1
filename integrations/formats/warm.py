"""Compiles the scanners before the first message waits for them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from integrations.formats import FormatOptions, Recogniser, SeriesTable, decoder_for
from integrations.formats.dense_index import DenseIndex

# The smallest messages that run through every compiled function: a sample each; OTLP's holds a gauge. Compiling takes
# some seconds a format on a machine that has never done it (numba keeps the result on disk), else milliseconds.
_SMALLEST: Final = {
    "native": b'{"metric":"m","value":1.5,"timestamp":1795446000.5,"labels":{"a":"b"}}',
    "otlp": bytes.fromhex("0a1d121b12190a016d2a140a1219006065d39fb4ea1821000000000000f83f"),
    "prometheus_remote_write": bytes.fromhex("207c0a1e0a0e0a085f5f6e616d655f5f12027570120c09000000000000f03f10e807"),
}
# More series than an index begins with: its growth is compiled, too.
_GROWTH: Final = 2050


def warm_up(formats: Iterable[str] = tuple(_SMALLEST)) -> None:
    """Compile, or load from numba's cache, what these formats need.

    Examples
    --------
    >>> warm_up(["native", "collectd"])
    """
    table = SeriesTable("warm-up", Recogniser())
    for name in formats:
        if name in _SMALLEST:
            decoded = decoder_for(name, FormatOptions()).decode([_SMALLEST[name]], [0], table)
            assert not decoded.rejections
    index = DenseIndex()
    for at in range(_GROWTH):
        index.put(at, at)

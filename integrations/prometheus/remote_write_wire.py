"""Requests of Prometheus remote write 1.0: protobuf in snappy's block format, written by hand.

Field numbers: ``prompb/remote.proto`` and ``prompb/types.proto`` in prometheus/prometheus; the order of labels and
samples: https://prometheus.io/docs/specs/prw/remote_write_spec/.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import Final

import cramjam

from integrations.formats.prometheus_remote_write import STALE_BITS

STALE: Final = struct.unpack("<d", struct.pack("<Q", STALE_BITS))[0]
"""The NaN that says that a series has ended."""
_VALUE: Final = struct.Struct("<Bd")
_LENGTH_DELIMITED: Final = 2


def varint(number: int) -> bytes:
    r"""Protobuf's variable-length number.

    Examples
    --------
    >>> varint(300)
    b'\xac\x02'
    """
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)


def _field(number: int, contents: bytes) -> bytes:
    return bytes((number << 3 | _LENGTH_DELIMITED,)) + varint(len(contents)) + contents


def series_bytes(name: str, labels: Iterable[tuple[str, str]], external: Mapping[str, str]) -> bytes:
    """The labels of a series, sorted by name as receivers want them; external ones give way to its own."""
    of_it = {**external, **dict(labels), "__name__": name}
    return b"".join(
        _field(1, _field(1, label.encode()) + _field(2, value.encode()))
        for label, value in sorted(of_it.items())
        if value
    )


def sample_bytes(series: bytes, value: float, at_ms: int) -> bytes:
    """One sample of a series, as a field of a request."""
    return _field(1, series + _field(2, _VALUE.pack(0x09, value) + b"\x10" + varint(at_ms)))


def request_bytes(samples: Iterable[bytes]) -> bytes:
    """A whole request.

    Examples
    --------
    >>> series = series_bytes("up", [("job", "shop")], {"cluster": "eu-1"})
    >>> len(request_bytes([sample_bytes(series, 1.0, 1_790_000_000_000)]))
    69
    """
    return bytes(cramjam.snappy.compress_raw(b"".join(samples)))

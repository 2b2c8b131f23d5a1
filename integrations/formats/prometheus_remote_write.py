"""Prometheus remote write 1.0: a protobuf message in snappy's block format.

``__name__`` is the metric, the rest are labels. Counters are told by the metadata that a sender sends now and then, and
by their names until then (``_total``, ``_count``, ``_sum``, ``_bucket``); the source's ``counters`` lists more. Stale
markers are skipped and counted as ``stale``, NaN and the infinities as ``not_finite``, native histograms as
``native_histogram``, requests without anything inside as ``empty_request``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Final

import cramjam
import numpy as np
import numpy.typing as npt

from integrations.formats import remote_write_walk as walk
from integrations.formats.base import Columns, Decoded, FormatOptions, SeriesTable
from integrations.formats.dense_index import UNKNOWN, DenseIndex
from integrations.formats.prometheus_families import Families
from integrations.formats.times import MAX_TIME_MS

# model/value/value.go in prometheus/prometheus: the NaN that says that a series has ended.
STALE_BITS: Final = 0x7FF0000000000002
# A message announces its size before anything is checked; nobody's request is that large.
MAX_MESSAGE_BYTES: Final = 64 * 1024 * 1024
_BROKEN: Final = -2
_REASONS: Final = {
    walk.MALFORMED: ("not_protobuf", "truncated, or no remote-write request at all"),
    walk.NO_SERIES: ("no_metrics", "no time series in the request"),
    walk.VERSION_2: ("remote_write_2", "remote write 2.0; set protobuf_message to prometheus.WriteRequest"),
}


class PrometheusRemoteWrite:
    """Decoder of Prometheus remote write."""

    name = "prometheus_remote_write"

    def __init__(self, options: FormatOptions) -> None:
        self._options = options
        self._owner = ("remote_write", options.counters)

    def decode(self, values: Sequence[bytes], record_ms: Sequence[int], table: SeriesTable) -> Decoded:
        """Decode records; see ``Decoder``."""
        columns = Columns()
        plain = [_decompressed(value, record, columns) for record, value in enumerate(values)]
        records = np.array([at for at, message in enumerate(plain) if message is not None], np.int32)
        messages = [message for message in plain if message is not None]
        starts = np.zeros(len(messages) + 1, np.int64)
        np.cumsum([len(message) for message in messages], out=starts[1:])
        data = b"".join(messages)
        walked = walk.walk(np.frombuffer(data, np.uint8), starts)
        for at in np.flatnonzero(walked.status).tolist():
            columns.reject(int(records[at]), *_REASONS[int(walked.status[at])])
        if walked.histograms:
            columns.skipped["native_histogram"] += walked.histograms
        known: _Known = table.scratch(self._owner, _Known)
        known.keep_below(table.scratch_limit)
        known.learn(data, walked)
        dense = known.find(data, walked, table, self._options)
        _samples(walked, dense, records, columns)
        return columns.decoded()


def _decompressed(value: bytes, record: int, columns: Columns) -> bytes | None:
    if not value:
        columns.reject(record, "empty", "a record without a value")
        return None
    try:
        size = cramjam.snappy.decompress_raw_len(value)
        if size > MAX_MESSAGE_BYTES:
            columns.reject(record, "too_large", f"{size} bytes when decompressed")
            return None
        if size == 0:
            # What Telegraf makes of a metric whose fields are all text: a request for nothing, and no error.
            columns.skipped["empty_request"] += 1
            return None
        return bytes(cramjam.snappy.decompress_raw(value))
    except cramjam.DecompressionError as error:
        columns.reject(record, "not_snappy", error)
        return None


class _Known:
    """What is known of a table's senders: series by the hash of their bytes, types of metric families."""

    def __init__(self) -> None:
        self.index = DenseIndex()
        self.families = Families()

    def keep_below(self, limit: int) -> None:
        self.index.keep_below(limit)
        self.families.keep_below(limit)

    def learn(self, data: bytes, walked: walk.Walked) -> None:
        """Take in metadata; series are interned anew if it says other than their names do."""
        news = False
        for start, end in walked.metadata.tolist():
            with contextlib.suppress(ValueError):  # no sample is worse for it
                news |= self.families.learn(*walk.family_in(data, start, end))
        if news:
            self.index.clear()

    def find(
        self, data: bytes, walked: walk.Walked, table: SeriesTable, options: FormatOptions
    ) -> npt.NDArray[np.int32]:
        """Each sample's dense id, ``_BROKEN`` where it has none."""
        dense = self.index.find(walked.hashes)
        new: dict[int, int] = {}
        for at in np.flatnonzero((dense == UNKNOWN) & _wanted(walked)).tolist():
            hash_ = int(walked.hashes[at])
            if hash_ not in new:
                _, start, end, _ = walked.samples[at].tolist()
                new[hash_] = self._intern(data[start:end], table, options)
                if new[hash_] != _BROKEN:
                    self.index.put(hash_, new[hash_])
            dense[at] = new[hash_]
        return dense

    def _intern(self, series: bytes, table: SeriesTable, options: FormatOptions) -> int:
        try:
            labels = dict(walk.labels_in(series, 0, len(series)))
        except ValueError:
            return _BROKEN
        metric = labels.pop("__name__", "")
        if not metric:
            return _BROKEN
        return table.intern(metric, labels, options.type_of(metric, self.families.type_of(metric)))


def _wanted(walked: walk.Walked) -> npt.NDArray[np.bool_]:
    """Samples that count: no stale markers, and of a time that can be."""
    at_ms = walked.samples[:, walk.TIME_MS]
    wanted: npt.NDArray[np.bool_] = (at_ms >= 0) & (at_ms <= MAX_TIME_MS)
    wanted &= walked.values.view(np.uint64) != STALE_BITS
    return wanted


def _samples(
    walked: walk.Walked, dense: npt.NDArray[np.int32], records: npt.NDArray[np.int32], columns: Columns
) -> None:
    record, at_ms, good = records[walked.samples[:, walk.RECORD]], walked.samples[:, walk.TIME_MS], _wanted(walked)
    stale = walked.values.view(np.uint64) == STALE_BITS
    if stale.any():
        columns.skipped["stale"] += int(stale.sum())
    for at in np.flatnonzero(~stale & ~good).tolist():
        columns.reject(int(record[at]), "bad_timestamp", f"{at_ms[at]} lies outside of 1970 to 9999")
    for at in np.flatnonzero(dense == _BROKEN).tolist():
        columns.reject(int(record[at]), "bad_labels", "a series without __name__, or labels that are not UTF-8 text")
    good &= dense >= 0
    columns.add_arrays(dense[good], at_ms[good], walked.values[good], record[good])

"""The net under every decoder: one that raises after all costs the record that made it raise, and nothing else."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np

from integrations.formats.base import Columns, Decoded, Decoder, Rejection, SeriesTable

_LOG: Final = logging.getLogger(__name__)
_NOTHING: Final = Columns().decoded()


class Guarded:
    """A decoder that keeps its promise not to raise.

    If the decoder inside raises, its caches are dropped and the records are decoded one by one; the one that makes it
    raise is rejected as ``decoder_failed``. The first failure is logged with its traceback.

    Examples
    --------
    >>> class Broken:
    ...     name = "broken"
    ...     def decode(self, values, record_ms, table):
    ...         raise ZeroDivisionError("by 0")
    >>> from integrations.formats import Recogniser
    >>> logging.disable()
    >>> Guarded(Broken()).decode([b"x"], [0], SeriesTable("default", Recogniser())).rejections
    [Rejection(record=0, reason='decoder_failed', detail='ZeroDivisionError: by 0')]
    >>> logging.disable(logging.NOTSET)
    """

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self.name = decoder.name
        self._told = False

    def decode(self, values: Sequence[bytes], record_ms: Sequence[int], table: SeriesTable) -> Decoded:
        """Decode records; see ``Decoder``."""
        try:
            return self._decoder.decode(values, record_ms, table)
        except MemoryError:  # nothing that a record is to blame for
            raise
        except Exception:  # noqa: BLE001  # whatever it is, it must stop nobody
            if not self._told:
                self._told = True
                _LOG.exception("a decoder failed; the record is rejected", extra={"format": self.name})
            table.forget_scratch()
        return _joined([self._decode_one(values[at], record_ms[at], at, table) for at in range(len(values))])

    def _decode_one(self, value: bytes, record_ms: int, record: int, table: SeriesTable) -> Decoded:
        try:
            found = self._decoder.decode([value], [record_ms], table)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, it must stop nobody
            table.forget_scratch()
            # A column that rejects cuts and cleans the detail.
            failed = Columns()
            failed.reject(record, "decoder_failed", f"{type(error).__name__}: {error}")
            return failed.decoded()
        return Decoded(
            found.series,
            found.timestamp_ms,
            found.value,
            np.full(len(found), record, np.int32),
            [type(one)(one.series, one.timestamp_ms, one.point, record) for one in found.histograms],
            [Rejection(record, one.reason, one.detail) for one in found.rejections],
            found.skipped,
            found.noted,
        )


def _joined(parts: Sequence[Decoded]) -> Decoded:
    every = [_NOTHING, *parts]
    return Decoded(
        np.concatenate([one.series for one in every]),
        np.concatenate([one.timestamp_ms for one in every]),
        np.concatenate([one.value for one in every]),
        np.concatenate([one.record for one in every]),
        [point for one in every for point in one.histograms],
        [rejection for one in every for rejection in one.rejections],
        sum((one.skipped for one in every), Counter[str]()),
        sum((one.noted for one in every), Counter[str]()),
    )

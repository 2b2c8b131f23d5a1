"""What counting keeps in arrays: watched series with their newest samples, and what each of those counts for."""

from __future__ import annotations

from typing import Any, Final, TypeVar, cast

import numpy as np
import numpy.typing as npt

from slo.packing import COLUMNS

ROWS: Final = 128
"""Slices of an objective that are kept: ten minutes of the shortest, and the open ones."""
SPENT_ROWS: Final = 8
"""Newest slices of which it is known who spent what."""
FIRST_RING: Final = 64
LARGEST_RING: Final = 1024
CONTEXT: Final = 3
"""Samples before one that say how much a counter grew at it."""

GAUGE, COUNTER, DELTA = range(3)
(PART_GOOD, PART_BAD, TOTAL_OF_GOOD, TOTAL_OF_BAD, VALUE, LINK) = range(6)
"""What a sample is to an objective."""
(NO_LINK, RECEIVED, SENT, SPEED) = range(4)
"""What a series is to a network link."""
LESS, AT_MOST, MORE, AT_LEAST = range(4)
(TAKEN, REPEATED, TOO_LATE, LATE, AHEAD) = range(5)
COUNT_NAMES: Final = ("slo_taken", "slo_repeated", "slo_too_late", "slo_late", "slo_ahead")
"""What became of samples of watched series."""

WATCH: Final = np.dtype(
    [
        ("slot", np.int32),
        ("kind", np.int8),
        ("link", np.int8),
        ("evicted", np.int8),
        ("at", np.int64),
        ("size", np.int32),
        ("head", np.int32),
        ("count", np.int32),
        ("entries", np.int32),
        ("entry_count", np.int32),
        ("received", np.int32),
        ("sent", np.int32),
        ("speed", np.int32),
        ("interval_ms", np.float64),
        ("newest_ms", np.int64),
        ("known_ms", np.int64),
        ("known", np.float64),
        ("rate", np.float64),
        ("grown", np.float64),
        ("missed_ms", np.int64),
        ("missed_until_ms", np.int64),
        ("missed_interval_ms", np.float64),
    ],
    align=True,
)
"""A watched series: when it came last; the last number, when that was, and the rate up to it.

Its samples lie in a ring of ``size`` places from ``at`` on, by time. Of its last silence, in which samples were counted
as missing, it is known after which sample that was, until when, and how often one was due.
"""

ENTRY: Final = np.dtype(
    [
        ("slo", np.int32),
        ("pair", np.int32),
        ("op", np.int8),
        ("amount", np.int8),
        ("compare", np.int8),
        ("value", np.float64),
    ],
    align=True,
)
"""What a watched series is to one objective; ``pair`` is that of the objective and the series' entity."""

COUNTED: Final = np.dtype(
    [
        ("slice_ms", np.int64),
        ("top", np.int64),
        ("closed", np.int64),
        ("since_ms", np.int64),
        ("until_ms", np.int64),
        ("born_ms", np.int64),
        ("alive_ms", np.int64),
        ("late_rows", np.int64),
        ("late", np.int8),
        ("touched", np.uint8, (ROWS,)),
        ("cells", np.float64, (ROWS, COLUMNS)),
    ],
    align=True,
)
"""An objective: its slices (bad, total and unknown), its newest row, the first that is open, and some times.

Those are from and until when it counts, and from and until when its series live.
"""

NEVER_MS: Final = 2**62
MISSED_FOR_MS: Final = 3_600_000
"""A series that was silent for so long is not waited for any more; nor does anybody know when a counter grew in it."""
TO_TELL, TO_SAVE = 1, 2
"""What is to be done with a slice that changed."""

Array = npt.NDArray[Any]
_Some = TypeVar("_Some", bound=npt.NDArray[Any])
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def grown(array: _Some, size: int) -> _Some:
    """The same array with room for more along its first axis."""
    wider = np.zeros((size, *array.shape[1:]), array.dtype)
    wider[: len(array)] = array
    return cast(_Some, wider)

"""The series of one tenant, each interned once under a dense id."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from integrations.formats.recognise import Recogniser
from schemas.series import METRIC_TYPES, Series

T = TypeVar("T")
_MOST_SPELLINGS: Final = 4
_MIN_SCRATCH: Final = 4096


class SeriesTable:
    """Interns the series of one tenant: 0, 1, 2 ... in the order of their first sample.

    Two series that differ only in type or unit have two dense ids and one series id: type and unit belong to a
    batch's description of a series, not to its identity.

    Nothing is ever removed one by one. Who owns the table bounds it with ``clear`` (once ``len(table)`` has
    passed a limit, say): that forgets every series and everything that decoders keep in ``scratch``; dense ids
    handed out before are void then, so clear between two batches, never inside one. A series that comes back
    costs one slow interning again.

    Parameters
    ----------
    tenant
        Whose series these are.
    recognise
        Reads the dimensions out of labels.

    Examples
    --------
    >>> table = SeriesTable("default", Recogniser())
    >>> table.intern("cpu", {"host": "h1"}), table.intern("cpu", {"host": "h2"}), table.intern("cpu", {"host": "h1"})
    (0, 1, 0)
    >>> table.entities[1], int(table.ids[1]) == table[1].id
    ('node:h2', True)
    """

    def __init__(self, tenant: str, recognise: Recogniser) -> None:
        self.tenant = tenant
        self.recognise = recognise
        self.generation = 0
        self.texts: list[str] = []
        self.entities: list[str] = []
        self._dense: dict[Hashable, int] = {}
        self._ids = np.empty(1024, np.uint64)
        self._scratch: dict[Hashable, object] = {}

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, dense: int) -> Series:
        return Series.from_text(self.tenant, self.texts[dense])

    @property
    def ids(self) -> npt.NDArray[np.uint64]:
        """64-bit ids by dense id; a view, valid until the next ``intern``."""
        return self._ids[: len(self.texts)]

    def intern(self, metric: str, labels: Mapping[str, str], type: str = "gauge", unit: str = "") -> int:  # noqa: A002 - the wire's word
        """The dense id of a series, new or known.

        Types outside ``METRIC_TYPES`` become ``unknown``; characters that UTF-8 cannot hold become ``?``.
        """
        kind = type if type in METRIC_TYPES else "unknown"
        key = (metric, tuple(sorted(labels.items())), kind, unit)
        dense = self._dense.get(key)
        if dense is None:
            dense = self._new(key, Series(self.tenant, metric, dict(labels), {}, kind, unit))
        return dense

    def _new(self, key: Hashable, series: Series) -> int:
        labels = {_clean(name): _clean(value) for name, value in series.labels.items()}
        metric, unit = _clean(series.metric), _clean(series.unit)
        known = Series(self.tenant, metric, labels, self.recognise.dims(labels), series.type, unit)
        text, entity, dense = known.text, known.entity, len(self.texts)
        if dense == len(self._ids):
            self._ids = np.concatenate([self._ids, np.empty(dense, np.uint64)])
        self._ids[dense] = known.id
        self.texts.append(text)
        self.entities.append(entity)
        self._dense[key] = dense
        return dense

    def scratch(self, owner: Hashable, make: Callable[[], T]) -> T:
        """What a decoder keeps beside this table (its own caches of dense ids), made at first use."""
        kept = self._scratch.get(owner)
        if kept is None:
            kept = self._scratch[owner] = make()
        return kept  # type: ignore[return-value]

    @property
    def scratch_limit(self) -> int:
        """How many entries a decoder's scratch may hold: producers may write one series in many ways."""
        return _MOST_SPELLINGS * len(self.texts) + _MIN_SCRATCH

    def forget_scratch(self) -> None:
        """Drop what decoders keep; series stay, and so do their dense ids."""
        self._scratch.clear()

    def clear(self) -> None:
        """Forget every series and every scratch; dense ids handed out before are void."""
        self.generation += 1
        self.texts.clear()
        self.entities.clear()
        self._dense.clear()
        self._scratch.clear()
        self._ids = np.empty(1024, np.uint64)


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode()

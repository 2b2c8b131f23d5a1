"""Of rows that say something of the same, the newest."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from integrations.history.kinds import Kind


def newest(table: pa.Table, kind: Kind) -> pa.Table:
    """A row an identity, the one of the greatest version, in the order of identities."""
    if not len(table):
        return table
    keys = [(name, "ascending") for name in (*kind.identity, *kind.version)]
    ordered = table.take(pc.sort_indices(table.select([name for name, _ in keys]), sort_keys=keys))
    is_last = np.zeros(len(ordered), bool)
    is_last[-1] = True
    for name in kind.identity:
        column = ordered[name].combine_chunks()
        differs = pc.fill_null(pc.not_equal(column[:-1], column[1:]), fill_value=True)
        is_last[:-1] |= np.asarray(differs, bool)
    return ordered.filter(pa.array(is_last))

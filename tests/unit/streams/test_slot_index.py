from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.slot_index import ABSENT, SlotIndex

IDS = st.integers(0, 2**64 - 1)


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), IDS), max_size=300))
def test_index_answers_as_a_dictionary_does(steps: list[tuple[bool, int]]) -> None:
    index, model = SlotIndex(), dict[int, int]()
    for put, one in steps:
        if put and one not in model:
            model[one] = len(model)
            index.put(np.array([one], np.uint64), np.array([model[one]], np.int32))
        elif model:
            gone = sorted(model)[one % len(model)]
            index.drop(gone)
            del model[gone]
    asked = [*model, *(one for _, one in steps), 12345]
    found = index.find(np.array(asked, np.uint64)).tolist()
    assert found == [model.get(one, ABSENT) for one in asked]


def test_index_survives_growth_and_endless_coming_and_going() -> None:
    index = SlotIndex()
    ids = np.random.default_rng(1).integers(0, 2**63, 20_000).astype(np.uint64)
    index.put(ids, np.arange(20_000, dtype=np.int32))
    assert np.array_equal(index.find(ids), np.arange(20_000))
    for at in range(5_000):
        index.drop(int(ids[at]))
        index.put(np.array([at + 1], np.uint64), np.array([at], np.int32))
    assert index.find(ids[:5_000]).max() == ABSENT
    assert np.array_equal(index.find(np.arange(1, 5_001).astype(np.uint64)), np.arange(5_000))

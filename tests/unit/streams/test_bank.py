from __future__ import annotations

import numpy as np
import pytest

from schemas.errors import CheckpointError
from schemas.series import Series
from streams.bank import Newcomer, SeriesBank
from streams.layout import BLOCK, BUCKETS, HOT_DIRTY, SLOT


def fresh(count: int, prefix: str = "m", tenant: str = "t") -> list[Newcomer]:
    series = [Series(tenant, f"{prefix}{at}") for at in range(count)]
    return [Newcomer(one, one.id, one.text, 0) for one in series]


def ids(members: list[Newcomer]) -> np.ndarray:
    return np.array([one.id for one in members], np.uint64)


def test_bank_grows_and_keeps_everyone() -> None:
    bank, members = SeriesBank(), fresh(3 * BLOCK + 7)
    assert bank.add(members) == list(range(len(members)))
    assert bank.slots_of(ids(members)).tolist() == list(range(len(members)))
    assert bank.capacity >= len(members) == len(bank)
    assert bank.tenants == {"t": len(members)}


def test_a_slot_is_reused_and_holds_nothing_of_its_last_series() -> None:
    bank, members = SeriesBank(), fresh(10)
    bank.add(members)
    bank.slots["value"][:10] = 9.0
    bank.forget(7)
    bank.forget(3)
    assert bank.slots_of(ids(members))[[3, 7]].tolist() == [-1, -1]
    assert bank.add(fresh(3, "new", "u")) == [3, 7, 10]
    assert bank.slots["value"][[3, 7]].tolist() == [0.0, 0.0]
    assert bank.tenants == {"t": 8, "u": 3}


def restored(blocks: dict[str, bytes], used: int) -> SeriesBank:
    bank = SeriesBank()
    for key, value in blocks.items():
        bank.load_block(key, value)
    bank.finish_load(used)
    return bank


def test_blocks_bring_back_slots_names_and_holes() -> None:
    bank, members = SeriesBank(), fresh(BLOCK + 40)
    bank.add(members)
    bank.slots["value"][: bank.used] = np.arange(bank.used)
    bank.slots["ring"][: bank.used, 5, 0] = 1.0
    bank.mark_all()
    blocks = dict(bank.take_blocks())
    bank.forget(11)
    blocks |= dict(bank.take_blocks())
    back = restored(blocks, bank.used)
    assert back.slots_of(ids(members)).tolist() == bank.slots_of(ids(members)).tolist()
    assert back.identities == bank.identities
    for name in SLOT.names or ():
        np.testing.assert_array_equal(back.slots[name][: bank.used], bank.slots[name][: bank.used], name)
    assert back.add(fresh(1, "again")) == [11]


def test_only_what_changed_is_taken_and_records_stay_small() -> None:
    bank = SeriesBank()
    bank.add(fresh(BLOCK + 40))
    bank.mark_all()
    blocks = dict(bank.take_blocks())
    assert sum(key.startswith("ring/") for key in blocks) == 2 * BUCKETS
    assert max(map(len, blocks.values())) < 1_000_000
    assert list(bank.take_blocks()) == []
    bank.slots["dirty"][BLOCK + 1] |= HOT_DIRTY
    bank.slots["ring_dirty"][3, 1] = 2
    assert [key for key, _ in bank.take_blocks()] == ["ring/0/65", "hot/1"]


def test_foreign_records_are_refused() -> None:
    with pytest.raises(CheckpointError):
        SeriesBank().load_block("hot/0", b"nonsense")
    with pytest.raises(CheckpointError, match="not there"):
        SeriesBank().load_block("ring/0/89", b"nonsense")
    with pytest.raises(CheckpointError, match="group"):
        SeriesBank().load_block("names/3", b'[[1, "t", "x"]]')

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.checkpoints import CheckpointSettings, KeyedRecord, Manifest, Restored, claim_of, records_of
from schemas.errors import CheckpointError


def _checkpoint(number: int, blocks: Mapping[str, bytes | None], claim: str = "") -> list[KeyedRecord]:
    manifest = Manifest(number=number, offsets={"metrics.samples": number * 10}, blocks=len(blocks))
    records, last = records_of(3, blocks, manifest, claim)
    return [*records, last]


def _restore(*records: KeyedRecord) -> Restored:
    restored = Restored(3)
    for record in records:
        restored.feed(record.key, record.value, record.headers)
    return restored


def test_blocks_without_a_manifest_count_for_nothing() -> None:
    restored = _restore(*_checkpoint(1, {"a": b"1", "b": b"1"})[:-1])
    assert (restored.blocks, restored.manifest, restored.unfinished) == ({}, None, 2)


def test_the_newest_block_of_a_name_holds() -> None:
    restored = _restore(*_checkpoint(1, {"a": b"1", "b": b"1"}), *_checkpoint(2, {"b": b"2"}))
    assert restored.blocks == {"a": b"1", "b": b"2"}
    assert restored.manifest is not None
    assert restored.manifest.offsets == {"metrics.samples": 20}


def test_an_unfinished_tail_leaves_the_blocks_before_it() -> None:
    restored = _restore(*_checkpoint(1, {"a": b"1"}), *_checkpoint(2, {"a": b"2"})[:-1])
    assert restored.blocks == {"a": b"1"}
    assert restored.unfinished == 1


def test_a_later_checkpoint_does_not_adopt_blocks_that_a_dead_writer_left_unfinished() -> None:
    dead = [
        claim_of(3, "w1"),
        *_checkpoint(1, {"a": b"1"}, "w1"),
        *_checkpoint(2, {"a": b"from the future"}, "w1")[:-1],
    ]
    restored = _restore(*dead, claim_of(3, "w2"), *_checkpoint(2, {"b": b"2"}, "w2"))
    assert restored.blocks == {"a": b"1", "b": b"2"}
    assert restored.unfinished == 1


def test_a_failed_attempt_of_the_same_writer_does_not_mix_with_its_next() -> None:
    failed = _checkpoint(1, {"a": b"1"}, "w1")[:-1]
    restored = _restore(claim_of(3, "w1"), *failed, *_checkpoint(2, {"b": b"2"}, "w1"))
    assert restored.blocks == {"b": b"2"}


def test_what_a_replaced_writer_writes_after_the_claim_is_ignored() -> None:
    old = _checkpoint(7, {"a": b"old"}, "w1")
    restored = _restore(claim_of(3, "w1"), claim_of(3, "w2"), *_checkpoint(1, {"a": b"new"}, "w2"), *old)
    assert restored.blocks == {"a": b"new"}
    assert restored.manifest is not None
    assert restored.manifest.number == 1


def test_a_manifest_of_another_version_is_not_guessed_at() -> None:
    with pytest.raises(CheckpointError, match="cannot be read"):
        _restore(KeyedRecord(b"3/m", b'{"v": 2, "number": 1, "offsets": {}, "blocks": 0}'))


@pytest.mark.parametrize("key", [b"4/a", b"nonsense", None], ids=["another partition", "no block", "no key"])
def test_a_foreign_record_is_an_error(key: bytes | None) -> None:
    with pytest.raises(CheckpointError, match="a record with key"):
        Restored(3).feed(key, b"")


def test_a_block_may_not_take_the_manifests_name() -> None:
    with pytest.raises(CheckpointError, match="may not be named"):
        _checkpoint(1, {"m": b""})


_CHECKPOINTS = st.lists(st.dictionaries(st.sampled_from("uvwxyz"), st.binary(max_size=3), max_size=6), max_size=6)


@given(_CHECKPOINTS, st.data())
def test_wherever_a_log_is_cut_the_state_is_that_of_its_last_manifest(
    checkpoints: list[dict[str, bytes]], data: st.DataObject
) -> None:
    log = [record for number, blocks in enumerate(checkpoints) for record in _checkpoint(number, blocks)]
    cut = data.draw(st.integers(0, len(log)))
    whole = sum(1 for record in log[:cut] if record.key == b"3/m")
    expected: dict[str, bytes] = {}
    for blocks in checkpoints[:whole]:
        expected |= blocks
    assert _restore(*log[:cut]).blocks == expected


@given(_CHECKPOINTS, st.data())
def test_compaction_of_a_log_of_transactions_changes_nothing(
    checkpoints: list[dict[str, bytes]], data: st.DataObject
) -> None:
    log = [record for number, blocks in enumerate(checkpoints) for record in _checkpoint(number, blocks)]
    last = {record.key: position for position, record in enumerate(log)}
    dropped = data.draw(st.sets(st.integers(0, max(0, len(log) - 1))))
    compacted = [one for at, one in enumerate(log) if at not in dropped or last[one.key] == at]
    assert _restore(*compacted).blocks == _restore(*log).blocks


def test_checkpoints_come_less_often_where_they_cost_more() -> None:
    settings = CheckpointSettings(max_cost_ratio=0.1)
    assert settings.interval(transactions=True) == 5.0
    assert settings.interval(transactions=False) == 60.0
    assert settings.due_after_s(5.0, cost_s=3.0) == pytest.approx(30.0)


def test_a_block_that_is_gone_is_gone_with_the_manifest_that_says_so() -> None:
    first, second = _checkpoint(1, {"a": b"1", "b": b"1"}), _checkpoint(2, {"a": None})
    assert _restore(*first, *second[:-1]).blocks == {"a": b"1", "b": b"1"}
    assert _restore(*first, *second).blocks == {"b": b"1"}
    assert second[0].value is None

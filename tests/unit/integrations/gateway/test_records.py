"""Messages taken apart: topics, spans, times, and what the rejected topic gets."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integrations.gateway.records import RecordTimes, by_topic, stretches
from integrations.gateway.rejected import MAX_VALUE_BYTES, rejected_record


def test_messages_of_topics_that_interleave_keep_their_order(message: Any) -> None:
    mixed = [message(b"x", at, "a" if at % 3 else "b") for at in range(9)]
    grouped = {topic: [one.at for one in theirs] for topic, theirs in by_topic(stretches(mixed)).items()}
    assert grouped == {"a": [1, 2, 4, 5, 7, 8], "b": [0, 3, 6]}


def test_a_stretch_says_what_was_read_of_a_partition(message: Any) -> None:
    mixed = [message(b"x", at, of_partition=at % 2, time_ms=1000 + at) for at in range(10, 15)]
    found = {one.source: (one.first, one.last, one.first_ms, one.last_ms) for one in stretches(mixed)}
    assert found == {("metrics", 0): (10, 14, 1010, 1014), ("metrics", 1): (11, 13, 1011, 1013)}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sources=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2)), max_size=30))
def test_nothing_is_lost_or_moved_within_its_partition(message: Any, sources: list[tuple[str, int]]) -> None:
    mixed = [message(b"x", at, topic, partition) for at, (topic, partition) in enumerate(sources)]
    found = {one.source: [message.at for message in one.messages] for one in stretches(mixed)}
    expected: dict[tuple[str, int], list[int]] = {}
    for at, source in enumerate(sources):
        expected.setdefault(source, []).append(at)
    assert found == expected


def test_a_message_without_a_time_has_time_zero(message: Any) -> None:
    times = RecordTimes([message(b"x", time_ms=0), message(b"x", time_ms=7)])
    assert list(times) == [0, 7]
    assert list(times[1:]) == [7]


def test_a_rejected_record_carries_its_bytes_and_origin(message: Any) -> None:
    record = rejected_record(message(b"\x00bad", 7, "telegraf", 3, 55), "not_json", "line 1: \ud800 é")
    assert record.value == b"\x00bad"
    assert dict(record.headers) == {
        "reason": b"not_json",
        "source_topic": b"telegraf",
        "source_partition": b"3",
        "source_offset": b"7",
        "source_timestamp": b"55",
        "detail": b"line 1: \\ud800 \xc3\xa9",
    }


def test_a_rejected_tombstone_stays_one(message: Any) -> None:
    assert rejected_record(message(None), "tombstone", "").value is None


def test_a_rejected_record_always_fits_a_message(message: Any) -> None:
    record = rejected_record(message(b"x" * (MAX_VALUE_BYTES + 10)), "not_json", "d" * 10_000)
    assert record.value is not None
    assert len(record.value) == MAX_VALUE_BYTES
    assert dict(record.headers)["truncated_from"] == str(MAX_VALUE_BYTES + 10).encode()
    assert len(dict(record.headers)["detail"]) == 500

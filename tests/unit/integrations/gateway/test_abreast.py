"""Partitions that are ahead wait for the slowest, and nobody waits for one that cannot move."""

from __future__ import annotations

from integrations.gateway.abreast import STALLED_S, Abreast

A, B, C = (("metrics", number) for number in range(3))
BACKLOG = {A: 100, B: 100, C: 100}


def at(times_s: dict[tuple[str, int], float], now_s: float = 0.0) -> Abreast:
    abreast = Abreast(30_000)
    for source, time_s in times_s.items():
        abreast.read(source, int(time_s * 1000), now_s)
    return abreast


def test_one_that_is_far_ahead_waits() -> None:
    assert at({A: 100, B: 60, C: 75}).waiting(BACKLOG, 0.0) == {A}


def test_at_the_end_of_all_partitions_nobody_waits() -> None:
    assert at({A: 100, B: 0, C: 50}).waiting(dict.fromkeys(BACKLOG, 0), 0.0) == set()


def test_one_that_waits_goes_on_when_the_slowest_is_near() -> None:
    abreast = at({A: 100, B: 60})
    assert abreast.waiting(BACKLOG, 0.0) == {A}
    abreast.read(B, 75_000, 1.0)  # within the limit, but not near yet
    assert abreast.waiting(BACKLOG, 1.0) == {A}
    abreast.read(B, 90_000, 2.0)
    assert abreast.waiting(BACKLOG, 2.0) == set()


def test_a_stalled_partition_holds_nobody_back() -> None:
    abreast = at({A: 100, B: 10})
    assert abreast.waiting(BACKLOG, STALLED_S - 0.1) == {A}
    abreast.read(A, 100_000, STALLED_S)
    assert abreast.waiting(BACKLOG, STALLED_S + 0.1) == set()


def test_those_that_wait_do_not_count_as_stalled_among_themselves() -> None:
    abreast = at({A: 100, B: 60})
    assert abreast.waiting(BACKLOG, 0.0) == {A}
    assert abreast.waiting({A: 100, B: 0}, 100.0) == set()


def test_a_partition_that_was_handed_over_is_forgotten() -> None:
    abreast = at({A: 100, B: 0})
    abreast.keep([A])
    assert abreast.waiting(BACKLOG, 0.0) == set()


def test_a_partition_with_a_rare_record_holds_nobody_back() -> None:
    abreast = at({B: 0}, now_s=0.0)
    abreast.read(A, 600_000, 600.0)
    assert abreast.waiting({A: 5, B: 1}, 600.0) == set()

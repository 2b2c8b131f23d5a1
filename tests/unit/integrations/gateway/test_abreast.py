"""Partitions that are ahead wait for the slowest, and nobody waits for one that cannot move."""

from __future__ import annotations

from typing import Any

from integrations.gateway.abreast import STALLED_S, Abreast, HeldBack
from integrations.gateway.records import stretches

A, B, C = (("metrics", number) for number in range(3))
BACKLOG = {A: 100, B: 100, C: 100}


def read(abreast: Abreast, source: tuple[str, int], time_s: float, now_s: float = 0.0) -> None:
    abreast.begin(int(time_s * 1000))
    abreast.read(source, int(time_s * 1000), now_s)


def at(times_s: dict[tuple[str, int], float], now_s: float = 0.0) -> Abreast:
    abreast = Abreast(30_000)
    for source, time_s in times_s.items():
        read(abreast, source, time_s, now_s)
    return abreast


def horizons(abreast: Abreast, *sources: tuple[str, int]) -> list[float | None]:
    found = [abreast.horizon_ms(source) for source in sources]
    return [one if one is None else one / 1000 for one in found]


def test_everybody_waits_for_the_slowest_of_the_others() -> None:
    abreast = at({A: 100, B: 60, C: 75})
    abreast.look(BACKLOG, 0.0)
    assert horizons(abreast, A, B, C) == [90, 105, 90]


def test_at_the_end_of_all_partitions_nobody_waits() -> None:
    abreast = at({A: 100, B: 0, C: 50})
    abreast.look(dict.fromkeys(BACKLOG, 0), 0.0)
    assert horizons(abreast, A, B, C) == [None, None, None]


def test_a_partition_alone_waits_for_nobody() -> None:
    abreast = at({A: 100, B: 0})
    abreast.look({A: 100, B: 0}, 0.0)
    assert horizons(abreast, A) == [None]


def test_a_stalled_partition_holds_nobody_back() -> None:
    abreast = at({A: 100, B: 10})
    abreast.look(BACKLOG, STALLED_S - 0.1)
    assert horizons(abreast, A) == [40]
    abreast.look(BACKLOG, STALLED_S + 0.1)
    assert horizons(abreast, A) == [None]


def test_one_that_waits_itself_is_not_stalled() -> None:
    abreast = at({A: 100, B: 60})
    abreast.look(BACKLOG, 100.0, holding={A})
    assert horizons(abreast, B) == [130]


def test_a_new_assignment_forgets_the_old_one() -> None:
    abreast = at({A: 100, B: 0})
    abreast.assign([A], 0.0)
    read(abreast, A, 100)
    abreast.look(BACKLOG, 0.0)
    assert horizons(abreast, A) == [None]


def test_a_partition_with_a_rare_record_holds_nobody_back() -> None:
    abreast = at({B: 0}, now_s=0.0)
    read(abreast, A, 600, 600.0)
    abreast.look({A: 5, B: 1}, 600.0)
    assert horizons(abreast, A) == [None]


def test_one_that_has_brought_nothing_yet_is_waited_for() -> None:
    abreast = Abreast(30_000)
    abreast.assign([A, B, C], 0.0)
    abreast.begin(5_000)
    assert horizons(abreast, A) == [35]
    abreast.read(A, 60_000, 0.1)
    abreast.look({A: 100, B: None, C: 0}, 0.1)
    assert horizons(abreast, A, B) == [35, 90]
    abreast.look({A: 100, B: 0, C: 0}, 0.2)
    assert horizons(abreast, A) == [None]
    abreast.look({A: 100, B: 7, C: 0}, 0.3)
    read(abreast, B, 55, 0.4)
    assert horizons(abreast, A) == [85]
    abreast.look({A: 100, B: None}, STALLED_S + 0.5)
    assert horizons(abreast, A) == [None]


class Held:
    """A holder whose horizons the test sets."""

    def __init__(self, limit_bytes: int = 1000) -> None:
        self.horizons: dict[tuple[str, int], int | None] = {A: None, B: None}
        self.held = HeldBack(self.horizons.get, limit_bytes)

    def admit(self, messages: list[Any]) -> list[int]:
        return sorted(one.at for free in self.held.admit(stretches(messages)) for one in free.messages)

    def release(self) -> list[int]:
        is_free, found = self.held.is_free, self.held.release()
        assert is_free == bool(found)
        return [one.at for free in found for one in free.messages]


def test_what_lies_beyond_the_horizon_is_held_until_it_moves(message: Any) -> None:
    holder = Held()
    holder.horizons[A] = 104
    assert holder.admit([message(b"x", at, of_partition=at % 2, time_ms=100 + at) for at in range(10)]) == [
        0, 1, 2, 3, 4, 5, 7, 9,
    ]  # fmt: skip
    assert holder.held.sources == {A}
    assert holder.release() == []
    holder.horizons[A] = 107
    assert holder.release() == [6]
    holder.horizons[A] = None
    assert holder.release() == [8]
    assert holder.held.sources == set()


def test_nothing_overtakes_what_is_held(message: Any) -> None:
    holder = Held()
    holder.horizons[A] = 100
    assert holder.admit(
        [message(b"x", 0, time_ms=50), message(b"x", 1, time_ms=200), message(b"x", 2, time_ms=60)]
    ) == [0, 1, 2]
    assert holder.admit([message(b"x", 3, time_ms=60), message(b"x", 4, time_ms=200)]) == [3]
    assert holder.admit([message(b"x", 5, time_ms=60)]) == []
    holder.horizons[A] = 300
    assert holder.release() == [4, 5]


def test_what_is_held_has_a_ceiling(message: Any) -> None:
    holder = Held(limit_bytes=1000)
    holder.horizons[A] = 0
    for at in range(4):
        assert holder.admit([message(b"x" * 50, at, time_ms=1)]) == []
        assert holder.release() == []
    assert holder.admit([message(b"x" * 50, 4, time_ms=1)]) == []
    assert holder.release() == [0, 1, 2, 3, 4]
    assert holder.held.sources == set()


def test_a_partition_that_fills_its_share_brings_no_more_until_it_is_down_to_half(message: Any) -> None:
    holder = Held(limit_bytes=4000)
    holder.horizons[A] = 0
    holder.admit([message(b"x" * 300, at, time_ms=1 + at) for at in range(4)])  # 2000 bytes with what a message takes
    assert holder.held.heavy(1, ()) == set()
    assert holder.held.heavy(4, ()) == {A}
    holder.horizons[A] = 2
    assert holder.release() == [0, 1]
    assert holder.held.heavy(4, ()) == set()
    assert holder.held.heavy(4, {A}) == {A}
    holder.horizons[A] = 4
    assert holder.release() == [2, 3]
    assert holder.held.heavy(4, {A}) == set()


def test_what_is_held_of_one_partition_goes_on_before_what_cannot_be_read_of_it(message: Any) -> None:
    holder = Held()
    holder.horizons |= {A: 0, B: 0}
    holder.admit([message(b"x", at, of_partition=at % 2, time_ms=1) for at in range(6)])
    (free,) = holder.held.release_all(A)
    assert [one.at for one in free.messages] == [0, 2, 4]
    assert holder.held.release_all(A) == []
    assert holder.held.sources == {B}
    holder.horizons[B] = None
    assert holder.release() == [1, 3, 5]

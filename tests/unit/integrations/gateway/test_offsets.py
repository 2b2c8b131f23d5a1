"""Offsets rise only past what is delivered."""

from __future__ import annotations

from integrations.gateway.offsets import Flights


def test_a_later_flight_waits_for_an_earlier_one() -> None:
    flights = Flights()
    started = []
    for number in range(3):
        flights.open.cover(("metrics", 0), number * 10, number * 10 + 9)
        started.append(flights.depart())
        started[-1].undelivered = 1
    started[2].undelivered = 0
    started[1].undelivered = 0
    assert flights.landed() == {}
    started[0].undelivered = 0
    assert flights.landed() == {("metrics", 0): 30}
    assert len(flights) == 0


def test_each_partition_has_its_own_offset() -> None:
    flights = Flights()
    flights.open.cover(("metrics", 0), 0, 4)
    flights.open.cover(("metrics", 1), 7, 7)
    flights.open.cover(("metrics", 0), 5, 6)
    flight = flights.depart()
    assert flight.source_ranges() == (("metrics", 0, 0, 6), ("metrics", 1, 7, 7))
    assert flights.landed() == {("metrics", 0): 7, ("metrics", 1): 8}


def test_nothing_read_is_no_flight() -> None:
    flights = Flights()
    flights.depart()
    assert len(flights) == 0
    assert flights.landed() == {}

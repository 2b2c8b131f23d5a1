"""By which clock a process notices that it stood still."""

from __future__ import annotations

from types import SimpleNamespace

from agents.lease import Lease, counting_sleep


def test_the_clock_goes_on_while_the_machine_is_suspended_where_it_has_such_a_one() -> None:
    linux = SimpleNamespace(CLOCK_BOOTTIME=7, clock_gettime={7: 90.0}.__getitem__, monotonic=lambda: 1.0)
    other = SimpleNamespace(monotonic=lambda: 1.0)
    assert (counting_sleep(linux)(), counting_sleep(other)()) == (90.0, 1.0)


def test_a_lease_breaks_over_a_suspension_in_which_the_monotonic_clock_stood_still() -> None:
    source = SimpleNamespace(CLOCK_BOOTTIME=7, clock_gettime=lambda _: now[0], monotonic=lambda: 1.0)
    now, broken = [0.0], []
    lease = Lease(1.0, lambda: broken.append(True), counting_sleep(source))
    assert lease.holds
    now[0] = 3600.0
    assert (lease.holds, broken) == (False, [True])

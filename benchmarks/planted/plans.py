"""The cases: which signal, which fault, and what the roadmap asks for."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.planted.faults import DROP, FREEZE, RAMP, STEP, STOP, TREND, WIDEN, Fault, lasting
from benchmarks.planted.signals import Signal

MINUTE_S, HOUR_S = 60.0, 3600.0

# Of the family "any", whose floor is a fifth of the level: at a spread of a fifth, the floor is one sigma and binds
# nothing; at a twentieth, it is four sigma, and by design a smaller change is nobody's concern.
GAUGE = Signal("gaussian")
SLIM = Signal("slim", sigma=5.0)
FINE = Signal("fine", sigma=1.0)
DAILY = Signal("daily", sigma=10.0, daily=0.4, settle_days=2)
STICKY = Signal("ar1", noise="ar1")
SKEWED = Signal("lognormal", noise="lognormal")
TAILED = Signal("student", noise="student")
COUNTS = Signal("integer", level=4.0, sigma=2.0, noise="poisson")
BURSTS = Signal("bursty", level=4.0, sigma=2.0, noise="bursty")
OFFICE = Signal("office", sigma=10.0, weekly="office", settle_days=7)
MONDAY = Signal("monday", sigma=10.0, weekly="monday", settle_days=7)
CPU = Signal("cpu", "node_cpu_ratio", "1", 0.41, 0.04, "ar1", daily=0.2, low=0.0, high=1.0, memory_s=120, settle_days=2)
LATENCY = Signal("latency", "http_request_duration_seconds", "s", 0.12, 0.03, "lognormal", low=0.0)
DISK = Signal("disk", "node_disk_used_ratio", "1", 0.6, 0.002, low=0.0, high=1.0)


@dataclass(frozen=True, slots=True)
class Plan:
    """One row of the table.

    Parameters
    ----------
    key, row, what
        In keys; the roadmap's row, empty where it names none; for people.
    signal, fault, size
        What is normal, what goes wrong, and how far: in the series' unit, or as a factor.
    within_s
        An anomaly counts that starts no later after the first faulty sample.
    watched_s
        How long the series goes on after it.
    goal
        The least share that is to be found; None where the roadmap names none.
    interval_s
        Between samples.
    history_days
        The least time before the onset, which lies anywhere in the day after it.
    """

    key: str
    row: str
    what: str
    signal: Signal
    fault: Fault
    size: float
    within_s: float
    watched_s: float
    goal: float | None = None
    interval_s: float = 15.0
    history_days: float = 1.0


def _spike(key: str, what: str, signal: Signal, interval_s: float = 15.0) -> Plan:
    size = 8 * signal.sigma
    return Plan(f"spike_{key}", "3.2", f"8 sigma, {what}", signal, STEP, size, interval_s, HOUR_S, 0.95, interval_s)


def _shift(key: str, what: str, signal: Signal, interval_s: float = 15.0, days: float = 1.0) -> Plan:
    within_s, size = 15 * MINUTE_S, 3 * signal.sigma
    what = f"3 sigma, {what}"
    return Plan(f"shift_{key}", "3.3", what, signal, STEP, size, within_s, HOUR_S, 0.95, interval_s, days)


def _ramp(key: str, what: str, signal: Signal, interval_s: float = 15.0) -> Plan:
    size = signal.sigma
    what = f"1 sigma/h, {what}"
    return Plan(f"ramp_{key}", "3.4", what, signal, RAMP, size, 2 * HOUR_S, 6 * HOUR_S, 0.90, interval_s)


def _trend(key: str, what: str, signal: Signal, a_day: float) -> Plan:
    within_s = 36 * HOUR_S
    return Plan(f"trend_{key}", "3.5", what, signal, TREND, a_day, within_s, 2 * within_s, 0.90, 60.0, 6.0)


def _drift(key: str, what: str, signal: Signal, size: float) -> Plan:
    return Plan(f"drift_{key}", "8.7", what, signal, STEP, size, 6 * HOUR_S, 12 * HOUR_S, 0.95, 60.0, 3.0)


def _other(key: str, what: str, fault: Fault, size: float, within_s: float) -> Plan:
    return Plan(key, "", what, GAUGE, fault, size, within_s, 2 * HOUR_S)


PLANS: tuple[Plan, ...] = (
    _spike("15s", "every 15 s", GAUGE),
    _spike("10s", "every 10 s", GAUGE, 10.0),
    _spike("60s", "every 60 s", GAUGE, 60.0),
    _spike("slim", "spread 5 % of the level", SLIM),
    _spike("cpu", "CPU ratio 0.41 +- 0.04", CPU),
    _spike("latency", "latency 120 +- 30 ms", LATENCY),
    _shift("15s", "every 15 s", GAUGE),
    _shift("60s", "every 60 s", GAUGE, 60.0),
    _shift("old", "known for 8 days", GAUGE, 60.0, 8.0),
    _shift("slim", "spread 5 % of the level", SLIM),
    _shift("ar1", "noise of 10 min memory", STICKY),
    _shift("daily", "on a daily cycle", DAILY, 60.0, 3.0),
    _shift("lognormal", "lognormal noise", SKEWED),
    _ramp("15s", "every 15 s", GAUGE),
    _ramp("60s", "every 60 s", GAUGE, 60.0),
    _ramp("slim", "spread 5 % of the level", SLIM),
    _trend("disk", "disk +1 % of its size a day", DISK, 0.01),
    _trend("gauge", "+1 % of the level a day", FINE, 1.0),
    _drift("slim", "level +20 %, spread 5 %", SLIM, 20.0),
    _drift("wide", "level +20 %, spread 20 %", GAUGE, 20.0),
    _drift("cpu", "CPU 0.41 to 0.49 on a daily cycle", CPU, 0.08),
    _other("spike_one", "one sample of 8 sigma", lasting(STEP, 15.0), 8 * GAUGE.sigma, 5 * MINUTE_S),
    _other("spike_two", "two samples of 8 sigma", lasting(STEP, 30.0), 8 * GAUGE.sigma, 5 * MINUTE_S),
    _other("drop", "4 sigma down", DROP, -4 * GAUGE.sigma, 15 * MINUTE_S),
    _other("widen", "spread times 3", WIDEN, 3.0, HOUR_S),
    _other("freeze", "the same value again and again", FREEZE, 0.0, HOUR_S),
    _other("stop", "no sample any more", STOP, 0.0, 10 * MINUTE_S),
)

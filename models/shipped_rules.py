"""The threshold rules that ship."""

from __future__ import annotations

from typing import Final, Literal

from models.rules import ThresholdRule

_DAY_S: Final = 86_400.0
_FREE_SPACE: Final = (
    "node_(disk|filesystem)_(free|avail)_bytes|node_filesystem_files_free|disk_free|disk_inodes_free"
    "|kubelet_volume_stats_(available_bytes|inodes_free)"
)


def _full_soon(form: str, select: str, limit: float, towards: Literal["up", "down"] = "up") -> list[ThresholdRule]:
    """Rules on the time until a disk is full, for one form that it is told in.

    A page needs a near end that is also a sure one; the notice is for who plans. What one drop withdraws, a rotation
    perhaps, is said on for half a day.
    """
    shared = {"select": select, "function": "eta", "comparison": "<", "limit": limit, "towards": towards}
    rows: list[dict[str, object]] = [
        {
            "name": f"disk_full_in_3_days{form}",
            "threshold": 3 * _DAY_S,
            "latest_s": 7 * _DAY_S,
            "priority": "P0",
            "severity": "critical",
            "safety": True,
            "summary": "A disk will be full in less than 3 days",
        },
        {
            "name": f"disk_full_in_7_days{form}",
            "threshold": 7 * _DAY_S,
            "latest_s": 14 * _DAY_S,
            "priority": "P1",
            "severity": "warning",
            "summary": "A disk will be full in less than 7 days",
        },
        {
            "name": f"disk_fills_up{form}",
            "threshold": 60 * _DAY_S,
            "priority": "P3",
            "severity": "info",
            "summary": "A disk fills up",
        },
    ]
    return [ThresholdRule.model_validate({**shared, "keep_firing_for_s": 43_200, **row}) for row in rows]


SHIPPED_RULES: Final[tuple[ThresholdRule, ...]] = (
    ThresholdRule(
        name="oom_kill",
        select='{__name__=~"node_oom_kills_total|node_vmstat_oom_kill|kernel_vmstat_oom_kill|container_oom_events_total"}',
        function="increase",
        threshold=0,
        priority="P0",
        severity="critical",
        safety=True,
        summary="The kernel killed a process for want of memory",
    ),
    ThresholdRule(
        name="disk_almost_full",
        select='{__name__=~"node_(disk|filesystem)_used_ratio"}',
        threshold=0.95,
        for_s=60,
        priority="P1",
        severity="critical",
        summary="A disk is almost full",
    ),
    ThresholdRule(
        name="disk_almost_full_percent",
        select='{__name__="disk_used_percent"}',
        threshold=95,
        for_s=60,
        priority="P1",
        severity="critical",
        summary="A disk is almost full",
    ),
    *_full_soon("", '{__name__=~"node_(disk|filesystem)_used_ratio"}', limit=1.0),
    *_full_soon("_percent", '{__name__=~"disk_used_percent|disk_inodes_used_percent"}', limit=100.0),
    *_full_soon("_free", f'{{__name__=~"{_FREE_SPACE}"}}', limit=0.0, towards="down"),
    ThresholdRule(
        name="memory_almost_full",
        select="node_memory_used_ratio",
        threshold=0.97,
        for_s=120,
        summary="Memory is almost used up",
    ),
    ThresholdRule(
        name="memory_almost_full_percent",
        select="mem_used_percent",
        threshold=97,
        for_s=120,
        summary="Memory is almost used up",
    ),
    ThresholdRule(
        name="host_pressure_io",
        select="node_cpu_iowait_ratio",
        function="avg",
        threshold=0.5,
        for_s=300,
        summary="The host waits for its disks",
    ),
    ThresholdRule(
        name="host_pressure_memory",
        select="node_pressure_memory_stalled_seconds_total",
        function="avg",
        threshold=0.1,
        for_s=60,
        summary="The host stalls for want of memory",
    ),
)

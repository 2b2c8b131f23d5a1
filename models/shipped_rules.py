"""The threshold rules that ship."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from models.rules import Function, ThresholdRule

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


class _Form(NamedTuple):
    """One of the forms that a pressure is told in, and its limit there."""

    suffix: str
    function: Function
    select: str
    threshold: float


def _pressure(name: str, summary: str, for_s: float, *forms: _Form) -> list[ThresholdRule]:
    """Rules on what a host is short of; they wait for so long because a start, a build or a backup is no fault."""
    return [
        ThresholdRule(
            name=name + one.suffix,
            select=one.select,
            function=one.function,
            threshold=one.threshold,
            for_s=for_s,
            summary=summary,
        )
        for one in forms
    ]


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
    *_pressure(
        "memory_almost_full",
        "Memory is almost used up",
        120,
        _Form("", "last", "node_memory_used_ratio", 0.97),
        _Form("_percent", "last", "mem_used_percent", 97),
    ),
    *_pressure(
        "host_pressure_io",
        "The host waits for its disks",
        300,
        _Form("", "avg", "node_cpu_iowait_ratio", 0.5),
        _Form("_percent", "avg", 'cpu_usage_iowait{cpu="cpu-total"}', 50),
    ),
    *_pressure(
        "host_pressure_io_core",
        "A core does nothing but wait for a disk",
        1800,
        _Form("", "rate", 'node_cpu_seconds_total{mode="iowait"}', 0.9),
    ),
    *_pressure(
        "host_stalls_io",
        "All that is to run waits for a disk",
        1800,
        _Form("", "rate", "node_pressure_io_stalled_seconds_total", 0.9),
        _Form("_percent", "last", 'pressure_avg300{resource="io",type="full"}', 90),
    ),
    *_pressure(
        "host_pressure_cpu",
        "There is always something that waits for a CPU",
        1800,
        _Form("", "rate", "node_pressure_cpu_waiting_seconds_total", 0.9),
        _Form("_percent", "last", 'pressure_avg300{resource="cpu",type="some"}', 90),
    ),
    *_pressure(
        "host_overloaded",
        "Twice as much is to run as there are cores",
        900,
        _Form("", "last", "node_load15_per_core", 2),
    ),
    *_pressure(
        "host_pressure_memory",
        "The host stalls for want of memory",
        60,
        _Form("", "rate", "node_pressure_memory_stalled_seconds_total", 0.1),
        _Form("_percent", "last", 'pressure_avg60{resource="memory",type="full"}', 10),
    ),
    # Of node_exporter's mixin: https://github.com/prometheus/node_exporter/tree/master/docs/node-mixin
    *_pressure(
        "host_reads_memory_back",
        "The host reads back from its disks what memory had no room for",
        900,
        _Form("", "rate", '{__name__=~"node_vmstat_pgmajfault|kernel_vmstat_pgmajfault"}', 500),
    ),
    # Of the mixin for Kubernetes, metrics of kube-state-metrics; a container's death for want of memory is oom_kill, a
    # volume that fills disk_full_*_free: https://github.com/kubernetes-monitoring/kubernetes-mixin/tree/master/alerts
    ThresholdRule(
        name="kube_crash_loop",
        select='kube_pod_container_status_waiting_reason{reason="CrashLoopBackOff"}',
        function="max",
        window_s=300,
        comparison=">=",
        threshold=1,
        for_s=900,
        summary="A container crashes whenever it is started",
    ),
    ThresholdRule(
        name="kube_container_restarts",
        select="kube_pod_container_status_restarts_total",
        function="increase",
        window_s=3600,
        threshold=5,
        summary="A container was started anew more than five times in an hour",
    ),
    ThresholdRule(
        name="kube_node_not_ready",
        select='kube_node_status_condition{condition="Ready",status="true"}',
        comparison="<",
        threshold=1,
        for_s=900,
        summary="A node of the cluster is not ready",
    ),
)

"""What ships: every rule, every SLO and every metric of the collector finds a runbook, and the right one."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Final

import pytest

from metrics_ai.runbook_files import shipped_runbooks
from metrics_ai.slo_files import shipped_slos
from models.shipped_rules import SHIPPED_RULES
from runbooks.library import Library, read_library
from runbooks.spec import Runbook
from slo.definition import BucketIndicator, DerivedIndicator, RatioIndicator, Slo

LIBRARY: Final = read_library([], shipped_runbooks())
RUNBOOKS: Final = LIBRARY.runbooks
# Of names of which a rule takes several, one that a producer sends.
SENT = {
    "oom_kill": [
        "node_oom_kills_total",
        "node_vmstat_oom_kill",
        "kernel_vmstat_oom_kill",
        "container_oom_events_total",
    ],
    "disk_almost_full": ["node_disk_used_ratio", "node_filesystem_used_ratio"],
    "disk_full_in_3_days": ["node_disk_used_ratio"],
    "disk_full_in_7_days": ["node_disk_used_ratio"],
    "disk_fills_up": ["node_disk_used_ratio"],
    "disk_full_in_3_days_percent": ["disk_used_percent", "disk_inodes_used_percent"],
    "disk_full_in_3_days_free": ["disk_free", "disk_inodes_free", "node_filesystem_files_free"],
    "host_reads_memory_back": ["node_vmstat_pgmajfault"],
    "kube_crash_loop": ["kube_pod_container_status_waiting_reason"],
    "kube_container_restarts": ["kube_pod_container_status_restarts_total"],
    "kube_node_not_ready": ["kube_node_status_condition"],
}
OF_RULES = {
    "oom_kill": "oom-kill",
    "disk_": "disk-filling",
    "memory_almost_full": "memory-pressure",
    "host_pressure_io": "disk-latency",
    "host_stalls_io": "disk-latency",
    "host_pressure_cpu": "node-pressure",
    "host_overloaded": "node-pressure",
    "host_pressure_memory": "memory-pressure",
    "host_reads_memory_back": "memory-pressure",
    "kube_crash_loop": "bad-deploy",
    "kube_container_restarts": "bad-deploy",
    "kube_node_not_ready": "node-not-reporting",
}
OF_SLOS = {
    "alert-accuracy": "slo-budget-spent",
    "disk-availability": "disk-filling",
    "io-performance": "disk-latency",
    "network-utilisation": "network-saturation",
    "node-health": "node-pressure",
}
OF_METRICS = {
    "node_disk_used_ratio": "disk-filling",
    "node_filesystem_avail_bytes": "disk-filling",
    "kubelet_volume_stats_available_bytes": "disk-filling",
    "disk_inodes_used_percent": "inodes-exhausted",
    "kubelet_volume_stats_inodes_free": "inodes-exhausted",
    "node_memory_used_ratio": "memory-pressure",
    "node_memory_MemAvailable_bytes": "memory-pressure",
    "mem_used_percent": "memory-pressure",
    "node_swap_used_ratio": "memory-pressure",
    "node_pressure_memory_waiting_seconds_total": "memory-pressure",
    "node_oom_kills_total": "oom-kill",
    "node_cpu_iowait_ratio": "disk-latency",
    "cpu_usage_iowait": "disk-latency",
    "node_disk_read_bytes_total": "disk-latency",
    "node_disk_written_bytes_total": "disk-latency",
    "node_disk_reads_total": "disk-latency",
    "node_disk_writes_total": "disk-latency",
    "node_disk_io_time_seconds_total": "disk-latency",
    "node_pressure_io_stalled_seconds_total": "disk-latency",
    "node_processes_blocked": "disk-latency",
    "node_network_receive_bytes_total": "network-saturation",
    "node_network_transmit_packets_total": "network-saturation",
    "net_bytes_recv": "network-saturation",
    "node_network_errors_total": "network-errors",
    "node_network_receive_drop_total": "network-errors",
    "net_err_in": "network-errors",
    "node_cpu_ratio": "node-pressure",
    "node_cpu_steal_ratio": "node-pressure",
    "cpu_usage_user": "node-pressure",
    "node_load1": "node-pressure",
    "node_load15_per_core": "node-pressure",
    "system_load5": "node-pressure",
    "node_processes": "node-pressure",
    "node_processes_running": "node-pressure",
    "node_pressure_cpu_waiting_seconds_total": "node-pressure",
    "node_timex_offset_seconds": "clock-drift",
    "chrony_last_offset": "clock-drift",
    "ntpq_offset": "clock-drift",
    "probe_ssl_earliest_cert_expiry": "certificate-expiring",
    "x509_cert_expiry": "certificate-expiring",
    "certmanager_certificate_expiration_timestamp_seconds": "certificate-expiring",
    "kube_pod_container_status_restarts_total": "bad-deploy",
    "checkout_error_ratio": "service-errors",
    "http_5xx_total": "service-errors",
    "checkout_latency_ms": "service-latency",
    "http_request_duration_seconds": "service-latency",
}


def ids(found: list[Runbook]) -> list[str]:
    return [one.id for one in found]


def metrics_of(slo: Slo) -> str:
    """What the label ``metric`` of an objective's alerts holds."""
    match slo.indicator:
        case BucketIndicator(histogram=source):
            sources = [source]
        case RatioIndicator() as ratio:
            sources = [one for one in (ratio.good, ratio.bad, ratio.total) if one]
        case DerivedIndicator() as derived:
            return str(derived.source)
        case threshold:
            sources = [threshold.source]
    names = [one.metric or re.findall(r'__name__=~?"([^"]*)"', one.selector)[0] for one in sources]
    return ",".join(dict.fromkeys(names))


def labels_of(slo: Slo, alert: str, kind: str) -> dict[str, str]:
    return {
        **slo.labels,
        "slo": slo.name,
        "service": slo.service,
        "alert": alert,
        "kind": kind,
        "metric": metrics_of(slo),
    }


def test_the_library_has_one_a_trouble_and_all_files_are_good() -> None:
    assert len(RUNBOOKS) == 15
    assert LIBRARY.problems == ()
    assert {one.file.removeprefix("shipped/").removesuffix(".yaml") for one in LIBRARY.placed.values()} == set(
        LIBRARY.placed
    )


@pytest.mark.parametrize("name", [rule.name for rule in SHIPPED_RULES])
def test_every_shipped_rule_finds_its_runbook(name: str) -> None:
    wanted = next(runbook for prefix, runbook in OF_RULES.items() if name.startswith(prefix))
    for metric in SENT.get(name, ["some_metric"]):
        found = ids(LIBRARY.fitting({"alertname": name, "metric": metric, "node": "h1"}))
        assert found[0] == ("inodes-exhausted" if re.search("inodes|files_", metric) else wanted)


@pytest.mark.parametrize("slo", [one.slo for one in shipped_slos()], ids=lambda slo: slo.name)
def test_the_alerts_of_every_shipped_slo_find_its_runbook_and_that_of_budgets(slo: Slo) -> None:
    for alert, kind in (("budget-0.25", "budget"), ("page-quick", "burn"), ("sla", "sla")):
        found = ids(LIBRARY.fitting(labels_of(slo, alert, kind)))
        assert found[0] == OF_SLOS[slo.name]
        assert "slo-budget-spent" in found
    assert ids(LIBRARY.fitting(labels_of(slo, "no-data", "no_data"))) == ["node-not-reporting"]
    bare = {"slo": slo.name, "kind": "budget"}
    assert ids(LIBRARY.fitting(bare))[0] == OF_SLOS[slo.name], "whatever its metric is said to be"


@pytest.mark.parametrize("metric", OF_METRICS)
def test_an_anomaly_of_a_usual_metric_finds_its_runbook(metric: str) -> None:
    labels = {"alertname": "MetricAnomaly", "metric": metric, "node": "h1"}
    assert ids(LIBRARY.fitting(labels)) == [OF_METRICS[metric]]
    assert ids(LIBRARY.fitting({**labels, "alertname": "MetricMissing"}))[0] in {"node-not-reporting", "bad-deploy"}


def test_a_node_whose_signals_together_are_unusual_finds_that_of_nodes() -> None:
    labels = {"alertname": "EntityAnomaly", "metric": "some_metric", "node": "h1"}
    assert ids(LIBRARY.fitting(labels)) == ["node-pressure"]


def test_a_change_before_an_alert_brings_that_of_deploys() -> None:
    labels = {"alertname": "MetricAnomaly", "metric": "checkout_latency_ms", "change": "deploy"}
    assert ids(LIBRARY.fitting(labels)) == ["bad-deploy", "service-latency"]


def test_an_objective_on_requests_finds_that_of_errors_first() -> None:
    labels = {"slo": "checkout", "kind": "burn", "metric": "http_requests_total", "alert": "page-quick"}
    assert ids(LIBRARY.fitting(labels)) == ["service-errors", "slo-budget-spent"]


def test_what_nothing_fits_finds_nothing() -> None:
    assert Library().fitting({"alertname": "oom_kill"}) == []
    assert LIBRARY.fitting({"alertname": "MetricAnomaly", "metric": "orders"}) == []


@pytest.mark.parametrize("one", RUNBOOKS, ids=lambda one: one.id)
def test_a_shipped_runbook_says_all_that_it_should(one: Runbook) -> None:
    assert len(one.checks) >= 3
    assert len(one.steps) >= 3
    assert one.steps[0].risk != "high", "what is safe comes first"
    assert len(one.sources) >= 2
    assert one.mends.endswith(".")


def commands_of(one: Runbook) -> list[str]:
    return [check.command for check in one.checks] + [command for step in one.steps for command in step.commands]


@pytest.mark.parametrize("one", RUNBOOKS, ids=lambda one: one.id)
def test_a_shell_reads_every_command_and_placeholders_stand_in_quotes(one: Runbook) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not here")
    for command in commands_of(one):
        done = subprocess.run([bash, "-n", "-c", command], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), command
        assert re.findall(r'(?<!["\w./=:(])\$[A-Z]', command) == [], command


@pytest.mark.parametrize("one", RUNBOOKS, ids=lambda one: one.id)
def test_a_runbook_that_is_named_in_another_is_one(one: Runbook) -> None:
    named = set(re.findall(r"\bsee ([a-z]+-[a-z-]+[a-z])", one.model_dump_json()))
    assert named <= set(LIBRARY.placed)


@pytest.mark.parametrize("one", RUNBOOKS, ids=lambda one: one.id)
def test_a_check_changes_nothing(one: Runbook) -> None:
    changing = re.compile(
        r"(?<![-\w])(delete|drain|restart|scale|patch|undo|set-property|kill|rm|mv|sysctl -w|truncate)\b"
    )
    assert [check.command for check in one.checks if changing.search(check.command)] == []

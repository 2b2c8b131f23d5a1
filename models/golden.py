"""The four golden signals, recognised by the names that metrics have.

Latency, traffic, errors and saturation, as the SRE book has them: of a node its disks' waiting time, its bytes, its
failed packets, how full and how busy it is; of a service how long requests take, how many come, how many fail.

References
----------
https://sre.google/sre-book/monitoring-distributed-systems/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, get_args

from schemas.events import GoldenSignal

SIGNALS: Final[tuple[GoldenSignal, ...]] = get_args(GoldenSignal)

# Rows are tried in order, against the whole name in small letters with `_` for `.`, `/` and `-`. Who names metrics so:
# our collector, node_exporter, Telegraf, collectd, metricbeat; kube-state-metrics, cAdvisor; Istio, Linkerd, Envoy;
# OpenTelemetry, Prometheus' clients, nginx, HAProxy, Micrometer.
_TABLE: Final[tuple[tuple[GoldenSignal | None, str], ...]] = (
    # What a name says first: settings, clocks and metadata are no signal.
    (
        None,
        r".*(_limit|_max_bytes|_quota|_info|_created|_mtu_bytes|uptime.*|boot_time.*|_timestamp.*|(start|boot|creation|completion|transition)_time\w*|max_connections)",
    ),
    (None, r"node_(time|textfile|scrape|exporter|os|uname|dmi).*|process_start.*|go_.*|python_gc.*|scrape_.*"),
    (None, r"kube_\w+_(spec|status_capacity|status_allocatable|labels|annotations|owner|resource_(requests|limits)).*"),
    # Errors.
    ("errors", r"(node_oom_kills_total|(node|kernel)_vmstat_oom_kill|container_oom_events(_total)?)"),
    ("errors", r".*network.*(_errs|_errors|_drop|_dropped|_err_in|_err_out|_in_errors|_out_errors)\w*"),
    ("errors", r"(net_(err|drop)_(in|out)|interface_if_(errors|dropped)\w*|if_(errors|dropped)\w*)"),
    ("errors", r"kube_pod_container_status_(restarts_total|waiting|terminated)\w*|kube_pod_status_(failed|unready)\w*"),
    ("errors", r"kube_(node_status_condition|deployment_status_replicas_unavailable|job_status_failed|job_failed)\w*"),
    ("errors", r"envoy_cluster_upstream_(rq_(timeout|retry|rx_reset|tx_reset|pending_overflow)|cx_connect_fail)\w*"),
    ("errors", r"haproxy_\w*(errors|denied|retry|retries|redispatch|aborts)\w*|haproxy_\w*_http_responses_[45]xx\w*"),
    (
        "errors",
        r".*(_errors?|_failures?|_failed|_exceptions?|_timeouts?|_dropped|_rejected|_5xx|_4xx)(_total|_count|_rate)?",
    ),
    # Latency.
    ("latency", r"istio_request_duration_(milliseconds|seconds)(_sum|_bucket)?|response_latency_ms(_sum|_bucket)?"),
    ("latency", r"envoy_(cluster_upstream|http_downstream)_(rq|cx)_(time|length_ms|connect_ms)(_sum|_bucket)?"),
    (
        "latency",
        r"http_(server|client)_(request|response)s?(_duration)?(_seconds|_milliseconds|_ms)?(_sum|_max|_bucket|_p\d+)?",
    ),
    ("latency", r"http_server_duration\w*|http_server_requests_seconds(_sum|_max|_p\d+)?"),
    ("latency", r"node_disk_(read|write|io)_time_(seconds|ms)_total|node_disk_io_time_weighted_seconds_total"),
    (
        "latency",
        r"diskio_(read_time|write_time|io_await|weighted_io_time)|disk_disk_time\w*|disk_io_time\w*|system_disk_(operation_time|io_time|weighted_io_time)",
    ),
    (
        "latency",
        r"haproxy_\w*_(response|queue|connect|total)_time_average_seconds|nginx\w*_(request|response)_time\w*|grpc_(server|client)_handling_seconds(_sum|_bucket)?",
    ),
    (
        "latency",
        r"\w*(latency|response_time|request_time|duration)(_seconds|_milliseconds|_ms|_us)?(_sum|_max|_mean|_avg|_bucket|_p\d+)?",
    ),
    ("latency", r"\w*request\w*_(seconds|milliseconds|ms)(_sum|_max|_mean|_p\d+)?"),
    # Saturation.
    ("saturation", r"node_pressure_\w+|pressure_\w+|container_pressure_\w+"),
    ("saturation", r"(node|system)_load(\d+(_per_core)?|_\w+)?|load(_\w+|\d+)?|load_load_\w+"),
    (
        "saturation",
        r"node_cpu(_\w+)?_ratio|node_cpu_seconds_total|cpu_usage_\w+|cpu_percent_\w+|cpu_cpu(_\w+)?|system_cpu_usage",
    ),
    (
        "saturation",
        r"system_cpu_(utilization|time|total_(norm_)?pct|\w+_pct)|process_cpu_\w+|system_(cpu_)?load_average_\w+|system_disk_pending_operations",
    ),
    (
        "saturation",
        r"node_(memory|swap)_used_ratio|node_memory_(memavailable|memfree|available|swapfree)\w*|memory_memory(_\w+)?",
    ),
    (
        "saturation",
        r"mem_(used|available|free)\w*|swap_(used|free)\w*|system_memory_\w+|system_paging_\w+|memory_(used|free)\w*",
    ),
    ("saturation", r"node_(disk|filesystem)_(used_ratio|free_bytes|avail_bytes|files_free)|disk_(used|free|inodes)\w*"),
    (
        "saturation",
        r"df_\w+|system_filesystem_(inodes_)?(utilization|usage|used)\w*|kubelet_volume_stats_(available|used)_bytes",
    ),
    (
        "saturation",
        r"container_cpu_(usage_seconds|cfs_throttled\w*)(_total)?|container_memory_(working_set|rss|usage)\w*",
    ),
    ("saturation", r"container_fs_usage_bytes|kube_pod_status_unschedulable|kube_node_status_pressure\w*"),
    (
        "saturation",
        r"node_processes\w*|node_procs_(running|blocked)|processes_\w+|node_filefd_allocated|node_nf_conntrack_entries",
    ),
    (
        "saturation",
        r"envoy_\w*_(cx_active|rq_active|rq_pending_active|overflow)|nginx\w*connections?_(active|waiting|writing|reading)",
    ),
    ("saturation", r"haproxy_\w*_(current_queue|current_sessions|limit_sessions)|http_server_active_requests"),
    (
        "saturation",
        r"(jvm_(memory_used|threads|gc)|tomcat_threads_busy|hikaricp_connections_(active|pending)|executor_queued)\w*",
    ),
    (
        "saturation",
        r"(.*_)?queue_(length|size|depth)|diskio_(io_util|iops_in_progress)|.*(_queued|_in_flight|_inflight|utili[sz]ation|_saturation|_usage_ratio|_used_ratio)",
    ),
    # Traffic.
    ("traffic", r"istio_(requests_total|tcp_(sent|received)_bytes_total|request_bytes\w*|response_bytes\w*)"),
    ("traffic", r"(request_total|response_total|tcp_(read|write)_bytes_total|tcp_open_total)"),
    (
        "traffic",
        r"envoy_(cluster_upstream|http_downstream)_(rq|cx)(_total|_rx_bytes_total|_tx_bytes_total|_xx|_completed)?",
    ),
    (
        "traffic",
        r"node_network_(receive|transmit|\w*bytes|\w*packets)\w*|net_(bytes|packets)_(recv|sent)|interface_if_\w+|if_\w+",
    ),
    (
        "traffic",
        r"system_network_(io|packets|in_bytes|out_bytes|in_packets|out_packets)\w*|container_network_\w+_(bytes|packets)_total",
    ),
    (
        "traffic",
        r"(node_disk_\w*(bytes|completed|operations|reads|writes)\w*|diskio_(reads|writes|read_bytes|write_bytes))",
    ),
    ("traffic", r"disk_(disk_)?(ops|octets)\w*|system_disk_(io|operations)\w*|container_fs_(reads|writes)\w*"),
    (
        "traffic",
        r"http_requests?(_total|_count)?|http_server_(request_duration|requests)(_seconds)?_count|http_response_size\w*",
    ),
    (
        "traffic",
        r"(grpc_(server|client)_(handled|started)_total|nginx\w*_(requests|accepted|handled|accepts)\w*|haproxy_\w*(requests|sessions|bytes|http_responses)\w*)",
    ),
    (
        "traffic",
        r"(\w*requests?(_total|_per_second|_rate)|\w*_(rps|qps)|\w*_request(s|_duration\w*|_latency\w*)?_count)",
    ),
)


@lru_cache(maxsize=1)
def _patterns() -> tuple[tuple[GoldenSignal | None, re.Pattern[str]], ...]:
    return tuple((signal, re.compile(pattern)) for signal, pattern in _TABLE)


@lru_cache(maxsize=50_000)
def _by_name(metric: str) -> GoldenSignal | None:
    name = re.sub(r"[./-]", "_", metric.lower())
    return next((signal for signal, pattern in _patterns() if pattern.fullmatch(name)), None)


def signal_of(metric: str, labels: Mapping[str, str] | None = None) -> GoldenSignal | None:
    """The golden signal that a metric is about; None where its name does not say.

    A count of requests whose own labels say that they failed counts errors.

    Examples
    --------
    >>> signal_of("node_network_receive_bytes_total"), signal_of("istio_request_duration_milliseconds")
    ('traffic', 'latency')
    >>> signal_of("http_requests_total", {"code": "503"}), signal_of("node_boot_time_seconds")
    ('errors', None)
    """
    signal = _by_name(metric)
    if signal == "traffic" and labels and _has_failed(labels):
        return "errors"
    return signal


_STATUS_LABELS: Final = (
    "code",
    "status",
    "status_code",
    "response_code",
    "http.response.status_code",
    "http.status_code",
    "http_response_status_code",
    "envoy_response_code",
    "classification",
    "outcome",
)


def _has_failed(labels: Mapping[str, str]) -> bool:
    return any(re.fullmatch(r"5\d\d|5xx|failure|SERVER_ERROR|error", labels.get(name, "")) for name in _STATUS_LABELS)

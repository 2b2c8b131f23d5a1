from __future__ import annotations

import pytest

from models.golden import SIGNALS, signal_of

# Names as they came: ours; node_exporter; Telegraf, collectd and the OpenTelemetry Collector as captured; then
# kube-state-metrics, cAdvisor, Istio, Linkerd, Envoy, OpenTelemetry, Prometheus' clients, nginx, HAProxy, Micrometer.
NAMES = {
    "latency": """
        node_disk_read_time_seconds_total node_disk_io_time_weighted_seconds_total
        diskio_io_await diskio_read_time system.disk.operation_time
        istio_request_duration_milliseconds_bucket response_latency_ms_bucket envoy_cluster_upstream_rq_time_bucket
        http.server.request.duration http.server.duration http_server_request_duration_seconds_bucket
        http_request_duration_seconds_sum http_server_requests_seconds_sum http_server_requests_seconds_max
        nginx_http_response_time_seconds haproxy_backend_response_time_average_seconds
        grpc_server_handling_seconds_sum rpc.server.duration checkout_latency_ms
    """,
    "traffic": """
        node_network_receive_bytes_total node_network_transmit_packets_total node_disk_written_bytes_total
        net_bytes_recv net_packets_sent diskio_reads interface_if_octets_rx interface_if_packets_tx
        system.network.io system.disk.operations container_network_receive_bytes_total
        istio_requests_total istio_tcp_sent_bytes_total request_total response_total tcp_read_bytes_total
        envoy_cluster_upstream_rq_total envoy_http_downstream_rq_xx http_requests_total http.server.request.count
        http_request_duration_seconds_count http_server_requests_seconds_count nginx_http_requests_total
        haproxy_frontend_http_requests_total haproxy_frontend_bytes_in_total grpc_server_handled_total
    """,
    "errors": """
        node_oom_kills_total node_vmstat_oom_kill container_oom_events_total node_network_errors_total
        node_network_receive_errs_total node_network_transmit_drop_total net_err_in net_drop_out
        interface_if_errors_rx interface_if_dropped_tx system.network.errors system.network.dropped
        kube_pod_container_status_restarts_total kube_job_status_failed kube_deployment_status_replicas_unavailable
        container_network_receive_errors_total envoy_cluster_upstream_rq_timeout
        envoy_cluster_upstream_rq_pending_overflow haproxy_server_response_errors_total orders_failed_total
    """,
    "saturation": """
        node_cpu_ratio node_cpu_iowait_ratio node_cpu_seconds_total node_load1 system_load15 load_load_shortterm
        node_memory_used_ratio node_memory_MemAvailable_bytes node_pressure_io_stalled_seconds_total
        node_disk_used_ratio node_filesystem_avail_bytes node_processes_blocked node_procs_running
        cpu_usage_system mem_available_percent disk_used_percent processes_blocked cpu_cpu memory_memory df_df_complex
        system.cpu.utilization system.cpu.load_average.1m system.memory.usage system.filesystem.usage
        system.disk.pending_operations container_cpu_usage_seconds_total container_memory_working_set_bytes
        container_cpu_cfs_throttled_periods_total kubelet_volume_stats_available_bytes
        envoy_cluster_upstream_rq_pending_active http.server.active_requests nginx_connections_active
        haproxy_backend_current_queue jvm_memory_used_bytes tomcat_threads_busy_threads hikaricp_connections_pending
        queue.depth
    """,
    None: """
        node_boot_time_seconds node_time_seconds node_uname_info node_memory_MemTotal_bytes node_network_mtu_bytes
        node_scrape_collector_duration_seconds system_uptime system_n_cpus mem_total net_speed system.cpu.logical.count
        kube_pod_info kube_node_status_allocatable kube_deployment_spec_replicas kube_pod_container_resource_limits
        container_spec_memory_limit_bytes container_start_time_seconds jvm_memory_max_bytes nginx_up up
        scrape_duration_seconds go_goroutines process_start_time_seconds
    """,
}


@pytest.mark.parametrize(
    ("metric", "signal"), [(metric, signal) for signal, names in NAMES.items() for metric in names.split()]
)
def test_real_names_are_recognised(metric: str, signal: str | None) -> None:
    assert signal_of(metric) == signal


def test_every_signal_has_names() -> None:
    assert set(NAMES) == {*SIGNALS, None}


@pytest.mark.parametrize(
    ("labels", "signal"),
    [({"code": "200"}, "traffic"), ({"code": "503"}, "errors"), ({"http.response.status_code": "500"}, "errors")],
)
def test_requests_that_failed_are_errors(labels: dict[str, str], signal: str) -> None:
    assert signal_of("http_requests_total", labels) == signal

"""Which of a producer's labels say where a series belongs: cluster, node, service ..."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from schemas.series import DIMENSIONS

# First match wins. OpenTelemetry's resource attributes, the same with underscores (Prometheus' translation of
# them), Telegraf's and collectd's ``host``, the names that Kubernetes' exporters and Vector use.
DEFAULT_MAPPING: Final[Mapping[str, Sequence[str]]] = MappingProxyType(
    {
        "cluster": ("cluster", "k8s.cluster.name", "k8s_cluster_name", "cluster_name", "kubernetes_cluster"),
        "region": ("region", "cloud.region", "cloud_region", "topology.kubernetes.io/region", "cloud.region.name"),
        "zone": (
            "zone",
            "cloud.availability_zone",
            "cloud_availability_zone",
            "availability_zone",
            "topology.kubernetes.io/zone",
        ),
        "node": (
            "node",
            "k8s.node.name",
            "k8s_node_name",
            "kubernetes.node.name",
            "kubernetes_node",
            "kubernetes.host",
            "node_name",
            "nodename",
            "host.name",
            "host_name",
            "hostname",
            "host",
        ),
        "namespace": (
            "namespace",
            "k8s.namespace.name",
            "k8s_namespace_name",
            "kubernetes.namespace",
            "kubernetes_namespace",
            "kubernetes.namespace_name",
            "service.namespace",
            "service_namespace",
        ),
        "pod": (
            "pod",
            "k8s.pod.name",
            "k8s_pod_name",
            "kubernetes.pod.name",
            "kubernetes_pod_name",
            "kubernetes.pod_name",
            "pod_name",
        ),
        "service": ("service", "service.name", "service_name", "app.kubernetes.io/name", "app_kubernetes_io_name"),
    }
)


class Recogniser:
    """Reads the dimensions out of labels.

    Parameters
    ----------
    mapping
        Dimension to label names, the first that is present and not empty wins. A dimension named here replaces
        its default; the others keep theirs.

    Notes
    -----
    Prometheus' ``instance`` (its port cut off) names the node where no label names one and no pod is named:
    the instance of a pod is the pod's own address.

    Examples
    --------
    >>> recognise = Recogniser()
    >>> recognise.dims({"k8s.cluster.name": "c1", "host.name": "n1", "cpu": "cpu0"})
    {'cluster': 'c1', 'node': 'n1'}
    >>> recognise.dims({"instance": "h1:9100", "job": "node"})
    {'node': 'h1'}
    >>> Recogniser({"node": ["rack_host"]}).dims({"rack_host": "r1"})
    {'node': 'r1'}
    """

    def __init__(self, mapping: Mapping[str, Sequence[str]] | None = None) -> None:
        merged = {**DEFAULT_MAPPING, **(mapping or {})}
        self._names = [(dimension, tuple(merged.get(dimension, ()))) for dimension in DIMENSIONS]
        self.names = frozenset(name for _, names in self._names for name in names) | {"instance"}

    def dims(self, labels: Mapping[str, str]) -> dict[str, str]:
        """The recognised dimensions of a label set."""
        found = {}
        for dimension, names in self._names:
            for name in names:
                if value := labels.get(name):
                    found[dimension] = value
                    break
        if "node" not in found and "pod" not in found and (instance := labels.get("instance")):
            found["node"] = without_port(instance)
        return found


def without_port(address: str) -> str:
    """An address without its port.

    Examples
    --------
    >>> without_port("h1:9100"), without_port("[::1]:9100"), without_port("::1"), without_port("h1")
    ('h1', '::1', '::1', 'h1')
    """
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit():
        return address
    if host.startswith("[") and host.endswith("]"):
        return host[1:-1]
    return host if host and ":" not in host else address

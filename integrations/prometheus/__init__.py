"""Prometheus as a reader of ours: what objectives come to, on ``/metrics`` and by remote write.

What is undefined is absent: nothing here invents a value where nothing was measured. No clock of the machine decides
what is told: time is the status's own. The topic keeps everything, and what is here can be made again from it.
"""

from integrations.prometheus.slo_metrics import SloMetrics
from integrations.prometheus.slo_remote_write import SloRemoteWrite

__all__ = ["SloMetrics", "SloRemoteWrite"]

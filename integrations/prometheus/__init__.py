"""Prometheus as a reader of ours: objectives, alerts, incidents and pages, on ``/metrics`` and by remote write.

What is undefined is absent: nothing here invents a value where nothing was measured. No clock of the machine decides
what is told, but which shift goes on: time is the event's own. Topics keep everything, and what is here can be made
again from them.
"""

from integrations.prometheus.alert_metrics import AlertMetrics
from integrations.prometheus.page_load import PageLoad
from integrations.prometheus.slo_metrics import SloMetrics
from integrations.prometheus.slo_remote_write import SloRemoteWrite

__all__ = ["AlertMetrics", "PageLoad", "SloMetrics", "SloRemoteWrite"]

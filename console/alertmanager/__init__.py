"""Alertmanager's API v2, so that what talks to an Alertmanager talks to us: amtool, Prometheus, dashboards.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

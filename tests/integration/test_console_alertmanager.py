"""A real Alertmanager tells us what it tells its receivers: it fires here, and is over when it says so."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

from console.settings import ConsoleSettings, TokenSettings
from schemas.ids import alert_fingerprint
from tests.integration.gateways import await_until
from tests.integration.harness.console import InMemory
from tests.integration.vendors.alertmanager import RealAlertmanager

TOKEN = "0123456789abcdef"
LABELS = {"alertname": "DiskFull", "node": "node-0", "severity": "critical"}
CONFIG = """
route:
  receiver: metrics-ai
  group_by: [alertname]
  group_wait: 100ms
  group_interval: 300ms
receivers:
  - name: metrics-ai
    webhook_configs:
      - url: http://127.0.0.1:{port}/api/v1/webhooks/alertmanager
        http_config:
          authorization: {{credentials: {token}}}
"""


def test_its_alerts_fire_here_for_the_tokens_tenant_and_end_when_it_says_so(tmp_path: Path) -> None:
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()
    settings = ConsoleSettings(tokens=[TokenSettings(name="am", role="responder", sha256=digest, tenants=["shop"])])
    api = InMemory()
    began = datetime.now(UTC) - timedelta(minutes=1)
    base = {"labels": LABELS, "annotations": {"summary": "full"}, "generatorURL": "http://prometheus/g"}
    with (
        api.serve(settings) as server,
        RealAlertmanager(tmp_path, CONFIG.format(port=server.port, token=TOKEN)) as real,
    ):
        real.post({**base, "startsAt": began.isoformat()}, {"labels": {**LABELS, "node": "node-1"}})
        await_until(lambda: len(api.store.alerts_of["shop"]) == 2, "both alerts")
        alert = next(one for one in api.store.alerts_of["shop"].values() if one.labels == LABELS)
        assert (alert.state, alert.fingerprint) == ("firing", alert_fingerprint(LABELS))
        assert abs(alert.started_ms - began.timestamp() * 1000) < 1
        assert (alert.annotations, alert.generator_url) == ({"summary": "full"}, "http://prometheus/g")
        real.post({**base, "startsAt": began.isoformat(), "endsAt": datetime.now(UTC).isoformat()})
        await_until(lambda: api.store.alerts_of["shop"][alert.id].state == "resolved", "its end")
        states = {one.labels["node"]: one.state for one in api.store.alerts_of["shop"].values()}
    assert states == {"node-0": "resolved", "node-1": "firing"}
    assert set(api.store.alerts_of) == {"shop"}

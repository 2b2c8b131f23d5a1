"""Every query of the dashboard finds something in a Prometheus that we wrote to."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from integrations.prometheus import SloRemoteWrite
from integrations.prometheus.remote_write_client import RemoteWriteClient
from integrations.telemetry import Telemetry
from schemas.slo_events import BudgetShare, TimeToExhaustion
from slo.remote_write_settings import RemoteWriteSettings
from tests.house.dashboards import SLO, grouped
from tests.integration.tsdbs import Tsdb
from tests.unit.integrations.prometheus.statuses import opened, own, record, silent, status


@pytest.fixture(scope="module")
def at_ms() -> int:
    return int(time.time() * 1000) - 5000


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, at_ms: int) -> Iterator[Tsdb]:
    """With one objective of which everything is told, and one of which nothing is known."""
    with Tsdb("prometheus", tmp_path_factory.mktemp("prometheus")) as tsdb:
        settings = RemoteWriteSettings(url=tsdb.write_url)
        client = RemoteWriteClient(settings)
        sink = SloRemoteWrite(settings, Telemetry("project"), client=client)
        full = status(
            at_ms,
            budgets=[own(at_ms, remaining_of_period=-0.1), own(at_ms, period="daily")],
            exhausted_in=TimeToExhaustion(p50_s=60, low_80_s=30, high_80_s=90),
            sla=0.99,
            sla_remaining=0.5,
            spenders=[BudgetShare(who="node:h1", bad=2, of_budget=1.1)],
            firing=["page-quick"],
            open=[opened()],
        )
        sink.take([record(full), record(silent(at_ms, slo="search"))])
        sink.flush()
        client.close()
        yield tsdb


@pytest.mark.parametrize(("title", "expr"), [(title, expr) for title, expr, _ in SLO.queries()])
def test_a_query_finds_its_series_each_with_the_labels_it_keeps(
    written: Tsdb, at_ms: int, title: str, expr: str
) -> None:
    found = written.query(SLO.filled(expr), at_ms / 1000)
    assert found, title
    if "or vector(0)" in expr:
        assert found[0][1] == (1.0 if title != "Objectives" else 2.0), title
    for labels, _ in found:
        assert set(labels) <= grouped(expr), title


# What Sloth's own dashboards (Grafana's 14348 and 14643) ask for.
SLOTHS = (
    "slo:objective:ratio",
    "slo:error_budget:ratio",
    "slo:current_burn_rate:ratio",
    "slo:period_burn_rate:ratio",
    "slo:period_error_budget_remaining:ratio",
    "slo:time_period:days",
    "slo:sli_error:ratio_rate5m",
    "slo:sli_error:ratio_rate1h",
    "slo:sli_error:ratio_rate30d",
    "sloth_slo_info",
    "ALERTS",
)


@pytest.mark.parametrize("name", SLOTHS)
def test_a_dashboard_made_for_sloth_finds_what_it_asks_for(written: Tsdb, at_ms: int, name: str) -> None:
    ((labels, _),) = written.query(f'{name}{{sloth_service="shop",sloth_slo="checkout"}}', at_ms / 1000)
    assert labels["sloth_id"] == "acme-shop-checkout"
    assert labels.get("sloth_window") == (
        name.removeprefix("slo:sli_error:ratio_rate") if "sli_error" in name else None
    )
    assert ("sloth_severity" in labels) == (name == "ALERTS")
    assert ("sloth_objective" in labels) == (name == "sloth_slo_info")

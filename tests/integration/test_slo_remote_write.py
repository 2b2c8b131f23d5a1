"""Figures of objectives reach real Prometheus and VictoriaMetrics servers, through outages and restarts of both."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from integrations.health_http import HealthServer, telemetry_routes
from integrations.project import SinkError
from integrations.prometheus import SloMetrics, SloRemoteWrite
from integrations.prometheus.remote_write_client import RemoteWriteClient
from integrations.telemetry import Telemetry
from schemas.slo_events import BudgetShare
from slo.remote_write_settings import RemoteWriteSettings
from tests.integration.test_security import Certificates
from tests.integration.tsdbs import Tsdb
from tests.unit.integrations.prometheus.statuses import opened, record, silent, status, tombstone

LIMIT_S = 30.0
STEP_MS = 15_000


class Writer:
    """The sink, with a clock that is turned by hand, and a client that is hung up at the end."""

    def __init__(self, **settings: Any) -> None:
        self.now = 0.0
        self.telemetry = Telemetry("project")
        whole = RemoteWriteSettings(**settings)
        self.client = RemoteWriteClient(whole)
        self.sink = SloRemoteWrite(whole, self.telemetry, client=self.client, clock=lambda: self.now)

    def count(self, outcome: str) -> float:
        counted: float = self.telemetry.remote_write_samples.labels(self.sink.name, outcome)._value.get()
        return counted


@pytest.fixture
def writer() -> Iterator[Callable[..., Writer]]:
    made: list[Writer] = []

    def make(**settings: Any) -> Writer:
        made.append(Writer(**settings))
        return made[-1]

    yield make
    for one in made:
        one.client.close()


@pytest.fixture(params=["prometheus", "victoria-metrics"])
def tsdb(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Tsdb]:
    with Tsdb(request.param, tmp_path) as running:
        yield running


@pytest.fixture
def start_ms() -> int:
    """Ten minutes ago, on a whole step: servers take nothing that lies far off the present."""
    return (int(time.time()) - 600) * 1000 // STEP_MS * STEP_MS


def test_what_is_written_is_read_back_at_its_event_time(
    tsdb: Tsdb, writer: Callable[..., Writer], start_ms: int
) -> None:
    one = writer(url=tsdb.write_url, external_labels={"cluster": "eu-1"})
    firing = status(
        start_ms, firing=["page-quick"], open=[opened()], spenders=[BudgetShare(who="node:h1", bad=2, of_budget=1)]
    )
    one.sink.take([record(firing)])
    one.sink.flush()
    at_s = start_ms / 1000
    ((labels, value),) = tsdb.query('slo:period_error_budget_remaining:ratio{sloth_id="acme-shop-checkout"}', at_s)
    assert value == -1.0
    assert {"tenant": "acme", "service": "shop", "slo": "checkout", "cluster": "eu-1"}.items() <= labels.items()
    ((labels, _),) = tsdb.query('ALERTS{sloth_slo="checkout",sloth_severity="page"}', at_s)
    assert labels["alertname"] == "SloBurn"
    assert tsdb.query("slo:objective:ratio", at_s - 1) == []
    # A query of Sloth's own dashboard.
    expr = '1 - (max(slo:sli_error:ratio_rate5m{sloth_service="shop", sloth_slo="checkout"}) OR on() vector(0))'
    ((_, value),) = tsdb.query(expr, at_s)
    assert value == pytest.approx(0.98)


def test_what_ends_is_gone_at_once_and_not_five_minutes_later(
    tsdb: Tsdb, writer: Callable[..., Writer], start_ms: int
) -> None:
    one = writer(url=tsdb.write_url)
    spent = [BudgetShare(who="node:h1", bad=2, of_budget=1)]
    one.sink.take([record(status(start_ms, spenders=spent, firing=["page-quick"]))])
    one.sink.take([record(silent(start_ms + STEP_MS))])
    one.sink.flush()
    before_s, after_s = start_ms / 1000, (start_ms + STEP_MS) / 1000
    for gone in ("metrics_ai_slo_spender_bad_events", "ALERTS", "slo:current_burn_rate:ratio"):
        assert len(tsdb.query(gone, before_s)) == 1, gone
        assert tsdb.query(gone, after_s) == [], gone
    assert len(tsdb.query("metrics_ai_slo_no_data == 1", after_s)) == 1
    one.sink.take([tombstone("acme/checkout")])
    one.sink.flush()
    assert tsdb.query("slo:objective:ratio", after_s + 1) == []


def test_an_outage_of_the_server_and_a_restart_of_ours_lose_nothing(
    tsdb: Tsdb, writer: Callable[..., Writer], start_ms: int
) -> None:
    records = [record(status(start_ms + n * STEP_MS, target=0.9 + n / 1000)) for n in range(30)]
    first = writer(url=tsdb.write_url)
    first.sink.take(records[:10])
    first.sink.flush()
    tsdb.stop()
    first.sink.take(records[10:20])
    for _ in range(3):
        with pytest.raises(SinkError):
            first.sink.flush()
        first.now += 60
    tsdb.start()
    first.sink.flush()
    # Ours is killed before its offsets are committed: half of what was written comes again, with what is new.
    second = writer(url=tsdb.write_url)
    second.sink.take(records[5:])
    second.sink.flush()
    found = tsdb.samples("slo:objective:ratio", time.time())
    assert found == {(start_ms + n * STEP_MS) / 1000: pytest.approx(0.9 + n / 1000) for n in range(30)}


def test_what_prometheus_finds_too_old_keeps_nothing_up(
    tmp_path: Path, writer: Callable[..., Writer], start_ms: int
) -> None:
    with Tsdb("prometheus", tmp_path) as tsdb:
        one = writer(url=tsdb.write_url)
        one.sink.take([record(status(start_ms, slo="search"))])
        one.sink.flush()
        # A topic of six hours is read from its beginning.
        one.sink.take([record(status(start_ms + n * STEP_MS)) for n in range(-1440, 1)])
        one.sink.flush()
        found = tsdb.samples('slo:objective:ratio{slo="checkout"}', time.time())
        assert max(found) == start_ms / 1000
        assert 200 < len(found) < 400, "an hour and more is taken"
        assert sorted(found) == [max(found) - 15 * n for n in reversed(range(len(found)))]
        assert one.count("refused") > 0


def test_a_server_that_asks_who_we_are_is_told(tmp_path: Path, writer: Callable[..., Writer], start_ms: int) -> None:
    # "sesame", by bcrypt.
    users = "basic_auth_users:\n  ali: $2b$04$abcdefghijklmnopqrstuuinwY/tkBVrn3xrxQI/TgnMHhkvl85RW\n"
    with_password = tmp_path / "password"
    with_password.write_text("sesame\n")
    tsdb = Tsdb("prometheus", tmp_path, web_config=users)
    tsdb.headers = {"Authorization": "Basic YWxpOnNlc2FtZQ=="}
    with tsdb:
        stranger = writer(url=tsdb.write_url)
        stranger.sink.take([record(status(start_ms))])
        stranger.sink.flush()
        assert stranger.count("refused") > 0
        known = writer(url=tsdb.write_url, username="ali", password_file=with_password)
        known.sink.take([record(status(start_ms))])
        known.sink.flush()
        assert len(tsdb.query("slo:objective:ratio", start_ms / 1000)) == 1


def test_a_server_is_believed_only_if_it_proves_its_name(
    tmp_path: Path, writer: Callable[..., Writer], start_ms: int
) -> None:
    certificates = Certificates(tmp_path).make()
    files = {"cert_file": certificates.of("broker"), "key_file": certificates.key("broker")}
    asks = {"client_auth_type": "RequireAndVerifyClientCert", "client_ca_file": certificates.of("ca")}
    web = yaml.safe_dump({"tls_server_config": {name: str(value) for name, value in (files | asks).items()}})
    ours = {"cert_file": certificates.of("client"), "key_file": certificates.key("client")}
    context = ssl.create_default_context(cafile=certificates.of("ca"))
    context.load_cert_chain(ours["cert_file"], ours["key_file"])
    with Tsdb("prometheus", tmp_path, web_config=web, context=context) as tsdb:
        for settings in ({}, ours, {"ca_file": certificates.of("ca")}):
            stranger = writer(url=tsdb.write_url, **settings)
            stranger.sink.take([record(status(start_ms))])
            with pytest.raises(SinkError):
                stranger.sink.flush()
        for n, settings in enumerate((ours | {"ca_file": certificates.of("ca")}, ours | {"verify_tls": False})):
            known = writer(url=tsdb.write_url, **settings)
            known.sink.take([record(status(start_ms + n * STEP_MS))])
            known.sink.flush()
        assert len(tsdb.samples("slo:objective:ratio", time.time())) == 2


def test_prometheus_scrapes_objectives_from_a_worker(tmp_path: Path) -> None:
    telemetry = Telemetry("project")
    sink = SloMetrics(telemetry)
    sink.take([record(status(firing=["page-quick"], open=[opened()]))])
    with HealthServer(telemetry_routes(telemetry)) as worker:
        scrape = (
            "scrape_configs:\n  - job_name: metrics-ai\n    scrape_interval: 1s\n    static_configs:\n"
            f"      - targets: ['127.0.0.1:{worker.port}']\n"
        )
        with Tsdb("prometheus", tmp_path, scrape) as tsdb:
            deadline = time.monotonic() + LIMIT_S
            while not (found := tsdb.query("slo:objective:ratio", time.time())) and time.monotonic() < deadline:
                time.sleep(0.2)
            ((labels, value),) = found
            assert (labels["slo"], labels["sloth_id"], value) == ("checkout", "acme-shop-checkout", 0.999)
            assert len(tsdb.query('ALERTS{sloth_severity="page",job="metrics-ai"}', time.time())) == 1

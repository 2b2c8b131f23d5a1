"""Routes of a file, as the API tells them: what Alertmanager's tools read, and what has changed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from console.routing import ConfiguredRouting, alertmanager_text
from incidents.routing.config import RoutingConfig
from incidents.routing.reading import routing_from
from incidents.routing.settings import RoutingSettings
from metrics_ai.routing_files import routing_config

TEXT = """
route:
  receiver: log
  group_by: [alertname]
  routes:
  - receiver: pager
    matchers: ['severity="page"', 'team=~"db|web"']
    active_time_intervals: [hours]
    continue: true
receivers:
- name: log
- name: pager
  webhook_configs: [{url: 'https://user:s3cret@example.org/hook'}]
inhibit_rules:
- source_matchers: ['severity="page"']
  target_matchers: ['severity="warning"']
  equal: [node]
time_intervals:
- name: hours
  time_intervals:
  - times: [{start_time: '09:00', end_time: '17:00'}]
    weekdays: ['monday:friday', 'sunday']
    days_of_month: ['-3:-1']
    months: ['january:march', 'december']
    years: ['2026:2027']
    location: Europe/Berlin
"""


def read(text: str) -> RoutingConfig:
    return routing_from(text.encode(), "routes.yaml")


def test_what_alertmanagers_tools_are_told_reads_back_to_the_same_routes() -> None:
    told = read(alertmanager_text(read(TEXT)))
    assert told.root == read(TEXT).root
    assert told.intervals == read(TEXT).intervals
    assert told.inhibit_rules == read(TEXT).inhibit_rules


def test_nothing_secret_is_told() -> None:
    routing = ConfiguredRouting(lambda: read(TEXT))
    assert "s3cret" not in routing.original() + str(routing.tree())


@pytest.mark.parametrize("text", [TEXT, None])
def test_amtool_accepts_it(text: str | None, tmp_path: Path) -> None:
    amtool = shutil.which("amtool")
    if amtool is None:
        pytest.skip("amtool is not installed")
    config = read(text) if text else routing_config(RoutingSettings())
    (tmp_path / "alertmanager.yml").write_text(alertmanager_text(config))
    command = [amtool, "check-config", str(tmp_path / "alertmanager.yml")]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_an_alert_goes_where_its_labels_say_and_the_reasons_are_told() -> None:
    routing = ConfiguredRouting(lambda: read(TEXT))
    labels = {"severity": "page", "team": "db", "alertname": "Disk"}
    (match,) = routing.matches(labels)
    assert (match.receiver, match.group_labels) == ("pager", {"alertname": "Disk"})
    (explained,) = routing.explained(labels, 1_795_446_000_000)
    assert (explained["receiver"], explained["muted_by"]) == ("pager", ["hours"])
    assert routing.receivers() == ["log", "pager"]


def test_it_is_yaml_of_plain_values() -> None:
    body = yaml.safe_load(alertmanager_text(read(TEXT)))
    assert [one["name"] for one in body["receivers"]] == ["log", "pager"]

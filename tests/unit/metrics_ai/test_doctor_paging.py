"""What doctor says of the way to people."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client import generate_latest

from incidents.routing.settings import RoutingSettings
from integrations.telemetry import Telemetry
from metrics_ai.check import Check
from metrics_ai.doctor_paging import check_paging, check_routes, stack_metrics

ROUTES = """route: {receiver: log, routes: [{matchers: [team=db], receiver: db}]}
receivers:
- {name: log, log_configs: [{}]}
- {name: nobody}
- {name: db, webhook_configs: [{url: 'http://localhost/'}], slack_configs: [{api_url_file: slack}], log_configs: [{}]}
"""


def routes(folder: Path, text: str) -> Check:
    path = folder / "routes.yaml"
    path.write_text(text)
    found = check_routes(RoutingSettings(file=path))
    return Check(found.name, found.level, found.found.replace(str(path), "F"), found.way_out.replace(str(path), "F"))


def test_receivers_that_tell_people_are_counted_by_how_they_do(tmp_path: Path) -> None:
    found = routes(tmp_path, ROUTES)
    assert (found.level, found.found) == ("OK", "F: 2 routes, 1 of 3 receivers tell people (slack, webhook)")


def test_routes_that_tell_nobody_but_the_log_are_a_warning_as_those_that_ship() -> None:
    found = check_routes(RoutingSettings())
    assert found.level == "WARN"
    assert found.found.startswith("shipped/alerting.yaml: ")
    assert "0 of " in found.found
    assert "routing.file" in found.way_out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("receiver: db}", "receiver: dba}"), "F:1: "),
        (("http://localhost/", "nowhere"), "F:5: receiver db, webhook[0]: url: no address of HTTP"),
        (("api_url_file: slack", "api_url_file: slack, channels: x"), "F:5: receiver db, slack[0]: channels is no key"),
    ],
)
def test_routes_that_do_not_hold_fail_and_name_the_line(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    found = routes(tmp_path, ROUTES.replace(*change))
    assert (found.level, found.way_out) == ("FAIL", "metrics-ai routes check F")
    assert found.found.startswith(said)


def test_a_file_of_routes_that_is_not_there_fails(tmp_path: Path) -> None:
    assert check_routes(RoutingSettings(file=tmp_path / "none.yaml")).level == "FAIL"


@pytest.mark.parametrize(("late_s", "level"), [(3.0, "OK"), (500.0, "WARN")])
def test_stages_that_are_behind_are_told_with_how_far(late_s: float, level: str) -> None:
    telemetry = Telemetry("decide,route,notify")
    for stage in ("detect", "decide", "route", "notify"):
        for partition in (0, 1):
            telemetry.lag_offsets.labels(stage, "t", partition).set(5)
            telemetry.lag_seconds.labels(stage, "t", partition).set(0)
    telemetry.lag_seconds.labels("route", "t", 1).set(late_s)
    (found,) = check_paging(generate_latest(telemetry.registry).decode())
    assert (found.name, found.level) == ("paging", level)
    assert found.found == (
        f"decide 10 records, 0 s behind, route 10 records, {late_s:.0f} s behind, notify 10 records, 0 s behind"
    )
    assert bool(found.way_out) == (level == "WARN")


def test_where_no_stack_runs_nothing_is_said_of_its_stages() -> None:
    assert stack_metrics("127.0.0.1", 1) == ""
    assert list(check_paging("")) == []

"""An alert goes where ``amtool config routes test`` says that Alertmanager sends it."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.unit.incidents.routing.texts import problems, random_routes, routing

pytestmark = pytest.mark.skipif(shutil.which("amtool") is None, reason="amtool is not installed")


def amtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["amtool", *arguments], capture_output=True, text=True, check=False)


def test_amtool_names_the_same_receivers(tmp_path: Path) -> None:
    file = tmp_path / "alertmanager.yml"
    taken = set()
    for seed in range(10):
        dice = random.Random(seed)
        text = random_routes(dice)
        file.write_text(text)
        config = routing(text)
        for _ in range(20):
            labels = {name: dice.choice("123") for name in "xyz" if dice.random() < 0.8} or {"x": "1"}
            ours = ",".join(one.receiver for one in config.match(labels))
            arguments = [f"{name}={value}" for name, value in labels.items()]
            said = amtool("config", "routes", "test", f"--config.file={file}", *arguments)
            assert said.stdout.strip() == ours, (text, labels)
            taken.add(ours)
    assert len(taken) > 10


ROUTE = "route: {receiver: a}\n"
A = "receivers: [{name: a}]\n"
BELOW = "route: {receiver: a, routes: [%s]}\n" + A
TIMES = ROUTE + A + "time_intervals: [{name: t, time_intervals: [%s]}]\n"
KIND = ROUTE + "receivers: [{name: a, %s}]\n"
INHIBIT = ROUTE + A + "inhibit_rules: [%s]\n"
FILES = {
    "the least": ROUTE + A,
    "no receiver": ROUTE,
    "no route": A,
    "nothing": "",
    "a root without a receiver": "route: {}\n" + A,
    "a root with matchers": "route: {receiver: a, matchers: [x=y]}\n" + A,
    "a root with a muting interval": "route: {receiver: a, mute_time_intervals: [t]}\n" + A,
    "a root that continues": "route: {receiver: a, continue: true}\n" + A,
    "an unknown receiver": BELOW % "{receiver: b}",
    "an unknown interval": BELOW % "{mute_time_intervals: [t]}",
    "an unknown key": BELOW % "{recever: a}",
    "a duration of two units": BELOW % "{group_wait: 1h30m}",
    "a duration that is none": BELOW % "{group_wait: 1.5h}",
    "units in the wrong order": BELOW % "{group_wait: 30m1h}",
    "a group_wait of 0": BELOW % "{group_wait: 0s}",
    "a group_interval of 0": BELOW % "{group_interval: 0s}",
    "a repeat_interval of 0": BELOW % "{repeat_interval: 0s}",
    "grouping by all and one": BELOW % "{group_by: [..., x]}",
    "grouping by one twice": BELOW % "{group_by: [x, x]}",
    "matchers in a text": BELOW % "{matchers: 'x=y'}",
    "several matchers in an item": BELOW % """{matchers: ['{a="b",c!="d"}']}""",
    "a matcher that is none": BELOW % "{matchers: ['x']}",
    "a pattern that is none": BELOW % "{matchers: ['x=~(']}",
    "a number as value": BELOW % "{match: {x: 2}}",
    "match_re without a value": BELOW % "{match_re: {x: }}",
    "a receiver twice": ROUTE + "receivers: [{name: a}, {name: a}]\n",
    "a receiver without a name": ROUTE + "receivers: [{name: a}, {webhook_configs: []}]\n",
    "a webhook": KIND % "webhook_configs: [{url: 'http://localhost/'}]",
    "a webhook without an address": KIND % "webhook_configs: [{}]",
    "a pager": KIND % "pagerduty_configs: [{routing_key: k}]",
    "a pager without a key": KIND % "pagerduty_configs: [{}]",
    "a mail without a server": KIND % "email_configs: [{to: x@example.org}]",
    "a mail": "global: {smtp_smarthost: 'h:25', smtp_from: f@example.org}\n"
    + KIND % "email_configs: [{to: x@example.org}]",
    "a chat without an address": KIND % "slack_configs: [{channel: c}]",
    "a chat by a global address": "global: {slack_api_url: 'http://h/'}\n" + KIND % "slack_configs: [{channel: c}]",
    "a chat of two addresses": KIND % "slack_configs: [{api_url: 'http://h/', api_url_file: f}]",
    "an Opsgenie without a key": KIND % "opsgenie_configs: [{}]",
    "two global keys of one": "global: {slack_api_url: 'http://h/', slack_api_url_file: f}\n" + ROUTE + A,
    "a kind that is not spoken": KIND % "pushover_configs: [{token: t, user_key: u}]",
    "a night in one range": TIMES % "{times: [{start_time: '22:00', end_time: '06:00'}]}",
    "a zone that is none": TIMES % "{location: Mars/Olympus}",
    "a zone": TIMES % "{location: Europe/Berlin, weekdays: [Monday], months: ['2:4', may], years: [2026]}",
    "days from both ends": TIMES % "{days_of_month: ['5:-5']}",
    "an interval twice": ROUTE + A + "time_intervals: [{name: t, time_intervals: []}, {name: t, time_intervals: []}]\n",
    "an interval of either name": ROUTE
    + A
    + "time_intervals: [{name: t, time_intervals: []}]\nmute_time_intervals: [{name: t, time_intervals: []}]\n",
    "an inhibition": INHIBIT % "{source_matchers: [a=b], target_match: {c: d}, target_match_re: {e: f.*}, equal: [g]}",
    "an inhibition of nothing": INHIBIT % "{}",
    "an unknown key of an inhibition": INHIBIT % "{source: [a=b]}",
    "templates": ROUTE + A + "templates: ['*.tmpl']\n",
    "a global that is unknown": "global: {slack_url: 'http://h/'}\n" + ROUTE + A,
    "a resolve timeout that is none": "global: {resolve_timeout: soon}\n" + ROUTE + A,
}


@pytest.mark.parametrize("case", FILES)
def test_what_amtool_refuses_is_refused_and_what_it_takes_is_taken(case: str, tmp_path: Path) -> None:
    file = tmp_path / "alertmanager.yml"
    file.write_text(FILES[case])
    said = amtool("check-config", str(file))
    assert (problems(FILES[case]) == []) == (said.returncode == 0), (problems(FILES[case]), said.stdout, said.stderr)

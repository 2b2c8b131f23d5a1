"""What the guide of SLOs shows is what the commands print."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from integrations.project import Record
from integrations.prometheus import SloRemoteWrite
from integrations.prometheus.remote_write_client import RemoteWriteClient
from integrations.telemetry import Telemetry
from metrics_ai.config import Config
from metrics_ai.recordings import RecordingOptions
from metrics_ai.slo_recordings import recorded
from slo.alert_policies import SEVERITIES
from slo.evaluate import evaluate
from slo.openslo import read_slos
from slo.remote_write_settings import RemoteWriteSettings
from tests.house.test_guides import blocks, run, said
from tests.integration.tsdbs import Tsdb

GUIDE = "slo.md"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    definition, settings, *_ = blocks("yaml", GUIDE)
    (tmp_path / "slos").mkdir()
    (tmp_path / "slos" / "checkout.yaml").write_text(definition)
    (tmp_path / "metrics-ai.yaml").write_text(settings)
    return tmp_path


def shown(verb: str) -> list[tuple[list[str], str]]:
    """Commands of a verb in the guide, and what stands below each."""
    found = []
    for block in blocks("", GUIDE):
        command, _, output = block.partition("\n")
        if f"metrics-ai slo {verb}" in command:
            found.append((command.removeprefix("$ .venv/bin/metrics-ai ").split(), output))
    return found


def scripts() -> tuple[str, str]:
    """The shop that runs, and the one that is recorded."""
    shop, recording = blocks("python", GUIDE)
    return shop, recording


def check(folder: Path, command: list[str], output: str, status: int = 0) -> None:
    done, printed = run([sys.executable, "-m", "metrics_ai", *command], folder)
    assert (done, said(printed)) == (status, said(output)), printed


def test_the_first_slo_validates_and_comes_to_what_the_guide_says(folder: Path) -> None:
    check(folder, *shown("validate")[0])
    check(folder, *shown("show")[0])


# Stands beside ``shop.py``: the shop's messages go to a file, its time flies, and it breaks after a minute.
STAND_IN = """
import atexit, pathlib, time

now_s, messages = [1790035200.0], open("messages.jsonl", "w")
time.time = lambda: now_s[0]


def sleep(seconds):
    now_s[0] += seconds
    if now_s[0] == 1790035260.0:
        pathlib.Path("broken").touch()
    if now_s[0] > 1790035290.0:
        raise SystemExit


time.sleep = sleep


class Producer:
    def __init__(self, settings):
        assert settings == {"bootstrap.servers": "127.0.0.1:9092"}

    def produce(self, topic, value, key):
        assert (topic, key) == ("metrics", "checkout")
        messages.write(value + "\\n")

    def poll(self, timeout):
        messages.flush()
"""


def test_the_shop_that_breaks_pages_within_seconds(folder: Path) -> None:
    shop = folder / "shop"
    shop.mkdir()
    (shop / "shop.py").write_text(scripts()[0])
    (shop / "confluent_kafka.py").write_text(STAND_IN)
    subprocess.run([sys.executable, "shop.py"], cwd=shop, check=True)
    command = ["slo", "eval", "slos/checkout.yaml", "--data", "shop/messages.jsonl", "--json"]
    status, printed = run([sys.executable, "-m", "metrics_ai", *command], folder)
    assert status == 1, printed
    begun = {one["alert"]: one["at_ms"] for one in json.loads(printed)["alerts"] if one["state"] == "start"}
    told = next(one for one in blocks("", GUIDE) if "touch broken" in one)
    assert begun.keys() == set(re.findall(r"slo:checkout .* x .* ((?:page|ticket)-\w+)", told))
    assert 0 < begun["page-quick"] - 1_790_035_260_000 <= 10_000


def test_the_recording_and_the_outage_come_to_what_the_guide_says(folder: Path) -> None:
    subprocess.run([sys.executable, "-c", scripts()[1]], cwd=folder, check=True)
    check(folder, *shown("eval")[0], status=1)
    check(folder, *shown("simulate")[0])
    command, output = next(one for one in shown("report") if "--data" in one[0])
    check(folder, command, output)
    page = [*command, "--out", "checkout.html"]
    assert run([sys.executable, "-m", "metrics_ai", *page], folder) == (0, "")
    assert "<svg" in (folder / "checkout.html").read_text()


def test_the_readme_shows_the_outage_of_the_guide() -> None:
    (readme,) = (block for block in blocks("", "../../README.md") if "slo simulate" in block)
    assert readme in blocks("", GUIDE)


def test_a_mistake_is_told_as_the_guide_says(folder: Path) -> None:
    definition = folder / "slos" / "checkout.yaml"
    definition.write_text(definition.read_text().replace("target: 0.999", "targetPercent: 99,9", 1))
    check(folder, *shown("validate")[1], status=1)


def test_a_folder_is_listed_with_what_ships(folder: Path) -> None:
    check(folder, *shown("list")[0])


def test_the_tier_of_ones_own_is_one(folder: Path) -> None:
    definition = (folder / "slos" / "checkout.yaml").read_text() + "  alertPolicies:\n    - quick\n"
    (slo,) = read_slos(f"{definition}---\n{blocks('yaml', GUIDE)[2]}", "both.yaml").slos
    (tier,) = slo.alerts.tiers
    assert (tier.long_s, tier.short_s, tier.factor, tier.priority) == (7200, 600, 10, SEVERITIES["page"])


def test_the_rules_are_as_many_as_the_guide_says(folder: Path) -> None:
    block = next(block for block in blocks("", GUIDE) if "promtool check" in block)
    command = block.splitlines()[0].removeprefix("$ .venv/bin/metrics-ai ").split()
    assert run([sys.executable, "-m", "metrics_ai", *command], folder) == (0, "")
    rules = re.findall(r"^  - (?:record|alert): ", (folder / "rules.yaml").read_text(), re.MULTILINE)
    assert f"SUCCESS: {len(rules)} rules found" in block
    if (promtool := shutil.which("promtool")) is None:
        pytest.skip("promtool is not installed")
    assert subprocess.run([promtool, "check", "rules", "rules.yaml"], cwd=folder, check=False).returncode == 0


def test_what_is_written_of_the_recording_is_what_the_guide_says(folder: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", scripts()[1]], cwd=folder, check=True)
    (slo,) = read_slos((folder / "slos" / "checkout.yaml").read_text(), "checkout.yaml").slos
    (recording,), _ = recorded([slo], [folder / "requests.csv"], (RecordingOptions(), Config()))
    told = evaluate(slo, recording).status
    block = next(block for block in blocks("", GUIDE) if "promtool query" in block)
    asked = re.findall(r"^\$ (promtool .*)\n((?:(?!\$ ).*\n)+)", block, re.MULTILINE)
    assert len(asked) == 4
    written = next(block for block in blocks("yaml", GUIDE) if "remote_write" in block)
    settings = yaml.safe_load(written)["slo"]["remote_write"]
    with Tsdb("prometheus", tmp_path) as tsdb:
        whole = RemoteWriteSettings(**settings | {"url": tsdb.write_url})
        client = RemoteWriteClient(whole)
        sink = SloRemoteWrite(whole, Telemetry("project"), client=client)
        sink.take([Record("slo.status", 0, 0, told.key.encode(), told.to_bytes(), told.at_ms)])
        sink.flush()
        client.close()
        for command, output in asked:
            words = shlex.split(command.replace("http://127.0.0.1:9090", tsdb.url))
            done = subprocess.run(words, capture_output=True, text=True, check=True)
            assert said(done.stdout) == said(output), command

"""``metrics-ai priors``: what ships, and what is learned from recordings."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from typer.testing import CliRunner

from metrics_ai.cli import app
from models.detect import DetectOperator, DetectSettings
from models.priors import SHIPPED_SHA256
from schemas.events import Setting
from schemas.topics import SETTINGS


def test_show_names_the_version_the_checksum_and_each_family() -> None:
    done = CliRunner().invoke(app, ["priors", "show"])
    assert done.exit_code == 0, done.output
    assert SHIPPED_SHA256 in done.output
    assert "node_cpu" in done.output
    assert json.loads(CliRunner().invoke(app, ["priors", "show", "--json"]).output)["sha256"] == SHIPPED_SHA256


def test_learn_writes_a_setting_that_the_detect_stage_takes(tmp_path: Path) -> None:
    files = []
    for host in ("a", "b", "c"):
        random = np.random.default_rng(ord(host))
        rows = [f"{1_790_000_000 + 60 * at},{200 + 4 * random.standard_normal()},{host}" for at in range(1700)]
        files.append(tmp_path / f"{host}.csv")
        files[-1].write_text("\n".join(["timestamp,value,host", *rows]) + "\n")
    out = tmp_path / "priors.json"
    arguments = ["priors", "learn", *map(str, files), "--metric", "queue_depth", "--out", str(out), "--name", "ours"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert "any" in done.output
    setting = Setting.from_bytes(out.read_bytes())
    assert setting.subject == "priors"
    learned = setting.body["families"]["any"]
    assert 0.015 < max(learned["relative"], learned["spread"] / 200) < 0.025
    operator = DetectOperator(DetectSettings(), 0, 1)
    operator.step(SETTINGS.name, setting.to_bytes())
    assert "ours" in dict(operator.take_blocks())["meta"].decode()


def test_learn_says_when_there_is_too_little_to_learn_from(tmp_path: Path) -> None:
    short = tmp_path / "short.csv"
    short.write_text("timestamp,value\n1790000000,1\n1790000060,2\n")
    done = CliRunner().invoke(app, ["priors", "learn", str(short)])
    assert done.exit_code == 0, done.output
    assert "no family has three series" in done.output

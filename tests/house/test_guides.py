"""What the guides show is what the commands print."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "five-minutes.md"


def blocks(language: str) -> list[str]:
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", GUIDE.read_text(), flags=re.DOTALL | re.MULTILINE)
    return [text for named, text in fenced if named == language]


def said(text: str) -> set[str]:
    """Lines, their spaces made one."""
    return {" ".join(line.split()) for line in text.splitlines() if line.strip()}


def run(command: list[str], folder: Path) -> tuple[int, str]:
    env = {**os.environ, "COLUMNS": "160", "NO_COLOR": "1"}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_the_recording_of_the_five_minute_guide_makes_the_incident_that_it_shows(tmp_path: Path) -> None:
    script = next(block for block in blocks("python") if "checkout_latency_ms.csv" in block)
    (tmp_path / "make_day.py").write_text(script)
    assert run([sys.executable, "make_day.py"], tmp_path)[0] == 0
    shown = next(block for block in blocks("") if "metrics-ai replay" in block)
    command = shown.splitlines()[0].removeprefix("$ .venv/bin/metrics-ai ").split()
    status, output = run([sys.executable, "-m", "metrics_ai", *command], tmp_path)
    assert status == 0, output
    assert said("\n".join(shown.splitlines()[1:])) <= said(output), output


def test_the_messages_of_the_five_minute_guide_become_what_it_shows(tmp_path: Path) -> None:
    shown = next(block for block in blocks("") if "metrics-ai decode" in block).splitlines()
    at = next(number for number, line in enumerate(shown) if "metrics-ai decode" in line)
    (tmp_path / "messages.jsonl").write_text("\n".join(shown[1:at]) + "\n")
    command = shown[at].removeprefix("$ .venv/bin/metrics-ai ").split()
    status, output = run([sys.executable, "-m", "metrics_ai", *command], tmp_path)
    assert status == 1
    assert said("\n".join(shown[at + 1 :])) <= said(output), output
